"""The numbers and flows, in SQLite; several processes may have one file open."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from reconciler.errors import SetupError

_APPLICATION_ID = 0x52434E53
_VERSION = 1
_MAGIC = b"SQLite format 3\0"
_BUSY_SECONDS = 10.0

_TABLES = (
    "CREATE TABLE numbers (number TEXT PRIMARY KEY, account TEXT, property TEXT,"
    " fields TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX numbers_of_account ON numbers (account, number)",
    "CREATE INDEX numbers_of_property ON numbers (account, property, number)",
    "CREATE TABLE flows (property TEXT NOT NULL, config TEXT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY (property, config)) WITHOUT ROWID",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
)


class Row(NamedTuple):
    """One number; `fields` is a JSON object of those that are set, in ASCII."""

    number: str
    account: str | None
    property: str | None
    fields: str


class Flow(NamedTuple):
    """One call flow; `body` is the JSON object that the API gives for it, in ASCII."""

    property: str
    config: str
    body: str


class Store:
    """One connection. Nothing is kept in memory, so another process's writes are seen at once.

    Raises SetupError for a file that is no database of a sandbox, and leaves it as it was.
    Methods raise sqlite3.Error where the file fails later on.
    """

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            _refuse_other_content(path)
        try:
            # The server's thread is not always the one that opened it; it is only ever one.
            self._connection = sqlite3.connect(
                ":memory:" if path is None else path.absolute(),
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise SetupError(f"The database {path} cannot be opened: {error}.") from error
        try:
            self._prepare(path)
        except sqlite3.Error as error:
            self.close()
            raise SetupError(f"{path} cannot be used as a sandbox's database: {error}.") from error
        except SetupError:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Everything or nothing of what the block writes; nobody else writes meanwhile."""
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One state of the file for all reads of the block."""
        self._connection.execute("BEGIN")
        with self._connection:
            yield

    def number(self, number: str) -> Row | None:
        found = self._connection.execute(
            "SELECT number, account, property, fields FROM numbers WHERE number = ?", (number,)
        ).fetchone()
        return None if found is None else Row(*found)

    def save(self, row: Row) -> None:
        """Adds the number, or replaces it."""
        self._connection.execute("REPLACE INTO numbers VALUES (?, ?, ?, ?)", row)

    def add(self, row: Row) -> None:
        """Adds the number where it isn't there yet."""
        self._connection.execute("INSERT OR IGNORE INTO numbers VALUES (?, ?, ?, ?)", row)

    def own(self, row: Row) -> None:
        """Gives the number to the account and property of `row`; its fields stay."""
        self._connection.execute(
            "UPDATE numbers SET account = ?, property = ? WHERE number = ?",
            (row.account, row.property, row.number),
        )

    def add_flow(self, flow: Flow) -> None:
        """Adds the flow where it isn't there yet."""
        self._connection.execute("INSERT OR IGNORE INTO flows VALUES (?, ?, ?)", flow)

    def save_flow(self, flow: Flow) -> None:
        """Adds the flow, or replaces it."""
        self._connection.execute("REPLACE INTO flows VALUES (?, ?, ?)", flow)

    def has_namesake(self, flow: Flow) -> bool:
        """Whether its property has a flow of the same name."""
        query = (
            "SELECT count(*) FROM flows WHERE property = ?"
            " AND json_extract(body, '$.Name') = json_extract(?, '$.Name')"
        )
        return self._one(query, flow.property, flow.body) > 0

    def numbers(self, account: str, owner: str | None, count: int, skip: int) -> list[Row]:
        """An account's numbers, or only those of the property `owner`, in the order of text."""
        where, values = _owned(account, owner)
        found = self._connection.execute(
            f"SELECT number, account, property, fields FROM numbers WHERE {where}"  # noqa: S608
            " ORDER BY number LIMIT ? OFFSET ?",
            (*values, count, skip),
        )
        return [Row(*each) for each in found]

    def count_numbers(self, account: str, owner: str | None) -> int:
        where, values = _owned(account, owner)
        return self._one(f"SELECT count(*) FROM numbers WHERE {where}", *values)  # noqa: S608

    def flows(self, owner: str, count: int, skip: int) -> list[str]:
        """The bodies of a property's flows, in the order of their ids' text."""
        found = self._connection.execute(
            "SELECT body FROM flows WHERE property = ? ORDER BY config LIMIT ? OFFSET ?",
            (owner, count, skip),
        )
        return [body for (body,) in found]

    def count_flows(self, owner: str) -> int:
        return self._one("SELECT count(*) FROM flows WHERE property = ?", owner)

    def _prepare(self, path: Path | None) -> None:
        # First asked, then written: a foreign file is to be refused untouched.
        with self.reading():
            new = self._is_new(path)
        if new:
            with self.writing():
                if self._is_new(path):
                    for statement in _TABLES:
                        self._connection.execute(statement)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def _is_new(self, path: Path | None) -> bool:
        mark = self._one("PRAGMA application_id")
        version = self._one("PRAGMA user_version")
        if mark == 0 and self._one("SELECT count(*) FROM sqlite_master") == 0:
            return True
        if mark != _APPLICATION_ID:
            raise SetupError(f"{path} is a database, but not one of a sandbox.")
        if version != _VERSION:
            raise SetupError(
                f"{path} is a sandbox's database of version {version}; this is {_VERSION}."
            )
        return False

    def _one(self, query: str, *values: str) -> int:
        return int(self._connection.execute(query, values).fetchone()[0])


def _refuse_other_content(path: Path) -> None:
    # SQLite takes a file of a few bytes for an empty database, and would overwrite it.
    try:
        with path.open("rb") as file:
            begins = file.read(len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise SetupError(f"The database {path} cannot be opened: {error.strerror}.") from error
    if begins not in (b"", _MAGIC):
        raise SetupError(f"{path} is not a database.")


def _owned(account: str, owner: str | None) -> tuple[str, tuple[str, ...]]:
    if owner is None:
        return "account = ?", (account,)
    return "account = ? AND property = ?", (account, owner)
