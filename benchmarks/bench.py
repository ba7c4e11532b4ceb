"""How fast reconciler is: measures, prints tables, writes them to results.md beside this file.

bench.py [--quick] [--only CASE]... [--octodns PYTHON]

With --only nothing but those cases is measured, and results.md stays as it is; a long case, which
is measured in no other way, is written to a file of its own: million.md.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import plots
from cases import CASES, LONG, Case
from lab import Lab
from machine import Others, describe
from measure import CommandFailed
from server import ServerFailed
from table import Row, markdown

HERE = Path(__file__).parent
INTRODUCTION = """# Benchmarks

Written by `benchmarks/bench.py`{how}; all of it in one run that took {minutes:.1f} minutes.
Reconciler, the client beside it and the sandbox that both ask are processes on one machine. What
is short is measured three times (start-up seven times), with `--quick` once (start-up three
times), and the median is given. Read the ratios before the seconds: they move less from machine to
machine. Other work took {others} of all cores meanwhile; where that is more than a few percent, the
wall clock tells little. A peak of some 20 MB may be less in truth: a child is never seen to be
smaller than the process that started it.

"""


def main() -> None:
    options = _options()
    began = time.monotonic()
    others = Others()
    machine = f"## Machine\n\n{describe(options.octodns)}"
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        _hide("numpy", Path(folder))
        lab = Lab(Path(folder), quick=options.quick, octodns=options.octodns)
        parts = {case: _section(lab, case) for case in _chosen(options.only)}
    how = " with `--quick`" if options.quick else ""
    head = INTRODUCTION.format(how=how, minutes=_minutes(began), others=others.share())
    print(head.partition("\n\n")[2] + machine)
    if not options.only:
        drawn = f"## Plots\n\n{plots.draw(lab, HERE)}"
        _write("results", [head + machine, drawn, *parts.values()])
    for case in set(LONG) & parts.keys():
        _write(case.__name__, [head + machine, parts[case]])


def _write(name: str, parts: list[str]) -> None:
    (HERE / f"{name}.md").write_text("\n".join(parts), "utf-8")


def _hide(module: str, folder: Path) -> None:
    """From what is started. Numpy comes with the plots, and deepdiff, where it can, imports it:
    70 ms and 11 MB that reconciler as it is installed for use does not have."""
    hidden = folder / "hidden"
    hidden.mkdir()
    (hidden / f"{module}.py").write_text('raise ImportError("hidden from benchmarks")\n', "utf-8")
    paths = [str(hidden), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller, within two minutes")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=[case.__name__ for case in CASES + LONG],
        help="just this case",
    )
    parser.add_argument("--octodns", default=_own_octodns(), help="a Python that has octoDNS")
    return parser.parse_args()


def _chosen(names: list[str]) -> list[Case]:
    return [case for case in CASES + LONG if case.__name__ in names] or list(CASES)


def _own_octodns() -> str | None:
    there = find_spec("octodns") is not None and find_spec("requests") is not None
    return sys.executable if there else None


def _section(lab: Lab, case: Case) -> str:
    title, _, note = inspect.cleandoc(case.__doc__ or case.__name__).partition("\n")
    section = f"## {title}\n\n{note.strip()}\n\n{markdown(_rows(lab, case))}"
    print(section, flush=True)
    return section


def _rows(lab: Lab, case: Case) -> list[Row]:
    """A case that fails says so where its rows would be; the others go on."""
    try:
        return case(lab)
    except (CommandFailed, ServerFailed) as failure:
        lab.say(f"{case.__name__} failed: {failure}")
        return [{"what": "this could not be measured: a command failed"}]


def _minutes(began: float) -> float:
    return (time.monotonic() - began) / 60


if __name__ == "__main__":
    main()
