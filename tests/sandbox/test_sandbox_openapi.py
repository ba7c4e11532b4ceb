"""schemas/openapi.yaml says what is served: no less and no more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

import reconciler
from reconciler import schema
from reconciler.sandbox import Settings, rules, server
from reconciler.sandbox.store import Store

SCHEMAS = Path(reconciler.__file__).parent.parent / "schemas"
OPENAPI = yaml.safe_load((SCHEMAS / "openapi.yaml").read_text("utf-8"))
VERBS = ("get", "put", "post", "delete", "patch")
DESCRIBED = sorted((path, verb) for path, item in OPENAPI["paths"].items() for verb in item if verb in VERBS)  # fmt: skip  # noqa: E501


def served() -> list[tuple[str, str]]:
    with closing(Store(None)) as store:
        app = server.application(store, rules.rulebook(schema.load("number")), Settings())
        return sorted(
            (route.resource.canonical, route.method.lower())
            for route in app.router.routes()
            if route.resource is not None
        )


def test_what_is_described_is_what_is_served() -> None:
    assert served() == DESCRIBED


@pytest.mark.parametrize(("path", "verb"), DESCRIBED)
def test_each_described_path_answers(api: httpx.Client, path: str, verb: str) -> None:
    values = {"digits": "61255500001", "AccountSid": "ACsandbox", "PropertySid": "PRsandbox"}
    body = "[]" if verb == "put" else "{}"
    answer = api.request(verb, path.format(**values), content=body)
    assert answer.status_code == 200
    assert "200" in OPENAPI["paths"][path][verb]["responses"]


@pytest.mark.parametrize(("path", "verb"), DESCRIBED)
def test_only_the_sandboxs_own_paths_want_no_credentials(path: str, verb: str) -> None:
    assert (OPENAPI["paths"][path][verb].get("security") == []) == path.startswith("/_sandbox")


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def registry() -> Registry[Any]:
    number = json.loads((SCHEMAS / "number.schema.json").read_text("utf-8"))
    return Registry().with_resources(
        [
            ("openapi.yaml", DRAFT202012.create_resource(OPENAPI)),
            ("number.schema.json", Resource.from_contents(number)),
        ]
    )


@pytest.mark.parametrize("reference", sorted(set(references(OPENAPI))))
def test_every_reference_leads_somewhere(reference: str) -> None:
    resolver = registry().resolver("openapi.yaml")
    assert resolver.lookup(reference).contents


def test_no_parameter_is_restated() -> None:
    text = (SCHEMAS / "openapi.yaml").read_text("utf-8")
    assert not [name for name in schema.parameters() if len(name) > 4 and name in text]


FAULT = {"$ref": "openapi.yaml#/components/schemas/Fault"}


def checked(answer: httpx.Response, name: str) -> None:
    reference = {"$ref": f"openapi.yaml#/components/schemas/{name}"}
    Draft202012Validator(reference, registry=registry()).validate(answer.json())


def test_answers_are_as_described(start: Callable[..., httpx.Client], tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text('{"Numbers": [{"Number": "+61255500001"}], "Flows": [{"ConfigId": "c"}]}')
    api = start(seed=seed)
    checked(api.get("/v2/Accounts/ACsandbox/Numbers"), "Numbers")
    checked(api.get("/v2/Properties/PRsandbox/Flows"), "Flows")
    checked(api.get("/v2/Numbers/61255509999"), "Error")
    checked(api.put("/_sandbox/faults", json=["404:times=1"]), "Error")
    for fault in api.put("/_sandbox/faults", json=["429:rate=50", {"kind": "cut"}]).json():
        Draft202012Validator(FAULT, registry=registry()).validate(fault)
    checked(api.get("/_sandbox/stats"), "Stats")
