"""How fast reconciler is: measures, prints tables, writes them to results.md beside this file.

bench.py [--quick] [--only CASE]... [--octodns PYTHON]
"""

from __future__ import annotations

import argparse
import inspect
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from cases import CASES, Case
from lab import Lab
from machine import Others, describe
from table import markdown

RESULTS = Path(__file__).with_name("results.md")
INTRODUCTION = """# Benchmarks

Written by `benchmarks/bench.py`{how}; all of it in one run that took {minutes:.1f} minutes.
Reconciler, the client beside it and the sandbox that both ask are processes on one machine. What
is short is measured three times (start-up seven times) and the median is given. Read the ratios
before the seconds: they move less from machine to machine. Other work took {others} of all cores
meanwhile; where that is more than a few percent, the wall clock tells little. A peak of some 20 MB
may be less in truth: a child is never seen to be smaller than the process that started it.

"""


def main() -> None:
    options = _options()
    began = time.monotonic()
    others = Others()
    machine = f"## Machine\n\n{describe()}"
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        lab = Lab(Path(folder), quick=options.quick, octodns=options.octodns)
        chosen = [case for case in CASES if not options.only or case.__name__ in options.only]
        parts = [machine, *_sections(lab, chosen)]
    how = " with `--quick`" if options.quick else ""
    head = INTRODUCTION.format(how=how, minutes=_minutes(began), others=others.share())
    print(head.partition("\n\n")[2] + machine)
    if not options.only:
        RESULTS.write_text(head + "\n".join(parts), "utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller, within two minutes")
    parser.add_argument(
        "--only", action="append", choices=[case.__name__ for case in CASES], help="just this case"
    )
    parser.add_argument("--octodns", default=_own_octodns(), help="a Python that has octoDNS")
    return parser.parse_args()


def _own_octodns() -> str | None:
    there = find_spec("octodns") is not None and find_spec("requests") is not None
    return sys.executable if there else None


def _sections(lab: Lab, cases: list[Case]) -> Iterator[str]:
    for case in cases:
        rows = case(lab)
        title, _, note = inspect.cleandoc(case.__doc__ or case.__name__).partition("\n")
        section = f"## {title}\n\n{note.strip()}\n\n{markdown(rows)}"
        print(section, flush=True)
        yield section


def _minutes(began: float) -> float:
    return (time.monotonic() - began) / 60


if __name__ == "__main__":
    main()
