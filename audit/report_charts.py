"""Charts of a report as inline SVG: no script, no font, nothing to load, and every number in text beside its bar."""

from collections.abc import Sequence
from html import escape
from typing import Final

WIDTH: Final = 720
DAYS_MAX: Final = 120
"""Days in a chart of columns; longer histories are shown by groups of days."""
BARS_MAX: Final = 12


def columns_by_day(days: Sequence[tuple[str, int, int]]) -> str:
    """Return a chart of transactions a day; what failed is the upper part of a column."""
    if not days:
        return ""
    groups = _grouped(days)
    height, left, bottom, top = 200, 62, 24, 12
    highest = max(total for _, total, _ in groups) or 1
    step = (WIDTH - left) / len(groups)
    width = min(36.0, step * 0.8)
    parts = [_line(left, height - bottom, WIDTH, height - bottom)]
    for share in (0.5, 1.0):
        y = height - bottom - (height - bottom - top) * share
        parts.append(_line(left, y, WIDTH, y))
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{highest * share:,.0f}</text>')
    for number, (label, total, failed) in enumerate(groups):
        x = left + number * step + (step - width) / 2
        scale = (height - bottom - top) / highest
        good = (total - failed) * scale
        tip = f"<title>{escape(label)}: {total:,} transactions, {failed:,} failed</title>"
        parts.append(
            f'<g>{tip}<rect class="good" x="{x:.1f}" y="{height - bottom - good:.1f}" '
            f'width="{width:.1f}" height="{good:.1f}"/><rect class="bad" x="{x:.1f}" '
            f'y="{height - bottom - total * scale:.1f}" width="{width:.1f}" height="{failed * scale:.1f}"/></g>'
        )
    labelled = {0, len(groups) - 1} if len(groups) > 1 else {0}
    for number in sorted(labelled):
        anchor = "start" if number == 0 and len(groups) > 1 else "end" if number else "middle"
        x = left + number * step + (0 if anchor == "start" else step if anchor == "end" else step / 2)
        parts.append(f'<text x="{x:.1f}" y="{height - 6}" text-anchor="{anchor}">{escape(groups[number][0])}</text>')
    return _svg(height, parts, "Transactions by day of block time")


def bars(rows: Sequence[tuple[str, int]], title: str) -> str:
    """Return a chart of horizontal bars with names and numbers, the largest ones first."""
    shown = [row for row in rows if row[1] > 0][:BARS_MAX]
    if not shown:
        return ""
    highest = max(count for _, count in shown)
    left, right, row_height = 210, 90, 24
    parts: list[str] = []
    for number, (name, count) in enumerate(shown):
        y = number * row_height
        length = (WIDTH - left - right) * count / highest
        text = name if len(name) <= 28 else f"{name[:27]}…"
        parts.append(f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{escape(text)}</text>')
        parts.append(f'<rect class="good" x="{left}" y="{y + 4}" width="{max(length, 1):.1f}" height="16"/>')
        parts.append(f'<text x="{left + length + 6:.1f}" y="{y + 16}">{count:,}</text>')
    return _svg(len(shown) * row_height, parts, title)


def _grouped(days: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    size = -(-len(days) // DAYS_MAX)
    groups = [days[start : start + size] for start in range(0, len(days), size)]
    return [
        (
            group[0][0] if len(group) == 1 else f"{group[0][0]} to {group[-1][0]}",
            sum(total for _, total, _ in group),
            sum(failed for _, _, failed in group),
        )
        for group in groups
    ]


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _svg(height: int, parts: Sequence[str], title: str) -> str:
    label = escape(title, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
