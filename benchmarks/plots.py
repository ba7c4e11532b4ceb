"""The plots beside the tables, as SVG: legible on white and on black, and for the same figures the
same bytes.

Matplotlib is imported when the first is drawn, after all measuring: until then this process is
smaller than what it starts.
"""

# mypy: disable-error-code="import-not-found,import-untyped,unused-ignore"

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from beside_octodns import WORKERS
from lab import Lab
from measure import Usage

# Of middling lightness, so that all of them stand out from either ground.
GREY = "#758089"
BLUE, ORANGE, GREEN, PURPLE = "#2f81f7", "#d9730d", "#22a06b", "#a55bd6"
STYLE: Any = {
    "svg.hashsalt": "reconciler",
    "svg.fonttype": "none",  # text stays text: small, and in the reader's own font
    "font.family": "sans-serif",
    "font.size": 10.0,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.0,
    "text.color": GREY,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.titlecolor": GREY,
    "axes.titlesize": 11.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}
SIZE = (8.0, 3.4)  # inches
LATENCIES = (0.0, 0.05)


class Line(NamedTuple):
    label: str
    color: str
    marker: str
    points: list[tuple[int, float]]


Panel = tuple[str, list[Line]]


def draw(lab: Lab, folder: Path) -> str:
    """Writes the SVGs there, of what was measured; what the report says: them, or why not."""
    if find_spec("matplotlib") is None:
        lab.say("no plots: matplotlib is not installed")
        return "(There are no plots: matplotlib is not installed.)\n"
    plots = {"plan.svg": _plan, "growth.svg": _growth}
    for name, figure in plots.items():
        _save(folder / name, figure(lab))
    return (
        "![Wall seconds against N, log-log: plan, the bare client and octoDNS](plan.svg)\n\n"
        "![CPU milliseconds and kilobytes a number against N](growth.svg)\n"
    )


def _save(path: Path, figure: Any) -> None:
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})


def _plan(lab: Lab) -> Any:
    panels = [(f"plan at {latency * 1000:g} ms", _beside(lab, latency)) for latency in LATENCIES]
    figure, axes = _figure(panels, alike=True)
    for ax in axes:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(_plain)
        ax.set_ylabel("wall s")
    return figure


def _beside(lab: Lab, latency: float) -> list[Line]:
    def wall(*key: object) -> list[tuple[int, float]]:
        what, *more = key
        found = {count: lab.known(what, count, latency, *more) for count in lab.counts}
        return [(count, usage.wall) for count, usage in found.items() if usage]

    octodns = zip(WORKERS, (GREEN, PURPLE), ("s", "D"), strict=True)
    return [
        Line("reconciler, 64 at once", BLUE, "o", wall("plan")),
        Line("bare GETs, 64 at once", ORANGE, "^", wall("bare")),
        *(
            Line(f"octoDNS, {n} workers", color, mark, wall("octoDNS", n))
            for n, color, mark in octodns
        ),
    ]


def _growth(lab: Lab) -> Any:
    cpu = _each(lab, lambda usage, least, count: (usage.cpu - least.cpu) / count * 1000)
    memory = _each(lab, lambda usage, least, count: (usage.peak - least.peak) / count * 1024)
    figure, axes = _figure([("CPU ms a number more", cpu), ("peak KB a number more", memory)])
    for ax in axes:
        ax.set_ylim(bottom=0)
    return figure


def _each(lab: Lab, cost: Callable[[Usage, Usage, int], float]) -> list[Line]:
    """What one more number costs, start-up apart, as the table has it."""
    keys: dict[str, Callable[[int], tuple[object, ...]]] = {
        "plan, 0 ms": lambda count: ("plan", count, 0.0),
        "validate": lambda count: ("validate", count),
    }
    lines = []
    for (label, key), color, marker in zip(keys.items(), (BLUE, GREEN), ("o", "s"), strict=True):
        least = lab.known(*key(1))
        found = {count: lab.known(*key(count)) for count in lab.counts}
        points = [(n, cost(usage, least, n)) for n, usage in found.items() if usage and least]
        lines.append(Line(label, color, marker, points))
    return lines


def _figure(panels: list[Panel], *, alike: bool = False) -> tuple[Any, list[Any]]:
    """Panels side by side over N, with one legend above them; `alike`: with one scale."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = list(figure.subplots(1, len(panels), sharex=True, sharey=alike))
        for ax, (title, lines) in zip(axes, panels, strict=True):
            _fill(ax, title, lines)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure, axes


def _fill(ax: Any, title: str, lines: list[Line]) -> None:
    for line in lines:
        if line.points:
            xs, ys = zip(*line.points, strict=True)
            ax.plot(xs, ys, color=line.color, marker=line.marker, label=line.label)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(_plain)
    ax.set_title(title)
    ax.set_xlabel("numbers")
    ax.grid(visible=True)


def _plain(value: float, _place: object) -> str:
    return f"{value:,.10g}"
