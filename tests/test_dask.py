"""--dask: real worker processes, some of which die."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from harness import Account, Ran, Run

from reconciler import desired, remote, sandbox
from reconciler.api import Access

distributed = pytest.importorskip("distributed", reason="Dask is not installed")

NUMBERS = [f"+612555000{index:02}" for index in range(40)]
LATENCY = 0.03


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A scheduler and two workers, of which only the workers have the token."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        env={"RECONCILER_TOKEN": sandbox.TOKEN},
        memory_limit=0,
        silence_logs=logging.CRITICAL,
    ) as started:
        yield started


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reconciler: Run) -> Iterator[Account]:
    """Forty numbers that record calls, one that cannot be read, an API that takes a while over
    everything; the environment points at it and has no token."""
    settings = sandbox.Settings(db=tmp_path / "account.sqlite", latency=LATENCY)
    with sandbox.running(settings) as url:
        monkeypatch.setenv("RECONCILER_API_URL", url)
        monkeypatch.setenv("RECONCILER_ACCOUNT_SID", sandbox.ACCOUNT_SID)
        account = Account(url)
        account.add(*({"Number": number, "Recording": "Call"} for number in NUMBERS))
        keys = "".join(f"  {number}:\n" for number in NUMBERS)
        head = "version: 1\ndefaults: {Recording: Off}\nnumbers:\n"
        (tmp_path / "numbers.yaml").write_text(head + keys, "utf-8")
        (tmp_path / "more.yaml").write_text(
            f"{head}{keys}  +61255500099:\n  +61255500098: {{WebHookMethod: POST}}\n", "utf-8"
        )
        yield account


@pytest.fixture
def dask(reconciler: Run, cluster: Any, slow: Account) -> Callable[..., Ran]:
    """Runs the command line on the cluster, four requests at a time."""

    def run(*arguments: str) -> Ran:
        flags = ("--dask", cluster.scheduler_address, "--parallelism", "4", "-q")
        return reconciler(*arguments, *flags)

    return run


@pytest.fixture
def alone(reconciler: Run, slow: Account, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs the command line on this machine alone."""

    def run(*arguments: str) -> Ran:
        with monkeypatch.context() as patch:
            patch.setenv("RECONCILER_TOKEN", sandbox.TOKEN)
            return reconciler(*arguments, "-q")

    return run


def same(one: Path, other: Path) -> bool:
    """Whether two saved plans are the same to the byte, created_at aside."""
    texts = [
        [line for line in file.read_text("utf-8").splitlines() if '"created_at"' not in line]
        for file in (one, other)
    ]
    return texts[0] == texts[1]


def killed_after(cluster: Any, account: Account, kind: str, count: int) -> None:
    """Kills a worker as soon as so many requests have been made."""
    while account.stats()[kind] < count:
        pass
    os.kill(cluster.workers[0].pid, signal.SIGKILL)


def test_workers_of_our_own_make_the_plan_of_one_machine(
    slow: Account, alone: Callable[..., Ran], tmp_path: Path
) -> None:
    one = alone("plan", "more.yaml", "--out", "one.json")
    many = alone("plan", "more.yaml", "--out", "many.json", "--dask", "local:2")
    assert (many.code, many.out, many.err) == (one.code, one.out, one.err)
    assert same(tmp_path / "many.json", tmp_path / "one.json")
    assert slow.stats()["post"] == 0


def test_a_plan_is_the_same_where_a_worker_is_killed_midway(
    slow: Account, alone: Callable[..., Ran], dask: Callable[..., Ran], cluster: Any, tmp_path: Path
) -> None:
    one = alone("plan", "more.yaml", "--out", "one.json")
    slow.forget_stats()
    with ThreadPoolExecutor() as pool:
        killing = pool.submit(killed_after, cluster, slow, "get", 10)
        many = dask("plan", "more.yaml", "--out", "many.json")
        killing.result()
    assert (many.code, many.out, many.err) == (one.code, one.out, one.err)
    assert same(tmp_path / "many.json", tmp_path / "one.json")
    assert slow.stats()["max_in_flight"] <= 4 + 1  # and the question for the stats


def test_an_apply_converges_where_a_worker_is_killed_midway(
    slow: Account, dask: Callable[..., Ran], cluster: Any
) -> None:
    dask("plan", "numbers.yaml", "--out", "plan.json")
    slow.forget_stats()
    flags = ("--auto-approve", "--max-changes", "100%", "--format", "json")
    with ThreadPoolExecutor() as pool:
        killing = pool.submit(killed_after, cluster, slow, "post", 8)
        ran = dask("apply", "plan.json", *flags)
        killing.result()
    assert (ran.code, len(ran.json["results"])) == (0, len(NUMBERS))
    assert [slow.live(number)["Recording"] for number in NUMBERS] == ["Off"] * len(NUMBERS)
    in_flight = 2  # of the worker that was killed
    assert len(NUMBERS) <= slow.stats()["posts_carried_out"] <= len(NUMBERS) + in_flight


def test_what_is_already_in_place_is_not_written_again(
    slow: Account, dask: Callable[..., Ran]
) -> None:
    dask("plan", "numbers.yaml", "--out", "plan.json")
    for number in NUMBERS[:20]:
        slow.edit(number, Recording="Off")
    slow.edit(NUMBERS[20], Recording=None)
    flags = ("--auto-approve", "--max-changes", "100%", "--format", "json")
    ran = dask("apply", "plan.json", *flags)
    summary = {name: count for name, count in ran.json["summary"].items() if count}
    assert summary == {"applied": 19, "already_in_place": 20, "conflict": 1}
    assert (ran.code, slow.stats()["post"]) == (4, 19)


def test_files_are_planned_and_applied_by_workers(slow: Account, dask: Callable[..., Ran]) -> None:
    ran = dask("apply", "numbers.yaml", "--auto-approve", "--max-changes", "100%", "--canary", "3")
    assert (ran.code, slow.stats()["post"]) == (0, len(NUMBERS))
    assert dask("drift", "numbers.yaml").code == 0


def test_drift_by_workers_ends_with_exit_2(slow: Account, dask: Callable[..., Ran]) -> None:
    assert (dask("drift", "numbers.yaml").code, slow.stats()["post"]) == (2, 0)


def test_workers_read_the_flows_and_the_plan_is_that_of_one_machine(
    slow: Account, dask: Callable[..., Ran], alone: Callable[..., Ran], tmp_path: Path
) -> None:
    slow.flows({"cfg-sales": "Sales IVR"})
    keys = "".join(f"  {number}:\n" for number in NUMBERS)
    text = (
        "version: 1\nproperty: PRsandbox\ndefaults: {RoutingMethod: Flow, Flow: {name: Sales IVR}}"
        f"\nnumbers:\n{keys}  +61255500097: {{Flow: cfg-slaes}}\n"
    )
    (tmp_path / "named.yaml").write_text(text, "utf-8")
    one = alone("plan", "named.yaml", "--out", "one.json")
    slow.forget_stats()
    many = dask("plan", "named.yaml", "--out", "many.json")
    assert (many.code, many.out, many.err) == (one.code, one.out, one.err)
    assert same(tmp_path / "many.json", tmp_path / "one.json")
    assert (slow.stats()["flows"], one.out.count("(Sales IVR)")) == (1, 1)
    (tmp_path / "named.yaml").write_text(text.replace("Sales IVR", "Sale IVR"), "utf-8")
    assert 'did you mean "Sales IVR"?' in dask("plan", "named.yaml").err


def test_a_guard_refuses_before_any_worker_writes(slow: Account, dask: Callable[..., Ran]) -> None:
    assert dask("apply", "numbers.yaml", "--auto-approve").code == 3
    assert slow.stats()["post"] == 0


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_refused_credentials_stop_every_worker(
    slow: Account, dask: Callable[..., Ran], command: str
) -> None:
    dask("plan", "numbers.yaml", "--out", "plan.json")
    slow.forget_stats()
    slow.faults("401:after=8")
    subject = "numbers.yaml" if command == "plan" else "plan.json"
    flags = () if command == "plan" else ("--auto-approve", "--max-changes", "100%")
    ran = dask(command, subject, *flags)
    assert ran.code == (1 if command == "plan" else 4)
    assert "401" in ran.out + ran.err
    assert slow.stats()["total"] < 30


def test_a_worker_without_a_token_says_what_to_do(
    slow: Account, dask: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = dask("plan", "numbers.yaml", "--token-file", "missing.txt")
    assert ran.code == 1
    assert "On the worker " in ran.err
    assert "--token-file missing.txt cannot be read" in ran.err
    assert slow.stats()["total"] == 0


def test_a_token_never_leaves_its_process(tmp_path: Path) -> None:
    access = Access("https://api.example.com", "ACx", "s3cret")
    with pytest.raises(TypeError, match="holds the token"):
        pickle.dumps(access)
    fields = set(remote.Errand.__dataclass_fields__)
    assert not {name for name in fields if "token" in name} - {"token_file"}


def test_nothing_that_is_pickled_holds_the_token(
    slow: Account, dask: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    def dumps(*arguments: Any, **how: Any) -> bytes:
        made = pickled(*arguments, **how)
        sent.append(made)
        return made

    from distributed.protocol import pickle as dask_pickle

    pickled = dask_pickle.dumps
    monkeypatch.setattr(dask_pickle, "dumps", dumps)
    # This process has a token too, and another one than the workers, which use theirs.
    monkeypatch.setenv("RECONCILER_TOKEN", "t0ken-of-the-client")
    assert dask("plan", "numbers.yaml").code == 0
    assert sent
    assert not any(b"t0ken-of-the-client" in each for each in sent)


def test_a_ctrl_c_at_the_terminal_finishes_what_is_under_way_and_reports_the_rest(
    slow: Account, dask: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dask("plan", "numbers.yaml", "--out", "plan.json")
    slow.forget_stats()
    monkeypatch.setenv("RECONCILER_TOKEN", sandbox.TOKEN)
    with started(
        tmp_path, "apply", "plan.json", "--dask", "local:2", "--auto-approve", "--max-changes",
        "100%", "--parallelism", "4", "--format", "json", "-q", "--journal", "j.jsonl",
    ) as process:  # fmt: skip
        until(slow, "post", 6, process)
        # It reaches the workers too, who are to go on.
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    told = json.loads(out)
    applied = [each["number"] for each in told["results"] if each["status"] == "applied"]
    assert (process.returncode, err) == (130, "Interrupted.\n")
    assert {each["status"] for each in told["results"]} == {"applied", "not_attempted"}
    assert applied == [number for number in NUMBERS if slow.live(number)["Recording"] == "Off"]
    assert slow.stats()["post"] == len(applied) < len(NUMBERS)
    ran = dask("apply", "plan.json", "--auto-approve", "--max-changes", "100%")
    assert (ran.code, slow.stats()["post"]) == (0, len(NUMBERS))


def test_an_interrupted_plan_ends_and_so_do_its_workers(
    slow: Account, cluster: Any, tmp_path: Path, dask: Callable[..., Ran]
) -> None:
    with started(
        tmp_path, "plan", "numbers.yaml", "--dask", cluster.scheduler_address,
        "--parallelism", "2",
    ) as process:  # fmt: skip
        until(slow, "get", 4, process)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "Interrupted.\n")
    # A later run comes after what the workers had, which they gave up.
    assert dask("plan", "numbers.yaml", "--target", NUMBERS[0]).code == 0
    assert slow.stats()["get"] < len(NUMBERS)


def started(cwd: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=cwd, env=os.environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip


def until(account: Account, kind: str, count: int, process: subprocess.Popen[str]) -> None:
    while account.stats()[kind] < count:
        assert process.poll() is None, process.communicate()


def test_a_number_whose_workers_all_die_is_told_as_an_error(cluster: Any) -> None:
    async def run() -> object:
        from reconciler.cluster import connected

        async with connected(cluster.scheduler_address, 30) as workers:
            return await workers.run(os.abort)

    assert asyncio.run(run()) is None


def test_what_is_declared_can_be_sent_to_a_worker(slow: Account, tmp_path: Path) -> None:
    declared = desired.load([str(tmp_path / "more.yaml")])
    numbers = list(declared.numbers.values())
    assert pickle.loads(pickle.dumps(numbers)) == numbers


@pytest.mark.parametrize("address", ["tcp://host", "http://host:1", "local:0", "local:x", "4"])
def test_an_address_that_is_none_is_a_mistake_on_the_command_line(
    reconciler: Run, slow: Account, address: str
) -> None:
    assert reconciler("plan", "numbers.yaml", "--dask", address).code == 64


@pytest.mark.parametrize("flags", [["--shard", "1/2"], ["--sandbox"], ["--fetch", "list"]])
def test_what_workers_cannot_do_is_a_mistake_on_the_command_line(
    reconciler: Run, slow: Account, flags: list[str]
) -> None:
    assert reconciler("plan", "numbers.yaml", "--dask", "local:2", *flags).code == 64


def test_a_scheduler_that_is_not_there_is_said_to_be_so(reconciler: Run, slow: Account) -> None:
    address = "tcp://127.0.0.1:9"
    ran = reconciler("plan", "numbers.yaml", "--dask", address, "--retry-for", "0.2")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"Error: --dask {address}: there is no scheduler with workers.\n"


def test_without_dask_it_says_how_to_install_it(
    slow: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = (
        "import sys; sys.modules['distributed'] = None\n"
        "sys.argv = ['reconciler', 'plan', 'numbers.yaml', '--dask', 'local:2']\n"
        "from reconciler.cli import main\nmain()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "Error: --dask needs Dask: pip install 'reconciler[dask]'.\n"
