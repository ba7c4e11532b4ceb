"""Plan and result ↔ file. What a file says is checked against its schema before it is believed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler import schema, seal
from reconciler.errors import InputError, Problem, SetupError
from reconciler.model import (
    Baseline,
    Change,
    Failure,
    FieldChange,
    Gone,
    Origin,
    Outcome,
    Plan,
    Result,
    Shard,
    Source,
    SourceFile,
    Status,
)
from reconciler.render import json as as_json
from reconciler.secret import HIDDEN, Sealed
from reconciler.words import E164


def save(path: Path, text: str, *, private: bool = True) -> None:
    """Writes the whole file or nothing, readable by its owner alone if it is `private`; a link's
    target, not the link. Raises SetupError."""
    try:
        if path.exists() and not path.is_file():
            # A device or a pipe is written to, and never replaced.
            path.write_text(text, "utf-8")
            return
        path = path.resolve()
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                if not private:
                    os.fchmod(handle, 0o666 & ~_umask())
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}.") from None


def _umask() -> int:
    """What new files of this process are not; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def save_plan(path: Path, plan: Plan, key: str | None = None) -> None:
    """Saves a plan, signed where there is a key. Raises SetupError."""
    save(path, as_json.plan(plan, key))


def is_plan(path: Path) -> bool:
    """Whether a file is a saved plan or result, or the ruins of one, and no numbers file."""
    try:
        if not path.is_file():
            return False
        text = path.read_bytes().lstrip()
    except OSError:
        return False
    if not text.startswith(b"{"):
        return False
    return path.suffix == ".json" or b'"format_version"' in text


def load(path: Path, key: str | None = None) -> Plan | Result:
    """A saved plan or result. Raises InputError where the file is not one that can be trusted:
    of another format, altered, or with a `key` not signed by it."""
    data = _data(path)
    if data.get("format_version") != as_json.FORMAT_VERSION:
        raise _bad(path, "its format version is another one; make the plan again with this version")
    kind = "result" if "results" in data else "plan"
    wrong = next(schema.validator(kind).iter_errors(data), None)
    if wrong is not None:
        place = "/".join(str(step) for step in wrong.absolute_path) or "the whole"
        raise _bad(path, f"it is no {kind} as this version writes them ({place}); make it again")
    if kind == "result":
        return _result(data)
    if why := seal.objection(data, key) or _contradiction(data):
        raise _bad(path, f"it {why}")
    return _plan(data)


def _contradiction(data: Mapping[str, Any]) -> str | None:
    """Where a plan would do something else than it shows; None where it would not."""
    numbers = [change["number"] for change in data["changes"]]
    if len(set(numbers)) < len(numbers) or not all(map(E164.fullmatch, numbers)):
        return "names a number twice, or one that is none"
    shard = data.get("shard", {"index": 1, "count": 1})
    if shard["index"] > shard["count"]:
        return "is of a shard that there cannot be"
    known = schema.parameters().keys()
    for change in data["changes"]:
        shown = {name: each["after"] or "" for name, each in change["fields"].items()}
        if not (shown.items() <= change["post"].items() and change["post"].keys() <= known):
            return f"shows one thing for {change['number']} and would send another"
    return None


def load_plan(path: Path, key: str | None = None) -> Plan:
    """A saved plan. Raises InputError."""
    loaded = load(path, key)
    if isinstance(loaded, Result):
        raise _bad(path, "it is a result, and only a plan can be applied")
    return loaded


def _data(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise _bad(path, f"it cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise _bad(path, "it is not JSON, so it is no saved plan or result") from None
    if not isinstance(data, dict):
        raise _bad(path, "it is no saved plan or result")
    return data


def _bad(path: Path, message: str) -> InputError:
    return InputError([Problem(str(path), 1, 1, message)])


def _plan(data: Mapping[str, Any]) -> Plan:
    return Plan(
        created_at=data["created_at"],
        api_url=data["api_url"],
        account_sid=data["account_sid"],
        sources=tuple(SourceFile(**source) for source in data["sources"]),
        numbers=data["summary"]["numbers"],
        managed=data["limits"]["managed"],
        max_changes=data["limits"]["max_changes"],
        changes=tuple(_change(change) for change in data["changes"]),
        errors=tuple(Failure(**failure) for failure in data["errors"]),
        warnings=tuple(Problem(**warning) for warning in data["warnings"]),
        shard=Shard(**data["shard"]) if "shard" in data else None,
        baseline=Baseline(**data["baseline"]) if "baseline" in data else None,
        gone=tuple(
            Gone(each["number"], Source(**each["source"]))
            for each in data.get("no_longer_managed", ())
        ),
        unmanaged=tuple(data["unmanaged"]) if "unmanaged" in data else None,
    )


def _change(data: Mapping[str, Any]) -> Change:
    sensitive = {name: Sealed(**each) for name, each in data.get("sensitive", {}).items()}
    return Change(
        number=data["number"],
        fields={name: _field(each, name in sensitive) for name, each in data["fields"].items()},
        post={name: _value(each, name in sensitive) or "" for name, each in data["post"].items()},
        source=Source(**data["source"]),
        friendly=data.get("friendly"),
        protected=data.get("protected", False),
        guards=data.get("guards", {}),
        tags=tuple(data.get("tags", ())),
        sensitive=sensitive,
    )


def _field(data: Mapping[str, Any], sensitive: bool) -> FieldChange:
    origin = data.get("origin")
    before, after = (_value(data[name], sensitive) for name in ("before", "after"))
    names = (data.get("before_name"), data.get("after_name"))
    return FieldChange(before, after, origin and Origin(origin), *names)


def _value(text: str | None, sensitive: bool) -> str | None:
    return HIDDEN if sensitive and text else text


def _result(data: Mapping[str, Any]) -> Result:
    return Result(
        finished_at=data["finished_at"],
        api_url=data["api_url"],
        account_sid=data["account_sid"],
        outcomes=tuple(
            Outcome(**{**outcome, "status": Status(outcome["status"])})
            for outcome in data["results"]
        ),
        stopped=data.get("stopped"),
    )
