"""What files were at a commit. Only git's object database is read: no checkout, no index."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import InputError, Problem, SetupError
from reconciler.words import quoted

_LINK, _SUBMODULE = "120000", "160000"
# What git sets for the one repository whose hook it runs; the paths may be in another one.
_OF_A_HOOK = frozenset(
    (
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    )
)
_SECONDS = 60.0
_SHALLOW = (
    " This clone is shallow, and has only the newest commits: in CI, fetch the history too "
    "(fetch-depth: 0, GIT_DEPTH: 0)."
)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as it was asked for, its full hash, and the top folder of its checkout."""

    ref: str
    hash: str
    top: Path


def commit(ref: str, paths: Sequence[str]) -> Commit:
    """The commit that a name stands for in the repository of the paths. Raises SetupError."""
    folders = [_folder(path) for path in paths]
    hashes = {_commit(ref, folder) for folder in folders}
    if len(hashes) > 1:
        raise SetupError(f"{quoted(ref)} is not one commit: the paths are in several repositories.")
    top = os.fsdecode(_git(folders[0], "rev-parse", "--show-toplevel").rstrip(b"\n"))
    return Commit(ref, hashes.pop(), Path(top))


def _commit(ref: str, folder: Path) -> str:
    try:
        told = _git(folder, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
    except SetupError as error:
        hint = _SHALLOW if _is_shallow(folder) else ""
        message = f"{quoted(ref)} is no commit that can be read here. {error}{hint}"
        raise SetupError(message) from None
    return told.decode().strip()


def _is_shallow(folder: Path) -> bool:
    try:
        return _git(folder, "rev-parse", "--is-shallow-repository").strip() == b"true"
    except SetupError:
        return False


def files(commit: Commit, paths: Sequence[str]) -> list[tuple[str, bytes]]:
    """The numbers files that the paths name at the commit: each its path, and its bytes.

    A path that was not there then has none. Raises InputError, SetupError.
    """
    found: dict[str, tuple[str, bytes]] = {}
    for given in paths:
        folder = _folder(given)
        names = _within(commit, folder) if Path(given).is_dir() else [Path(given).name]
        for name, data in _contents(commit, folder, names):
            path = folder / name
            found.setdefault(os.path.realpath(path), (str(path), data))
    return list(found.values())


def content(commit: Commit, path: Path) -> bytes | None:
    """What was in a file at the commit, None where git did not track it. Raises SetupError."""
    real = os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118 - surrogates
    name = os.path.relpath(real, os.path.realpath(commit.top))
    if name.startswith(os.pardir):
        return None
    for _name, kind, data in _objects(commit, commit.top, [name]):
        if kind == "blob":
            return data
    return None


def _folder(path: str) -> Path:
    return Path(path) if Path(path).is_dir() else Path(path).parent


def _within(commit: Commit, folder: Path) -> list[str]:
    """The files that document.search would find there. Raises SetupError for a submodule and for
    a link to a folder."""
    listed = _git(folder, "ls-tree", "-r", "-z", commit.hash).decode("utf-8", "surrogateescape")
    names, links = [], []
    for line in filter(None, listed.split("\0")):
        about, _, name = line.partition("\t")
        if any(part.startswith(".") for part in Path(name).parts):
            continue
        if about.startswith(_SUBMODULE):
            raise SetupError(
                f"{folder / name} is a submodule, whose files are not in {quoted(commit.ref)}. Run "
                "for that folder apart, with a commit of its own repository."
            )
        if name.endswith((".yaml", ".yml")):
            names.append(name)
        elif about.startswith(_LINK):
            links.append(name)
    for name, kind, _ in _objects(commit, folder, links):
        if kind == "tree":
            raise SetupError(
                f"{folder / name} is a link to a folder, which is not followed into "
                f"{quoted(commit.ref)}. Give that folder as a PATH of its own."
            )
    return sorted(names)


def _contents(commit: Commit, folder: Path, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for name, kind, data in _objects(commit, folder, names):
        if kind == "symlink":
            message = f"at {quoted(commit.ref)} this was a link to outside of the repository"
            raise InputError([Problem(str(folder / name), 1, 1, message)])
        if kind == "blob":
            yield name, data


def _objects(
    commit: Commit, folder: Path, names: Sequence[str]
) -> Iterator[tuple[str, str, bytes]]:
    """Name, kind and content of what is there; links are followed within the repository."""
    if not names:
        return
    prefix = _git(folder, "rev-parse", "--show-prefix").rstrip(b"\n")
    lines = [commit.hash.encode() + b":" + prefix + os.fsencode(name) for name in names]
    if any(b"\n" in line for line in lines):
        raise SetupError(f"A path in {folder} has a line end in its name; rename it.")
    told = _git(folder, "cat-file", "--batch", "--follow-symlinks", stdin=b"\n".join(lines) + b"\n")
    at = 0
    for name in names:
        end = told.index(b"\n", at)
        words = told[at:end].split(b" ")
        at = end + 1
        # "<hash> <kind> <size>" or "symlink <size>", then the content; or "<name> missing".
        if len(words) == 2 and words[0] in (b"symlink", b"dangling", b"loop", b"notdir"):
            kind = words[0].decode()
        elif told[at - 9 : at - 1] == b" missing":
            continue
        else:
            kind = words[1].decode()
        size = int(words[-1])
        yield name, kind, told[at : at + size]
        at += size + 1


def _git(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """What git prints. Raises SetupError with what it says is wrong."""
    try:
        ran = subprocess.run(  # noqa: S603 - no shell, and all that is from outside is an argument
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the git that is on the PATH
            input=stdin,
            capture_output=True,
            check=False,
            env=_environment(),
            timeout=_SECONDS,
        )
    except OSError as error:
        raise SetupError(f"git cannot be run: {error.strerror}.") from None
    except subprocess.TimeoutExpired:
        raise SetupError(f"git {arguments[0]} did not end within {_SECONDS:g} seconds.") from None
    if ran.returncode:
        raise SetupError(_said(ran.stderr.decode("utf-8", "replace"), folder))
    return ran.stdout


def _environment() -> dict[str, str]:
    own = {name: text for name, text in os.environ.items() if name not in _OF_A_HOOK}
    return {**own, "LC_ALL": "C"}


def _said(stderr: str, folder: Path) -> str:
    """What git says is wrong, on one line, and what to do about it where git takes several."""
    said = " ".join(stderr.split()).removeprefix("fatal: ").rstrip(".")
    if "dubious ownership" in said:
        return (
            f"git does not trust the repository of {folder}, which somebody else owns; let it: "
            "git config --global --add safe.directory FOLDER."
        )
    return f"git says: {said}."
