"""plan --shard on many machines, and merge: together they are the plan of one machine."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import Account, Run
from hypothesis import given
from hypothesis import strategies as st

from reconciler import seal, shard

NUMBERS = [f"+612555000{index:02}" for index in range(30)]
Write = Callable[..., str]


@pytest.fixture
def path(account: Account, write: Write) -> str:
    """Thirty numbers, of which a third differ and one cannot be read."""
    account.add(
        *(
            {"Number": number, "Recording": "Off" if index % 3 else "Call"}
            for index, number in enumerate(NUMBERS[:-1])
        )
    )
    keys = "".join(f"  {number}: {{tags: [sales]}}\n" for number in NUMBERS)
    # A warning: one of its fields has no effect.
    text = f"{keys}  +61255500099: {{WebHookMethod: POST}}\n"
    account.add({"Number": "+61255500099", "Recording": "Off", "WebHookMethod": "POST"})
    return write(f"version: 1\ndefaults: {{Recording: Off}}\nnumbers:\n{text}")


@pytest.fixture
def shards(path: str, reconciler: Run) -> Callable[..., list[str]]:
    """Makes the plans of all shards; returns their paths."""

    def make(count: int, *flags: str) -> list[str]:
        names = [f"shard-{index}.json" for index in range(1, count + 1)]
        for index, name in enumerate(names, 1):
            reconciler("plan", path, "--shard", f"{index}/{count}", "--out", name, *flags)
        return names

    return make


def same(one: Path, other: Path) -> bool:
    """Whether two saved plans are the same to the byte, created_at aside."""
    texts = [
        [line for line in file.read_text("utf-8").splitlines() if '"created_at"' not in line]
        for file in (one, other)
    ]
    return texts[0] == texts[1]


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_the_merged_plan_is_the_plan_of_one_machine(
    path: str, shards: Callable[..., list[str]], reconciler: Run, tmp_path: Path, count: int
) -> None:
    whole = reconciler("plan", path, "--out", "whole.json")
    merged = reconciler("merge", *reversed(shards(count)), "--out", "merged.json")
    assert (merged.code, merged.out) == (whole.code, whole.out)
    assert same(tmp_path / "merged.json", tmp_path / "whole.json")


def test_every_shard_reads_its_own_numbers_alone(
    account: Account, shards: Callable[..., list[str]]
) -> None:
    shards(4)
    assert account.stats()["get"] == len(NUMBERS) + 1


@given(st.lists(st.from_regex(r"\+[1-9][0-9]{1,14}", fullmatch=True)), st.integers(1, 50))
def test_every_number_is_in_exactly_one_shard(numbers: list[str], count: int) -> None:
    found = [index for index in range(1, count + 1) for n in numbers if belongs(n, index, count)]
    assert len(found) == len(numbers)


def belongs(number: str, index: int, count: int) -> bool:
    return shard.shard_of(number, count) == index


def test_the_shards_of_a_number_never_change() -> None:
    # Other machines, and plans that are saved already, count on these.
    assert [shard.shard_of("+61255500001", count) for count in (1, 2, 3, 8, 1000)] == [
        1,
        2,
        3,
        6,
        726,
    ]


def test_a_shard_without_numbers_is_an_empty_plan(
    path: str, reconciler: Run, account: Account
) -> None:
    empty = next(
        index
        for index in range(1, 200)
        if not any(belongs(number, index, 200) for number in [*NUMBERS, "+61255500099"])
    )
    ran = reconciler("plan", path, "--shard", f"{empty}/200")
    told = f"Shard {empty} of 200. No changes. There are no numbers in it.\n"
    assert (ran.code, ran.out, account.stats()["total"]) == (0, told, 0)


@pytest.mark.parametrize("written", ["0/3", "4/3", "3", "1/0", "-1/3", "1/3/5", "x/y", "1.0/2"])
def test_a_shard_that_there_cannot_be_is_a_mistake_on_the_command_line(
    path: str, reconciler: Run, written: str
) -> None:
    ran = reconciler("plan", path, "--shard", written)
    assert ran.code == 64
    assert "is no shard" in ran.err


def test_missing_shards_are_named(shards: Callable[..., list[str]], reconciler: Run) -> None:
    names = shards(5)
    ran = reconciler("merge", names[0], names[2], names[3], "--out", "merged.json")
    told = "shard-1.json:1:1: of 5 shards 2 are missing: 2, 5\n"
    assert (ran.code, ran.err, ran.out) == (1, told, "")
    assert not Path("merged.json").exists()


def test_a_shard_that_is_given_twice_is_refused(
    shards: Callable[..., list[str]], reconciler: Run
) -> None:
    ran = reconciler("merge", *shards(2), "shard-2.json")
    told = "shard-2.json:1:1: shard 2 is given twice; it is first in shard-2.json\n"
    assert (ran.code, ran.err) == (1, told)


def test_a_whole_plan_is_no_shard(path: str, reconciler: Run) -> None:
    reconciler("plan", path, "--out", "whole.json")
    ran = reconciler("merge", "whole.json")
    assert ran.code == 1
    assert "no shard's plan" in ran.err


def edited(name: str, change: Callable[[Any], Any]) -> None:
    """Alters a saved plan and gives it the digest that it then has to have."""
    data = json.loads(Path(name).read_text("utf-8"))
    change(data)
    data["digest"] = seal.digest(data, None)
    Path(name).write_text(json.dumps(data), "utf-8")


EDITS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "API": (lambda plan: plan.update(api_url="http://127.0.0.1:9"), "another API"),
    "account": (lambda plan: plan.update(account_sid="ACother"), "another account"),
    "files": (lambda plan: plan["sources"][0].update(sha256="0" * 64), "other files"),
    "path": (lambda plan: plan["sources"][0].update(path="other.yaml"), "other files"),
    "managed": (lambda plan: plan["limits"].update(managed=99), "managed numbers"),
    "limit": (lambda plan: plan["limits"].update(max_changes=99), "number of changes"),
    "warnings": (lambda plan: plan["warnings"].clear(), "something else"),
    "count": (lambda plan: plan.update(shard={"index": 2, "count": 2, "numbers": 31}), "shard"),
    "selection": (lambda plan: plan["shard"].update(numbers=7), "7 selected numbers, not 31"),
    "numbers": (lambda plan: plan["summary"].update(numbers=1000), "not one selection"),
    "index": (lambda plan: plan["shard"].update(index=9), "shard that there cannot be"),
    "version": (lambda plan: plan.update(format_version=2), "format version"),
    "another's": (lambda plan: plan["shard"].update(index=1), "is not in shard 1 of 3"),
}


@pytest.mark.parametrize(("change", "told"), EDITS.values(), ids=EDITS)
def test_plans_that_are_not_shards_of_one_run_are_refused(
    shards: Callable[..., list[str]],
    reconciler: Run,
    change: Callable[[Any], Any],
    told: str,
) -> None:
    names = shards(3)
    edited("shard-2.json", change)
    ran = reconciler("merge", *names)
    assert (ran.code, ran.out) == (1, "")
    assert told in ran.err
    assert ran.err.startswith("shard-2.json:1:1: ") or "not one selection" in ran.err


def test_shards_of_different_selections_are_refused(
    path: str, shards: Callable[..., list[str]], reconciler: Run
) -> None:
    names = shards(2)
    reconciler("plan", path, "--shard", "2/2", "--tag", "sales", "--out", names[1])
    assert "30 selected numbers, not 31" in reconciler("merge", *names).err


def test_an_altered_shard_is_refused(shards: Callable[..., list[str]], reconciler: Run) -> None:
    names = shards(2)
    text = Path(names[1]).read_text("utf-8")
    Path(names[1]).write_text(text.replace('"Call"', '"Other"', 1), "utf-8")
    ran = reconciler("merge", *names)
    assert (ran.code, "altered" in ran.err) == (1, True)


def test_signed_shards_make_a_signed_plan(
    path: str,
    shards: Callable[..., list[str]],
    reconciler: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("RECONCILER_PLAN_KEY", "k3y")
    names = shards(2)
    reconciler("plan", path, "--out", "whole.json")
    reconciler("merge", *names, "--out", "merged.json")
    assert same(tmp_path / "merged.json", tmp_path / "whole.json")
    monkeypatch.delenv("RECONCILER_PLAN_KEY")
    assert reconciler("merge", *names).code == 1


def test_a_merge_never_overwrites_a_shard(
    shards: Callable[..., list[str]], reconciler: Run
) -> None:
    assert reconciler("merge", *shards(2), "--out", "shard-1.json").code == 64


def test_a_single_shard_can_be_applied_and_writes_its_own_numbers_alone(
    account: Account, shards: Callable[..., list[str]], reconciler: Run
) -> None:
    shards(3)
    changes = json.loads(Path("shard-2.json").read_text("utf-8"))["changes"]
    ran = reconciler("apply", "shard-2.json", "--auto-approve", "--format", "json")
    assert ran.code in (0, 4)
    assert account.stats()["post"] == len(changes) > 0
    for number in NUMBERS[:-1]:
        own = belongs(number, 2, 3) or NUMBERS.index(number) % 3
        assert account.live(number)["Recording"] == ("Off" if own else "Call")


def test_the_limit_of_a_single_shard_is_that_of_the_whole(
    account: Account, shards: Callable[..., list[str]], reconciler: Run
) -> None:
    shards(2, "--max-changes", "7%")
    limits = json.loads(Path("shard-1.json").read_text("utf-8"))["limits"]
    assert limits == {"max_changes": 2, "managed": 31}
    assert reconciler("apply", "shard-1.json", "--auto-approve").code == 3
    assert account.stats()["post"] == 0
    allowed = reconciler("apply", "shard-1.json", "--auto-approve", "--max-changes", "33%")
    assert allowed.code in (0, 4)


def test_a_merged_plan_can_be_applied(
    account: Account, shards: Callable[..., list[str]], reconciler: Run
) -> None:
    reconciler("merge", *shards(3, "--max-changes", "100%"), "--out", "merged.json")
    assert reconciler("apply", "merged.json", "--auto-approve").code == 4
    assert [account.live(number)["Recording"] for number in NUMBERS[:-1]] == ["Off"] * 29


def test_differences_end_a_merge_with_exit_2_where_that_is_asked(
    account: Account, write: Write, reconciler: Run
) -> None:
    account.add({"Number": NUMBERS[0], "Recording": "Call"})
    path = write(f"version: 1\nnumbers:\n  {NUMBERS[0]}: {{Recording: Off}}\n", "one.yaml")
    reconciler("plan", path, "--shard", "1/1", "--out", "one.json")
    assert reconciler("merge", "one.json").code == 0
    assert reconciler("merge", "one.json", "--detailed-exitcode").code == 2


def snippets() -> list[Any]:
    text = (Path(__file__).resolve().parent.parent / "docs" / "scale.md").read_text("utf-8")
    return [
        yaml.safe_load(each)
        for each in re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    ]


def test_the_jobs_in_the_docs_plan_every_shard(path: str, reconciler: Run, tmp_path: Path) -> None:
    workflow, job = snippets()
    matrix = workflow["jobs"]["shard"]["strategy"]["matrix"]["shard"]
    assert matrix == list(range(1, len(matrix) + 1))
    assert f"}}}}/{len(matrix)}" in workflow["jobs"]["shard"]["steps"][2]["run"]
    count = job["spec"]["completions"]
    (script,) = job["spec"]["template"]["spec"]["containers"][0]["args"]
    script = script.replace("/numbers", path).replace("/plans/", "").replace("reconciler", "echo")
    for index in range(count):
        ran = subprocess.run(
            ["sh", "-c", script],
            env={"JOB_COMPLETION_INDEX": str(index)},
            capture_output=True,
            text=True,
            check=True,
        )
        reconciler(*ran.stdout.split())
    plans = [f"{index}.json" for index in range(count)]
    reconciler("plan", path, "--out", "whole.json")
    reconciler("merge", *plans, "--out", "merged.json")
    assert same(tmp_path / "merged.json", tmp_path / "whole.json")
