"""Lines over time as an SVG, without any library: what the charts of long measurements are drawn with."""

from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 640
PANEL_HEIGHT: Final = 200
MARGIN: Final = 60
COLOURS: Final = ("#1f6f8b", "#b4482a", "#5b8c2a", "#7a4fa3", "#b08900", "#444444")
TICKS: Final = 4

Points = Sequence[tuple[float, float]]


def panels(title: str, drawn: Sequence[tuple[str, Mapping[str, Points]]], across: str) -> str:
    """Return an SVG of panels one below the other, each with its title and its lines by name."""
    height = MARGIN + PANEL_HEIGHT * len(drawn)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"'
        ' font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{MARGIN}" y="24" font-size="15">{escape(title)}</text>',
    ]
    for number, (name, lines) in enumerate(drawn):
        parts += _panel(name, lines, MARGIN + number * PANEL_HEIGHT)
    parts.append(f'<text x="{WIDTH - MARGIN}" y="{height - 6}" text-anchor="end">{escape(across)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(name: str, lines: Mapping[str, Points], top: int) -> list[str]:
    points = [point for line in lines.values() for point in line]
    x_max = max((x for x, _ in points), default=1.0) or 1.0
    y_max = max((y for _, y in points), default=1.0) or 1.0
    left, right, upper, lower = MARGIN, WIDTH - MARGIN, top + 20, top + PANEL_HEIGHT - 30
    parts = [f'<text x="{left}" y="{top + 10}" font-weight="bold">{escape(name)}</text>']
    for tick in range(TICKS + 1):
        share = tick / TICKS
        y, x = lower - (lower - upper) * share, left + (right - left) * share
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 4}" y="{y + 4:.1f}" text-anchor="end">{_plain(y_max * share)}</text>')
        parts.append(f'<text x="{x:.1f}" y="{lower + 14}" text-anchor="middle">{_plain(x_max * share)}</text>')
    for number, (label, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        drawn = " ".join(
            f"{left + (right - left) * x / x_max:.1f},{lower - (lower - upper) * y / y_max:.1f}" for x, y in line
        )
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{left + 200 + 80 * number}" y="{top + 10}" fill="{colour}">{escape(label)}</text>')
    return parts


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.2g}"
