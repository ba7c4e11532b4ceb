"""Who may import whom; a change that turns a dependency round fails here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "reconciler"

# From a module to what it may import of ours; what is not listed here has no place yet.
MAY = {
    "errors": set(),
    "model": {"errors"},
    "schema": {"errors"},
    "words": set(),
    "tree": set(),
    "builder": {"errors", "tree", "words"},
    "document": {"builder", "errors", "tree", "words"},
    "check": {"schema", "tree"},
    "explain": {"check", "errors", "schema", "tree", "words"},
    "rules": {"errors", "model", "schema", "tree", "words"},
    "ignores": {"errors", "schema", "tree", "words"},
    "layers": {
        "document",
        "errors",
        "explain",
        "ignores",
        "model",
        "rules",
        "schema",
        "tree",
        "words",
    },
    "desired": {
        "check",
        "document",
        "errors",
        "explain",
        "layers",
        "model",
        "rules",
        "schema",
        "tree",
        "words",
    },
    "wire": {"errors", "model", "schema"},
    "diff": {"model"},
    "plan": {"diff", "model"},
    "selection": {"errors", "model", "words"},
    "shard": set(),
    "merge": {"errors", "model", "shard"},
    "seal": set(),
    "render": {"model", "render", "seal", "words"},
    "planfile": {"errors", "model", "render", "schema", "seal", "words"},
    "export": {"model", "schema", "words"},
    "workers": set(),
    "pace": set(),
    "progress": set(),
    "api": {"api", "errors", "pace"},
    "fetch": {"api", "errors", "model", "wire", "workers"},
    "listing": {"api", "errors", "fetch", "model", "wire"},
    "journal": {"errors", "model"},
    "lock": {"errors"},
    "revert": {"model", "plan", "schema"},
    "turn": {"api", "errors", "fetch", "journal", "model", "plan", "schema", "wire", "words"},
    "apply": {"api", "errors", "journal", "model", "plan", "turn", "workers"},
    "credentials": {"errors"},
    "remote": {
        "api",
        "apply",
        "credentials",
        "errors",
        "fetch",
        "model",
        "pace",
        "plan",
        "schema",
        "turn",
    },
    "distribute": {"errors", "journal", "model", "remote", "shard", "turn", "workers"},
    "cluster": {"errors"},
    "sandbox": {"errors", "sandbox", "schema"},
}
PURE = [
    "diff",
    "export",
    "merge",
    "model",
    "plan",
    "render",
    "revert",
    "rules",
    "seal",
    "selection",
    "shard",
    "wire",
]
WORLD = {
    "asyncio",
    "httpx",
    "aiohttp",
    "io",
    "logging",
    "os",
    "pathlib",
    "socket",
    "subprocess",
    "sys",
    "time",
}


def files(module: str) -> list[Path]:
    single = ROOT / f"{module}.py"
    return [single] if single.is_file() else sorted((ROOT / module).rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def ours(path: Path) -> set[str]:
    inside = {name.split(".")[1] for name in imported(path) if name.startswith("reconciler.")}
    return inside - {"__version__"}


@pytest.mark.parametrize("module", sorted(MAY))
def test_a_module_imports_only_what_lies_below_it(module: str) -> None:
    found = {name for path in files(module) for name in ours(path)}
    assert found <= MAY[module]


def test_every_module_has_its_place() -> None:
    there = {path.stem for path in ROOT.glob("*.py")} | {
        path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()
    }
    assert there - {"__init__", "__main__", "cli"} == set(MAY)


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_reaches_for_nothing_outside(module: str) -> None:
    roots = {name.split(".")[0] for path in files(module) for name in imported(path)}
    # StringIO is where rich writes to; it is no file.
    assert roots & (WORLD - ({"io"} if module == "render" else set())) == set()


@pytest.mark.parametrize(
    ("library", "importers"),
    [
        ("httpx", {"api/exchange", "api/client"}),
        ("deepdiff", {"diff"}),
        ("distributed", {"cluster"}),
        ("dask", {"cluster"}),
    ],
)
def test_a_library_has_one_importer(library: str, importers: set[str]) -> None:
    found = {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in ROOT.rglob("*.py")
        if library in {name.split(".")[0] for name in imported(path)}
    }
    assert found == importers
