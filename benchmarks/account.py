"""Numbers to measure with: what a file declares, and what is live; 1 % of them differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FIRST = 61255500000
EVERY = 100
FEW = ("Friendly", "Attribution_Campaign", "Recording")


@dataclass(frozen=True, slots=True)
class Account:
    """The files of `count` numbers; `live` is a sandbox's database, made by the lab.

    `names` are the fields that a number has; with none, all.
    """

    count: int
    folder: Path
    names: tuple[str, ...] = ()

    @property
    def declared(self) -> Path:
        return self.folder / "numbers.yaml"

    @property
    def seed(self) -> Path:
        return self.folder / "seed.json"

    @property
    def live(self) -> Path:
        return self.folder / "live.sqlite"

    @property
    def differing(self) -> int:
        return len(range(0, self.count, EVERY))


def write(account: Account) -> None:
    """Writes both files line by line, so that this process stays small."""
    account.folder.mkdir(parents=True)
    with account.declared.open("w", encoding="utf-8") as file:
        file.writelines(_yaml(account))
    with account.seed.open("w", encoding="utf-8") as file:
        file.writelines(_json(account))


def fields(place: int) -> dict[str, str]:
    """The eight fields that the file declares for one number."""
    return {
        "Friendly": f"Branch {place:06}",
        "Attribution_Source": "newspaper",
        "Attribution_Campaign": f"campaign-{place % 97}",
        "RoutingMethod": "Flow",
        "Flow": f"cfg-{place % 53}",
        "Recording": "Call",
        "WebHookUrl": f"https://hooks.example.com/sms/{place}",
        "WebHookMethod": "POST",
    }


def live_fields(place: int) -> dict[str, str]:
    """The same as the API has them: of every hundredth number, the recording is off."""
    return fields(place) | ({"Recording": "Off"} if place % EVERY == 0 else {})


def _yaml(account: Account) -> Iterator[str]:
    yield "version: 1\nnumbers:\n"
    for place in range(account.count):
        told = _kept(account, fields(place))
        yield f"  +{FIRST + place}:\n"
        yield from (f"    {name}: {value}\n" for name, value in told.items())


def _json(account: Account) -> Iterator[str]:
    for place in range(account.count):
        number = {"Number": f"+{FIRST + place}", **_kept(account, live_fields(place))}
        yield ("," if place else "[") + json.dumps(number) + "\n"
    yield "]\n"


def _kept(account: Account, fields: dict[str, str]) -> dict[str, str]:
    if not account.names:
        return fields
    return {name: fields[name] for name in account.names}
