"""Who may import whom; a change that turns a dependency round fails here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "reconciler"

# From a module to what it may import of ours; what is not listed here has no place yet.
MAY = {
    "errors": set(),
    "secret": set(),
    "model": {"errors", "secret"},
    "schema": {"errors"},
    "named": {"tree"},
    "words": {"named", "secret"},
    "tree": set(),
    "builder": {"errors", "tree", "words"},
    "comments": {"builder", "tree"},
    "document": {"builder", "comments", "errors", "tree", "words"},
    "check": {"schema", "tree"},
    "explain": {"check", "errors", "schema", "secret", "tree", "words"},
    "references": {"declared", "errors", "secret", "tree", "words"},
    "declared": {"model", "tree"},
    "overlay": {"declared", "document", "errors", "tree", "words"},
    "sourcefiles": {"declared", "document", "errors", "overlay", "references", "tree"},
    "ignores": {"declared", "errors", "schema", "tree", "words"},
    "rules": {
        "comments",
        "declared",
        "errors",
        "ignores",
        "model",
        "named",
        "rules",
        "schema",
        "secret",
        "words",
    },
    "layers": {
        "declared",
        "document",
        "errors",
        "explain",
        "ignores",
        "model",
        "named",
        "overlay",
        "schema",
        "tree",
        "words",
    },
    "desired": {
        "check",
        "declared",
        "document",
        "errors",
        "explain",
        "layers",
        "model",
        "overlay",
        "references",
        "rules",
        "schema",
        "secret",
        "sourcefiles",
        "tree",
        "words",
    },
    "flows": {"errors", "model", "named", "schema", "secret", "words"},
    "lookup": {"api", "errors", "flows", "wire"},
    "wire": {"errors", "model", "schema"},
    "diff": {"model"},
    "plan": {"diff", "model", "secret"},
    "origin": {"diff", "model", "references", "secret"},
    "redact": {"errors", "model", "schema", "secret"},
    "watch": {"model", "plan"},
    "bulletin": {"model", "watch", "words"},
    "metrics": {"errors", "watch"},
    "notify": {"bulletin", "errors"},
    "selection": {"errors", "model", "words"},
    "shard": set(),
    "merge": {"errors", "model", "shard"},
    "seal": set(),
    "provenance": {"declared", "diff", "model", "named", "schema", "secret", "tree"},
    "render": {"errors", "model", "named", "provenance", "redact", "render", "seal", "words"},
    "planfile": {"errors", "model", "render", "schema", "seal", "secret", "words"},
    "naming": {"schema"},
    "factor": {"model", "naming", "schema"},
    "export": {"factor", "model", "references", "schema", "words"},
    "spans": set(),
    "emit": set(),
    "roundtrip": {"emit", "spans"},
    "pieces": set(),
    "reorder": {"pieces", "spans"},
    "formatting": {
        "desired",
        "document",
        "emit",
        "errors",
        "explain",
        "pieces",
        "reorder",
        "schema",
        "spans",
    },
    "hunks": set(),
    "intact": {"document", "errors", "tree"},
    "takeover": {
        "declared",
        "desired",
        "diff",
        "emit",
        "errors",
        "explain",
        "export",
        "model",
        "named",
        "plan",
        "references",
        "roundtrip",
        "schema",
        "secret",
        "tree",
        "words",
    },
    "accept": {
        "declared",
        "desired",
        "diff",
        "errors",
        "intact",
        "model",
        "schema",
        "takeover",
        "tree",
        "words",
    },
    "rewrite": {"errors"},
    "workers": set(),
    "pace": set(),
    "progress": {"words"},
    "api": {"api", "errors", "pace"},
    "fetch": {"api", "errors", "model", "wire", "workers"},
    "listing": {"api", "errors", "fetch", "model", "wire"},
    "journal": {"errors", "model", "secret"},
    "git": {"errors", "words"},
    "lock": {"errors"},
    "revert": {"model", "plan", "schema", "secret"},
    "turn": {
        "api",
        "errors",
        "fetch",
        "journal",
        "model",
        "plan",
        "schema",
        "secret",
        "wire",
        "words",
    },
    "apply": {"api", "errors", "journal", "model", "plan", "turn", "workers"},
    "credentials": {"errors"},
    "remote": {
        "api",
        "apply",
        "credentials",
        "errors",
        "fetch",
        "flows",
        "lookup",
        "model",
        "pace",
        "plan",
        "schema",
        "turn",
    },
    "distribute": {"errors", "flows", "journal", "model", "remote", "shard", "turn", "workers"},
    "cluster": {"errors"},
    "sandbox": {"errors", "sandbox", "schema"},
}
PURE = [
    "accept",
    "bulletin",
    "declared",
    "diff",
    "emit",
    "export",
    "factor",
    "flows",
    "intact",
    "merge",
    "model",
    "named",
    "naming",
    "origin",
    "overlay",
    "plan",
    "provenance",
    "redact",
    "render",
    "reorder",
    "revert",
    "roundtrip",
    "rules",
    "seal",
    "selection",
    "shard",
    "spans",
    "takeover",
    "watch",
    "wire",
]
WORLD = {
    "asyncio",
    "httpx",
    "aiohttp",
    "importlib",
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
    # StringIO is where rich and ruamel.yaml write to; it is no file. What the page of a plan is
    # made of stands beside its module, and is as much a part of the package as code is.
    allowed = {"emit": {"io"}, "render": {"importlib", "io"}}.get(module, set())
    assert roots & (WORLD - allowed) == set()


@pytest.mark.parametrize(
    ("library", "importers"),
    [
        ("httpx", {"api/exchange", "api/client"}),
        ("deepdiff", {"diff"}),
        ("apprise", {"notify"}),
        ("distributed", {"cluster"}),
        ("dask", {"cluster"}),
        ("jinja2", {"render/html"}),
        ("prometheus_client", {"metrics"}),
        ("ruamel", {"emit"}),
    ],
)
def test_a_library_has_one_importer(library: str, importers: set[str]) -> None:
    found = {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in ROOT.rglob("*.py")
        if library in {name.split(".")[0] for name in imported(path)}
    }
    assert found == importers
