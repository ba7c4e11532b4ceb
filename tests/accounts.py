"""Accounts made at random, as departments, campaigns and exceptions make them."""

from __future__ import annotations

import random

from reconciler.model import LiveNumber

Fields = dict[str, str]

CITIES = ("Sydney", "Melbourne", "Brisbane", "Perth", "Adelaide")
DEPARTMENTS = ("sales", "support", "billing", "service", "parts", "finance", "fleet", "reception")
HOOKS = ("https://hooks.example.com/sms", "https://crm.example.net/in", "https://t.example.org/")
CAMPAIGNS = (
    ("google", "cpc", "spring-2026"),
    ("google", "cpc", "brand"),
    ("google", "organic", "always-on"),
    ("newsletter", "email", "loyalty"),
    ("radio", "offline", "drive-time"),
)


def live_numbers(count: int, seed: int, exceptions: float = 0.05) -> list[LiveNumber]:
    """So many numbers; of all their fields that share is missing, and as much is other."""
    dice = random.Random(seed)
    departments = {name: _department(dice, name) for name in DEPARTMENTS}
    return [
        LiveNumber(
            f"+{61255500000 + place}",
            _less_or_other(dice, _fields(dice, place, departments), exceptions),
            {"AccountSid": "ACsandbox", "PropertySid": "PRsandbox"},
        )
        for place in range(count)
    ]


def _department(dice: random.Random, name: str) -> Fields:
    flow = {"RoutingMethod": "Flow", "Flow": f"cfg-{name}"}
    endpoint = {
        "RoutingMethod": "Endpoint",
        "EndpointNumber": f"+612555010{dice.randrange(100):02}",
    }
    mail = {"SendEmailFrom": "texts@example.com", "SendEmailTo": f"{name}@example.com"}
    text = {"SendSmsFrom": "+61491570156", "SendSmsTo": f"+6149157{dice.randrange(10_000):04}"}
    url = dice.choice(HOOKS)
    hook = {"WebHookUrl": url, "WebHookMethod": "POST"}
    receipts = {"DeliveryReceiptWebHookUrl": url, "DeliveryReceiptWebHookMethod": "GET"}
    return {
        "Recording": dice.choice(["Off", "Call"]),
        **dice.choice([flow, flow, endpoint]),
        **dice.choice([mail, mail, text, mail | text]),
        **dice.choice([{}, hook, hook | receipts]),
    }


def _fields(dice: random.Random, place: int, departments: dict[str, Fields]) -> Fields:
    city, department = dice.choice(CITIES), dice.choice(DEPARTMENTS)
    names = ("Attribution_Source", "Attribution_Medium", "Attribution_Campaign")
    campaign = dict(zip(names, dice.choice(CAMPAIGNS), strict=True))
    content = {"Attribution_Content": f"headline-{dice.choice('abc')}"}
    return {
        "Friendly": f"{city} {department} {place}",
        "AddressSid": f"AD{city.lower()}",
        **departments[department],
        **dice.choice([{}, {}, campaign, campaign | content]),
    }


def _less_or_other(dice: random.Random, fields: Fields, share: float) -> Fields:
    other = {"Recording": "Off", "Flow": "cfg-test", "EndpointNumber": "+61255509999"}
    fate = {name: dice.random() for name in fields}
    left = {
        name: other.get(name, text) if fate[name] < 2 * share else text
        for name, text in fields.items()
        if fate[name] >= share
    }
    target = {"Flow": "Flow", "Endpoint": "EndpointNumber"}.get(left.get("RoutingMethod", ""))
    if target is not None and target not in left:
        del left["RoutingMethod"]
    return left
