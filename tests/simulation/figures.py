"""Prints the figures of docs/simulation.md from the records beside this file.

    python tests/simulation/figures.py

The page holds what this prints, between two marks; a test compares the two.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from consensus.simulation.records import read_records, summed

RECORDS: Final = Path(__file__).parent / "records"
PAGE: Final = Path(__file__).parents[2] / "docs" / "simulation.md"
BEGIN: Final = "<!-- figures -->\n"
END: Final = "<!-- /figures -->\n"


def figures() -> str:
    """Return all figures as Markdown."""
    return "\n".join([*_campaigns(), "", *_twins(), "", *_bugs(), ""])


def _campaigns() -> list[str]:
    records = read_records(RECORDS / "campaigns.jsonl")
    sums = summed(records)
    mean = sum(record["recovery_seconds_mean"] * record["runs"] for record in records) / sums.runs
    profiles = "; ".join(f"{runs:,} {profile}" for profile, runs in sums.profiles.items())
    programs = len({record["sources"] for record in records})
    rows = [
        ("runs, each of a seed of its own", f"{sums.runs:,} ({profiles})"),
        ("broken promises", f"{sums.broken - len(sums.false_alarms):,}"),
        ("false alarms of the checker, mended since", _alarms(sums.false_alarms)),
        ("faults and lies", f"{sums.fault_count:,}"),
        ("runs with liars", f"{sums.runs_with_liars:,}"),
        ("pieces of evidence, all against liars", f"{sums.convictions:,} of {len(sums.evidence)} kinds"),
        ("events", f"{sums.events:,}"),
        ("events a second of CPU", f"{sums.events / sums.cpu_seconds:,.0f}"),
        ("blocks; transactions acknowledged", f"{sums.blocks:,}; {sums.acknowledged:,}"),
        ("recovery after the faults, mean and slowest", f"{mean:.2f} s and {sums.recovery_seconds_max:.2f} s, virtual"),
        ("duration", f"{sums.wall_seconds / 3600:.2f} h, {sums.cpu_seconds / 3600:.2f} h of CPU"),
        ("states of the sources that ran", f"{programs}"),
    ]
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(sums.faults.items()))
    lines = [f"| {what} | {figure} |" for what, figure in rows]
    return ["| campaigns | |", "|---|---|", *lines, "", f"By kind: {counts}."]


def _alarms(alarms: dict[str, str]) -> str:
    return ", ".join(f"seed {seed} (`{name}`)" for seed, name in sorted(alarms.items())) or "none"


def _twins() -> list[str]:
    lines = ["| Twins: nodes, doubled | rounds | scenarios | split | CPU |", "|---|---|---|---|---|"]
    for record in read_records(RECORDS / "twins.jsonl"):
        which = "all" if record["all"] else "drawn"
        rounds = f"{record['rounds']} of a {record['unit']}"
        played = f"{record['scenarios']:,} ({which})"
        cells = (f"{record['nodes']}, {record['twins']}", rounds, played, str(record["broken"]))
        lines.append(f"| {' | '.join(cells)} | {record['cpu_seconds']:,.0f} s |")
    return lines


def _bugs() -> list[str]:
    record: dict[str, Any] = json.loads((RECORDS / "mutants.json").read_text(encoding="utf-8"))
    bugs = record["bugs"]
    found = sum(bug["is_expected"] for bug in bugs)
    lines = [
        f"{found} of {len(bugs)} planted bugs found with {record['workers']} worker; the slowest took "
        f"{max(bug['seconds'] for bug in bugs):,.0f} seconds on a busy machine:",
        "",
        "| planted bug | found by the promise | runs | seconds | CPU |",
        "|---|---|---|---|---|",
    ]
    for bug in bugs:
        times = f"{bug['seconds']:.1f} | {bug['cpu_seconds']:.1f}"
        lines.append(f"| {bug['name']} | {bug['rule']} | {bug['tried']:,} | {times} |")
    return lines


def shown() -> str:
    """Return what the page says."""
    text = PAGE.read_text(encoding="utf-8")
    return text.partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page.replace(shown(), figures()), encoding="utf-8")
    else:
        print(figures(), end="")
