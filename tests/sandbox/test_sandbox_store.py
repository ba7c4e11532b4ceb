"""What is kept: over restarts, over kills, between processes; and which files are refused."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from queue import Queue
from subprocess import Popen

import httpx
import pytest

from reconciler import sandbox
from reconciler.errors import SetupError
from reconciler.sandbox import Settings
from reconciler.sandbox.store import Row, Store

NUMBER, PATH = "+61255500001", "/v2/Numbers/61255500001"
Start = Callable[..., httpx.Client]
Connect = Callable[[str], httpx.Client]
Process = Callable[[Path], AbstractContextManager[tuple[Popen[str], str]]]


def test_state_survives_a_restart(tmp_path: Path, connect: Connect) -> None:
    settings = Settings(db=tmp_path / "s.db")
    with sandbox.running(settings, [{"Number": NUMBER}]) as url, connect(url) as api:
        before = api.post(PATH, json={"Friendly": "Zoë ☎", "Recording": "Off"}).json()
    with sandbox.running(settings, [{"Number": NUMBER}]) as url, connect(url) as api:
        assert api.get(PATH).json() == before


def test_without_a_database_nothing_is_kept(connect: Connect) -> None:
    with sandbox.running(Settings(), [{"Number": NUMBER}]) as url, connect(url) as api:
        api.post(PATH, json={"Friendly": "x"})
    with sandbox.running(Settings(), [{"Number": NUMBER}]) as url, connect(url) as api:
        assert api.get(PATH).json()["Friendly"] is None


def test_a_kill_keeps_what_was_answered(
    tmp_path: Path, process: Process, start: Start, connect: Connect
) -> None:
    db = tmp_path / "s.db"
    with sandbox.running(Settings(db=db), [{"Number": NUMBER}]):
        pass
    answers: Queue[int] = Queue()

    def post_until_it_dies(api: httpx.Client) -> None:
        for value in range(1_000_000):
            try:
                api.post(PATH, json={"Friendly": str(value)}).raise_for_status()
            except httpx.TransportError:
                return
            answers.put(value)

    with process(db) as (server, url), connect(url) as api:
        thread = threading.Thread(target=post_until_it_dies, args=(api,))
        thread.start()
        while answers.get(timeout=10) < 100:
            pass
        server.kill()
        thread.join()
    answered = max([100, *answers.queue])
    stored = int(start(db=db).get(PATH).json()["Friendly"])
    assert stored in (answered, answered + 1)


def test_two_processes_see_each_others_writes_at_once(
    tmp_path: Path, process: Process, start: Start, connect: Connect
) -> None:
    here = start(NUMBER, db=tmp_path / "s.db")
    with process(tmp_path / "s.db") as (_, url), connect(url) as there:
        for writer, reader in [(here, there), (there, here)] * 10:
            before = int(reader.get(PATH).json()["Friendly"] or 0)
            writer.post(PATH, json={"Friendly": str(before + 1)}).raise_for_status()
        assert here.get(PATH).json() == there.get(PATH).json()
        assert here.get(PATH).json()["Friendly"] == "20"


def test_two_processes_that_write_one_number_lose_nothing(
    tmp_path: Path, process: Process, start: Start, connect: Connect
) -> None:
    here = start(NUMBER, db=tmp_path / "s.db")
    with process(tmp_path / "s.db") as (_, url), connect(url) as there:

        def post(api: httpx.Client, name: str) -> None:
            for value in range(100):
                api.post(PATH, json={name: str(value)}).raise_for_status()

        threads = [
            threading.Thread(target=post, args=pair)
            for pair in [(here, "Friendly"), (there, "AddressSid")]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = here.get(PATH).json()
        assert (after["Friendly"], after["AddressSid"]) == ("99", "99")


def test_a_database_that_stays_locked_is_an_answer_and_not_a_crash(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.sandbox.store._BUSY_SECONDS", 0.05)
    api = start(NUMBER, db=tmp_path / "s.db")
    with closing(sqlite3.connect(tmp_path / "s.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = api.post(PATH, json={"Friendly": "x"})
        assert answer.status_code == 503
        assert answer.json()["ResponseStatus"]["ErrorCode"] == "Unavailable"
        assert api.get(PATH).is_success
        other.execute("ROLLBACK")
    assert api.post(PATH, json={"Friendly": "x"}).is_success


def test_a_write_that_fails_half_way_is_undone(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "s.db")) as store:

        def fails() -> None:
            with store.writing():
                store.save(Row(NUMBER, "AC", "PR", "{}"))
                raise KeyError

        with pytest.raises(KeyError):
            fails()
        assert store.number(NUMBER) is None


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE numbers (number TEXT)")


def _marked(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA application_id = 77")


def _newer(path: Path) -> None:
    Store(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    "made",
    [
        _foreign,
        _marked,
        _newer,
        lambda path: path.write_text("version: 1\n" * 1000),
        lambda path: path.write_bytes(b"x"),
    ],
)
def test_a_file_that_is_no_such_database_is_refused_untouched(
    tmp_path: Path, made: Callable[[Path], object]
) -> None:
    path = tmp_path / "other.file"
    made(path)
    before = path.read_bytes()
    with pytest.raises(SetupError, match=r"other\.file"), sandbox.running(Settings(db=path)):
        pass
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["other.file"]


def test_a_folder_that_is_not_there_is_a_setup_error(tmp_path: Path) -> None:
    settings = Settings(db=tmp_path / "no" / "s.db")
    with pytest.raises(SetupError, match="cannot be opened"), sandbox.running(settings):
        pass


def test_an_empty_file_becomes_a_database(tmp_path: Path, start: Start) -> None:
    (tmp_path / "s.db").touch()
    assert start(NUMBER, db=tmp_path / "s.db").get(PATH).is_success
