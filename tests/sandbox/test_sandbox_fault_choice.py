"""Which requests a fault strikes, and how faults are armed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from faulty import (
    FAULTS,
    LIST,
    NUMBER,
    OTHER_PATH,
    PATH,
    Arm,
    Code,
    Start,
    asked,
    stats,
    statuses,
    until_closed,
)
from harness import Run

from reconciler import sandbox
from reconciler.errors import SetupError
from reconciler.sandbox import Settings
from reconciler.sandbox.armed import Armed
from reconciler.sandbox.fault import Fault


@pytest.mark.parametrize(("method", "struck"), [("GET", [1, 0]), ("POST", [0, 1]), ("any", [1, 1])])
def test_a_fault_is_of_one_method_or_of_any(arm: Arm, method: str, struck: list[int]) -> None:
    api = arm(f"503:method={method}")
    found = [api.get(PATH).status_code, api.post(PATH, json={}).status_code]
    assert [status == 503 for status in found] == struck


@pytest.mark.parametrize("glob", ["61255500001", "+61255500001", "*1", "612555?000[1]"])
def test_a_fault_is_of_some_numbers(arm: Arm, glob: str) -> None:
    api = arm(f"503:number={glob}")
    found = [api.get(path).status_code for path in (PATH, OTHER_PATH, LIST)]
    assert found == [503, 200, 200]


def test_a_fault_strikes_so_often_and_after_so_many(arm: Arm) -> None:
    api = arm("503:after=1,times=2")
    assert statuses(api, 5) == [200, 503, 503, 200, 200]


def test_a_share_is_drawn_the_same_in_each_run(arm: Arm) -> None:
    runs = [statuses(arm("503:share=0.3,seed=7"), 60) for _ in range(2)]
    assert runs[0] == runs[1]
    assert 8 <= runs[0].count(503) <= 28
    assert statuses(arm("503:share=0.3,seed=8"), 60) != runs[0]


@pytest.mark.parametrize(("share", "status"), [("0", 200), ("1", 503)])
def test_a_share_can_be_none_or_all(arm: Arm, share: str, status: int) -> None:
    assert statuses(arm(f"503:share={share}"), 20) == [status] * 20


def test_requests_that_are_not_of_the_kind_are_neither_let_pass_nor_drawn() -> None:
    fault = Armed(Fault("503", method="POST", after=1, number="1"), lambda: 0.0)
    asked = [("GET", "1"), ("POST", "2"), ("POST", None), ("POST", "1"), ("POST", "1")]
    assert [fault.strikes(*each) for each in asked] == [False, False, False, False, True]


def test_an_earlier_fault_keeps_what_it_strikes_from_the_later_ones(arm: Arm) -> None:
    api = arm("503:times=1", "401:times=1", "close")
    assert statuses(api, 3) == [503, 401, 200]
    assert [each["matched"] for each in api.get(FAULTS).json()] == [3, 2, 1]


def test_faults_that_change_an_answer_add_up(arm: Arm) -> None:
    answer = arm("close", "large:bytes=4000", "other-number").get(PATH)
    assert (answer.headers["Connection"], len(answer.content)) == ("close", 4000)
    assert answer.json()["Number"] == "+61255500002"


@pytest.mark.parametrize("inner", ["drop-before", "cut", "wrong-length:by=1"])
def test_what_is_sent_is_not_changed_any_more(arm: Arm, inner: str) -> None:
    with asked(arm("large", "other-number", inner)) as raw:
        assert len(until_closed(raw)) < 4000


def test_what_drips_is_not_changed_any_more(arm: Arm) -> None:
    assert len(arm("large", "slow:bytes-per-second=99999").get(PATH).content) < 4000


def test_the_sandboxs_own_paths_are_never_struck(arm: Arm) -> None:
    api = arm("503")
    assert api.patch("/_sandbox/numbers/61255500001", json={}).is_success
    assert api.put("/_sandbox/numbers", json=[]).is_success
    assert stats(api)["faults"] == {"total": 0}


def test_an_unknown_path_and_wrong_credentials_are_struck_as_by_a_server_in_front(arm: Arm) -> None:
    api = arm("503")
    assert api.get("/v2/Nope").status_code == 503
    assert httpx.get(api.base_url.join(PATH), trust_env=False).status_code == 503


def test_faults_are_armed_shown_and_disarmed_while_it_runs(api: httpx.Client) -> None:
    faults = ["503:times=1", {"kind": 429, "rate": 0.001, "burst": 1}]
    assert [each["kind"] for each in api.put(FAULTS, json=faults).json()] == ["503", "429"]
    assert statuses(api, 3) == [503, 200, 429]
    assert api.get(FAULTS).json() == [
        {"kind": "503", "times": 1, "spec": "503:times=1", "matched": 3, "struck": 1},
        {
            "kind": "429",
            "rate": 0.001,
            "burst": 1,
            "spec": "429:rate=0.001,burst=1",
            "matched": 2,
            "struck": 1,
        },
    ]
    assert stats(api)["faults"] == {"total": 2, "503": 1, "429": 1}
    assert (api.delete(FAULTS).json(), api.get(PATH).status_code) == ([], 200)


def test_arming_replaces_all_faults_and_begins_anew(api: httpx.Client) -> None:
    for _ in range(2):
        api.put(FAULTS, json=["503:times=1"])
        assert statuses(api, 2) == [503, 200]
    api.put(FAULTS, json=["drop-before:method=POST"])
    assert len(api.get(FAULTS).json()) == 1


BAD = [
    ("nope", 'no fault "nope"; there are 401, 403, 429,'),
    ("", 'no fault ""'),
    ("503:", "KIND:key=value"),
    ("503:times", 'has "times": it is KIND:key=value'),
    ("503:nope=1", '503 has no key "nope"; it has body, retry-after, carried-out, method, number'),
    ("503:rate=1", 'no key "rate"'),
    ("503:times=1,times=2", '"times" twice'),
    ("503:times=-1", "times of the fault 503 must be a whole number, 0 to"),
    ("503:times=1.5", "must be a whole number"),
    ("503:times=٣", "must be a whole number"),
    ("503:share=2", "share of the fault 503 must be a number, 0 to 1;"),
    ("503:share=nan", "must be a number"),
    ("503:method=PUT", "GET, POST or any"),
    ("503:number=abc", "digits, or a glob"),
    ("503:retry-after=soon", "whole seconds"),
    ("503:body=xml", "html, json or empty"),
    ("503:carried-out=maybe", "yes or no"),
    ("429:rate=0", "more than 0"),
    ("429:burst=2", "need its rate"),
    ("429:rate=2,burst=2,window=1", "not both"),
    ("status", "needs code; it has code, body"),
    ("status:code=99", "200 to 599"),
    ("wrong-length:by=0", "below or above 0"),
    ("slow:bytes-per-second=0", "1 to"),
    ("large:bytes=99999999999", "whole number"),
    ("normalised:field=Friendly,how=shout", "upper, lower, trim or strip-plus"),
    ("ignored:field=Freindly", "one that a POST can have: "),
    ("ignored:field=Number", "one that a POST can have"),
    ("ignored:field=Friendly,method=GET", "POSTs only"),
    ("outage", "needs seconds"),
    ("other-number:to=", "printable"),
    ("\x1b[2J\u202e", r'no fault "\u001b[2J\u202e"'),
]


@pytest.mark.parametrize(("spec", "said"), BAD)
def test_a_bad_spec_is_refused_with_what_is_known_and_changes_nothing(
    api: httpx.Client, spec: str, said: str, code: Code
) -> None:
    api.put(FAULTS, json=["close"])
    answer = api.put(FAULTS, json=["503", spec])
    assert code(answer) == (400, "InvalidFault")
    assert said in answer.json()["ResponseStatus"]["Message"]
    assert [each["spec"] for each in api.get(FAULTS).json()] == ["close"]


@pytest.mark.parametrize(("spec", "said"), BAD)
def test_a_bad_spec_is_a_setup_error_before_anything_is_made(
    tmp_path: Path, spec: str, said: str
) -> None:
    settings = Settings(db=tmp_path / "s.db", faults=("503", spec))
    with pytest.raises(SetupError, match=re.escape(said)), sandbox.running(settings):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "fault",
    [None, 5, [], {}, {"times": 1}, {"kind": []}, {"kind": "503", "times": None},
     {"kind": "503", "times": [1]}, {"kind": "503", "times": True}, {"kind": "503", "struck": 1}],
)  # fmt: skip
def test_json_that_is_no_fault_is_refused(api: httpx.Client, fault: object, code: Code) -> None:
    assert code(api.put(FAULTS, json=[fault])) == (400, "InvalidFault")


@pytest.mark.parametrize("body", [{}, "503", None])
def test_faults_come_in_a_list(api: httpx.Client, body: object, code: Code) -> None:
    assert code(api.put(FAULTS, json=body)) == (400, "InvalidBody")


def test_there_may_be_a_hundred_faults_and_no_more(api: httpx.Client, code: Code) -> None:
    assert api.put(FAULTS, json=["large"] * 100).is_success
    assert api.get(PATH).is_success
    assert code(api.put(FAULTS, json=["large"] * 101)) == (400, "InvalidFault")


def test_a_web_page_cannot_arm_a_fault(api: httpx.Client, code: Code) -> None:
    answer = api.put(FAULTS, json=["503"], headers={"Origin": "http://localhost"})
    assert code(answer) == (403, "Forbidden")


def test_a_fault_can_be_made_in_python_and_is_checked_as_text_is(start: Start) -> None:
    api = start(NUMBER, faults=(Fault("status", code=503, retry_after="2", carried_out=True),))
    assert api.get(FAULTS).json()[0]["spec"] == "status:code=503,carried-out=yes,retry-after=2"
    for bad in (Fault("nope"), Fault("503", rate=5), Fault("503", times=-1), Fault("outage")):
        with pytest.raises(SetupError), sandbox.running(Settings(faults=(bad,))):
            pass


def test_a_bad_spec_on_the_command_line_ends_it_with_1(reconciler: Run) -> None:
    ran = reconciler(
        "sandbox", "--port", "0", "--db", "s.db", "--fault", "503", "--fault", "504:x=1"
    )
    assert (ran.code, ran.out) == (1, "")
    assert 'The fault 504 has no key "x"; it has body,' in ran.err


def test_faults_are_armed_on_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "reconciler", "sandbox", "--port", "0"]
    command += ["--db", "s.db", "--fault", "503:times=1", "--fault", "429"]
    # Else the line with the URL would wait in a buffer.
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=env) as ran:
        try:
            assert ran.stdout is not None
            url = ran.stdout.readline().strip().rpartition("=")[2]
            found = [httpx.get(url + PATH, trust_env=False).status_code for _ in range(2)]
            assert found == [503, 429]
            ran.send_signal(signal.SIGTERM)
            assert ran.wait(5) == 0
        finally:
            ran.kill()
