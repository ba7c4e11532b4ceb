"""Seed files: what they add, and how a bad one is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from reconciler import sandbox
from reconciler.errors import SetupError
from reconciler.sandbox import Settings

NUMBER, PATH = "+61255500001", "/v2/Numbers/61255500001"
Start = Callable[..., httpx.Client]


def written(folder: Path, content: object) -> Path:
    path = folder / "account.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"Numbers": rows, "Flows": []}])
def test_a_seed_is_served(
    tmp_path: Path, start: Start, wrap: Callable[[list[object]], object]
) -> None:
    entry = {"Number": NUMBER, "Friendly": "Zoë", "Flow": None, "PropertySid": "PRother"}
    api = start(seed=written(tmp_path, wrap([entry])))
    answer = api.get(PATH).json()
    assert answer | entry == answer
    assert answer["AccountSid"] == sandbox.ACCOUNT_SID


def test_a_number_as_the_api_gives_it_is_a_seed(tmp_path: Path, start: Start) -> None:
    first = start(NUMBER)
    served = first.post(PATH, json={"Friendly": "x"}).json()
    assert start(seed=written(tmp_path, [served])).get(PATH).json() == served


def test_a_seed_does_not_undo_what_was_configured(
    tmp_path: Path, connect: Callable[[str], httpx.Client]
) -> None:
    seed = written(tmp_path, [{"Number": NUMBER, "Friendly": "seed"}])
    settings = Settings(db=tmp_path / "s.db", seed=seed)
    with sandbox.running(settings) as url, connect(url) as api:
        api.post(PATH, json={"Friendly": "configured"})
    written(tmp_path, [{"Number": NUMBER, "Friendly": "seed"}, {"Number": "+61255500002"}])
    with sandbox.running(settings) as url, connect(url) as api:
        assert api.get(PATH).json()["Friendly"] == "configured"
        assert api.get("/v2/Numbers/61255500002").is_success


def test_a_bare_number_does_not_replace_a_seeded_one(tmp_path: Path, start: Start) -> None:
    api = start(NUMBER, seed=written(tmp_path, [{"Number": NUMBER, "Friendly": "seed"}]))
    assert api.get(PATH).json()["Friendly"] == "seed"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text", "must be a list"),
        ({"numbers": []}, '"numbers"'),
        ({"Flows": {}}, "Flows: it must be a list"),
        ([1], "entry 1: A number must be a JSON object"),
        ([{"Number": NUMBER}, {"Friendly": "x"}], "entry 2: Number is missing"),
        ([{"Number": "0255500001"}], "entry 1: Number must be a phone number"),
        ([{"Number": [NUMBER]}], "entry 1: Number must be text"),
        ([{"Number": NUMBER, "Nope": "x"}], 'entry 1: There is no parameter "Nope"'),
        ([{"Number": NUMBER, "Friendly": 5}], "entry 1: Friendly must be text"),
        ([{"Number": NUMBER, "AccountSid": 5}], "entry 1: AccountSid must be printable text"),
        ([{"Number": NUMBER}, {"Number": NUMBER}], r"entry 2: \+61255500001 is there twice"),
        ({"Flows": [{"Name": "x"}]}, "Flows, entry 1: ConfigId"),
        ({"Flows": [{"ConfigId": "x", "Nope": 1}]}, "Flows, entry 1: A flow has no"),
        ({"Flows": [{"ConfigId": "x", "Revision": "2"}]}, "Revision must be a whole number"),
        ({"Flows": [{"ConfigId": "x"}, {"ConfigId": "x"}]}, "Flows, entry 2: x is there twice"),
    ],
)
def test_a_bad_seed_names_the_file_and_the_entry(
    tmp_path: Path, content: object, said: str
) -> None:
    settings = Settings(seed=written(tmp_path, content))
    with (
        pytest.raises(SetupError, match=rf"account\.json.*{said}"),
        sandbox.running(settings),
    ):
        pass


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"[{]", "line 1, column 3"),
        (b"\xff\xfe", "not UTF-8"),
        (b'[{"Number": "+61255500001", "Number": "+61255500002"}]', "twice"),
        (b"[" * 100_000, "nested"),
    ],
)
def test_a_seed_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "account.json"
    path.write_bytes(content)
    with (
        pytest.raises(SetupError, match=rf"account\.json.*{said}"),
        sandbox.running(Settings(seed=path)),
    ):
        pass


def test_a_seed_that_is_not_there_is_a_setup_error(tmp_path: Path) -> None:
    settings = Settings(seed=tmp_path / "account.json")
    with (
        pytest.raises(SetupError, match=r"account\.json cannot be read"),
        sandbox.running(settings),
    ):
        pass


def test_a_bare_number_that_is_none_is_a_setup_error() -> None:
    with (
        pytest.raises(SetupError, match="Number"),
        sandbox.running(Settings(), [{"Number": "0255500001"}]),
    ):
        pass


def test_a_flow_that_is_given_by_name_is_added_where_its_property_has_none_of_that_name(
    tmp_path: Path,
) -> None:
    db = tmp_path / "account.sqlite"
    credentials = (sandbox.ACCOUNT_SID, sandbox.TOKEN)
    for config in ("cfg-1", "cfg-2"):
        flow = {"PropertySid": "PR1", "ConfigId": config, "Name": "Sales"}
        with sandbox.running(Settings(db=db), flows=[flow]) as url:
            path = f"{url}/v2/Properties/PR1/Flows"
            found = httpx.get(path, auth=credentials, trust_env=False).json()
    assert [each["ConfigId"] for each in found] == ["cfg-1"]
