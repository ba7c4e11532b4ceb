"""A saved plan is applied as it was made, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import Account, Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NUMBER = "+61255500001"


@pytest.fixture
def saved(
    account: Account, write: Callable[..., str], reconciler: Run, tmp_path: Path
) -> Callable[[], Path]:
    """Makes and saves a plan of one change."""
    account.add({"Number": NUMBER, "Recording": "Call"})
    path = write(f"version: 1\nnumbers:\n  {NUMBER}: {{Recording: Off}}\n")

    def save() -> Path:
        assert reconciler("plan", path, "--out", "plan.json").code == 0
        return tmp_path / "plan.json"

    return save


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")


EDITS: dict[str, Callable[[Any], Any]] = {
    "another value": lambda plan: plan["changes"][0]["post"].update(Recording="Call"),
    "another number": lambda plan: plan["changes"][0].update(number="+61255500002"),
    "no protection": lambda plan: plan["changes"][0].update(protected=False),
    "a larger limit": lambda plan: plan["limits"].update(max_changes=500),
    "another account": lambda plan: plan.update(account_sid="ACother"),
    "another API": lambda plan: plan.update(api_url="http://127.0.0.1:9"),
    "another version": lambda plan: plan.update(format_version=2),
    "no digest": lambda plan: plan.pop("digest"),
    "no change": lambda plan: plan["changes"].clear(),
    "a field more": lambda plan: plan.update(extra=1),
}


@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS)
def test_an_altered_plan_is_refused_before_anything_is_asked(
    account: Account, saved: Callable[[], Path], reconciler: Run, change: Callable[[Any], Any]
) -> None:
    edit(saved(), change)
    account.forget_stats()
    ran = reconciler("apply", "plan.json", "--auto-approve")
    assert (ran.code, account.stats()["total"]) == (1, 0)
    assert ran.err.startswith("plan.json:1:1: it")


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(st.data())
def test_no_byte_of_a_plan_can_change_what_is_sent(
    account: Account, saved: Callable[[], Path], reconciler: Run, data: st.DataObject
) -> None:
    account.add({"Number": NUMBER, "Recording": "Call"})
    path = saved()
    account.forget_stats()
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    path.write_bytes(bytes(whole))
    ran = reconciler("apply", "plan.json", "--auto-approve")
    # Between the tokens and in created_at, a byte may change without changing what is said.
    assert ran.code in (0, 1)
    assert "Traceback" not in ran.err
    assert account.stats()["post"] == (1 if ran.code == 0 else 0)
    assert account.live(NUMBER)["Recording"] == ("Off" if ran.code == 0 else "Call")


def test_a_signed_plan_is_applied_with_its_key(
    account: Account, saved: Callable[[], Path], reconciler: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_PLAN_KEY", "k3y")
    saved()
    assert reconciler("apply", "plan.json", "--auto-approve").code == 0
    assert account.live(NUMBER)["Recording"] == "Off"


@pytest.mark.parametrize(
    ("signed_with", "checked_with"), [("k3y", ""), ("", "k3y"), ("k3y", "another")]
)
def test_a_plan_is_refused_without_the_key_that_it_was_signed_with(
    account: Account,
    saved: Callable[[], Path],
    reconciler: Run,
    monkeypatch: pytest.MonkeyPatch,
    signed_with: str,
    checked_with: str,
) -> None:
    monkeypatch.setenv("RECONCILER_PLAN_KEY", signed_with)
    saved()
    monkeypatch.setenv("RECONCILER_PLAN_KEY", checked_with)
    ran = reconciler("apply", "plan.json", "--auto-approve")
    assert (ran.code, account.stats()["post"]) == (1, 0)
    assert "sign" in ran.err
    assert "k3y" not in ran.err + ran.out


def test_the_digest_does_not_depend_on_when_the_plan_was_made(
    saved: Callable[[], Path],
) -> None:
    from reconciler import seal

    plan = json.loads(saved().read_text("utf-8"))
    assert seal.digest({**plan, "created_at": "another day"}, None) == plan["digest"]


def test_a_plan_that_cannot_be_written_leaves_no_file_behind(
    account: Account, saved: Callable[[], Path], reconciler: Run, tmp_path: Path
) -> None:
    saved()
    before = sorted(tmp_path.iterdir())
    ran = reconciler("plan", "numbers.yaml", "--out", "missing/plan.json")
    assert ran.code == 1
    assert "missing/plan.json cannot be written" in ran.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_number_that_went_to_another_property_since_is_not_written(
    account: Account, write: Callable[..., str], reconciler: Run
) -> None:
    account.add({"Number": NUMBER, "Recording": "Call"})
    path = write(f"version: 1\nproperty: PRsandbox\nnumbers:\n  {NUMBER}: {{Recording: Off}}\n")
    reconciler("plan", path, "--out", "plan.json")
    account.edit(NUMBER, PropertySid="PRother")
    ran = reconciler("apply", "plan.json", "--auto-approve", "--format", "json")
    assert (ran.code, account.stats()["post"]) == (1, 0)
    assert ran.json["results"][0]["code"] == "OtherProperty"
