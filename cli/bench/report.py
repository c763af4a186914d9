"""What a benchmark found, as a table, as JSON and as a chart."""

import math
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from chain.values import dataclass
from cli.bench.measure import RunFigures

HEADINGS: Final = (
    "what               offered/s  done/s  of limit   p50 ms   p95 ms   p99 ms   max ms   "
    "CPU us/tx: node+exec+reader+verif = all   disk B   wire B   memory of a node"
)

CHART_WIDTH, CHART_HEIGHT, CHART_MARGIN = 640, 360, 80
STAGE_US_MIN: Final = 0.5
"""What takes less is not in the table, but in the JSON."""
LABEL_WIDTH: Final = 40.0
LATENCY_DECADES: Final = (1, 10, 100, 1_000, 10_000, 100_000)
CURVES: Final = (("p50", "#1f6f8b"), ("p99", "#b4482a"))


@dataclass(frozen=True, slots=True)
class Named:
    """A run and what it is for."""

    what: str
    figures: RunFigures


def row(entry: Named) -> str:
    """Return a run as a line of the table."""
    one = entry.figures
    times = "".join(f"{one.latency_ms.get(name, float('nan')):9,.0f}" for name in ("p50", "p95", "p99", "max"))
    cpu = "+".join(f"{microseconds:.0f}" for microseconds in one.cpu_us.values())
    share = one.committed_per_second / one.limit
    line = (
        f"{entry.what:<18} {one.rate:>9,} {one.committed_per_second:>7,.0f} {share:>9.0%}"
        f"{times}   {cpu} = {sum(one.cpu_us.values()):.0f}   {one.disk_bytes:,.0f}   {one.wire_bytes:,.0f}"
        f"   {sum(one.memory_mib.values()):,.0f} MiB"
    )
    if one.other:
        line += "   " + ", ".join(f"{count:,} {said}" for said, count in sorted(one.other.items()))
    if one.backlog_grew:
        line += "   backlog grew"
    return line + ("" if one.sustained else "   not sustained")


def stage_table(figures: RunFigures) -> str:
    """Return what each stage of a transaction's life takes in one node, a line a stage; nothing if not sampled."""
    return "\n".join(
        f"  {kind:<10}{stage:<28}{microseconds:8.1f} us"
        for kind, stages in figures.stages_us.items()
        for stage, microseconds in stages.items()
        if microseconds >= STAGE_US_MIN
    )


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    models = [line for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": models[0].partition(":")[2].strip() if models else platform.processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_version()}, {sys.base_prefix}",
        "load_before": os.getloadavg()[0],
    }


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def document(
    at: str, on: dict[str, Any], capacity: int, lone: dict[str, float], runs: Sequence[Named]
) -> dict[str, Any]:
    """Return everything that was found, for JSON."""
    return {
        "at": at,
        "machine": on,
        "capacity": capacity,
        "lone_ms": lone,
        "runs": [{"what": entry.what, **asdict(entry.figures)} for entry in runs],
    }


def chart(runs: Sequence[RunFigures], title: str) -> str:
    """Return an SVG of latency, on a logarithmic scale, over what was offered; at one rate the longest run counts."""
    longest = {one.rate: one for one in sorted(runs, key=lambda one: one.seconds) if one.latency_ms}
    plotted = [longest[rate] for rate in sorted(longest)]
    rate_max = max((one.rate for one in plotted), default=1)
    right, bottom = CHART_WIDTH - CHART_MARGIN, CHART_HEIGHT - CHART_MARGIN

    def across(rate: float) -> float:
        return CHART_MARGIN + (right - CHART_MARGIN) * rate / rate_max

    def down(milliseconds: float) -> float:
        return bottom - (bottom - CHART_MARGIN) * _decades(milliseconds) / (len(LATENCY_DECADES) - 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{CHART_WIDTH}" height="{CHART_HEIGHT}" fill="#fff"/>',
        f'<text x="{CHART_MARGIN}" y="24" font-size="15">{escape(title)}</text>',
    ]
    for decade in LATENCY_DECADES:
        y = down(decade)
        parts.append(f'<line x1="{CHART_MARGIN}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{CHART_MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{decade:,} ms</text>')
    labelled = -LABEL_WIDTH
    for one in plotted:
        x, mark = across(one.rate), "#444" if one.sustained else "#b4482a"
        parts.append(f'<line x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 4}" stroke="{mark}"/>')
        if x - labelled >= LABEL_WIDTH:
            parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="{mark}">{one.rate:,}</text>')
            labelled = x
    parts.append(f'<text x="{CHART_MARGIN}" y="{CHART_HEIGHT - 8}" fill="#b4482a">red: not sustained</text>')
    parts.append(f'<text x="{right}" y="{CHART_HEIGHT - 8}" text-anchor="end">transactions a second offered</text>')
    for number, (name, colour) in enumerate(CURVES):
        points = " ".join(f"{across(one.rate):.1f},{down(one.latency_ms[name]):.1f}" for one in plotted)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{right - 60 + 36 * number}" y="24" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _decades(milliseconds: float) -> float:
    """Return where a latency stands between the ends of the scale, in decades."""
    return math.log10(min(max(milliseconds, LATENCY_DECADES[0]), LATENCY_DECADES[-1]) / LATENCY_DECADES[0])
