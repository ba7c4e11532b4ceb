"""Rows as a Markdown table that also reads well in a terminal."""

from __future__ import annotations

Cell = str | int | float
Row = dict[str, Cell]


def markdown(rows: list[Row]) -> str:
    """The columns are the keys, in the order in which they come up; what a row lacks is empty."""
    if not rows:
        return "(nothing was measured)\n"
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names] + [[text(row.get(name, "")) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rules = ["-" * (width - 1) + (":" if place else "-") for place, width in enumerate(widths)]
    return "".join(_line(line, widths) for line in [names, rules, *lines[1:]])


def _line(cells: list[str], widths: list[int]) -> str:
    padded = [
        cell.rjust(width) if place else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |\n"


def text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
