"""A plan on paper: what hosts a load takes, computed from a measured run of `tally bench`, one host a node.

    python -m benchmarks.plan FILE [--run WHAT] [--a-day 1000000000] [--peak 1] [--busy 0.6]

FILE is what `tally bench --json` wrote. Of its runs the one named is taken, by default that with the highest rate
which was sustained, of transfers and without a fault. What each process used of the processor a transaction is
multiplied by the rate. The node process and the executor are one thread of Python each, so neither may need more than a
core's share that is to be busy; signatures are checked by as many processes as it takes. Nothing is assumed to become
cheaper on another host; costs of a block spread over more transactions at higher rates, which makes this pessimistic,
and a host of another speed needs a measurement of its own.
"""

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

DAY_SECONDS: Final = 86_400
SERIAL: Final = ("node", "executor")
"""Processes that cannot be divided: one thread does the work."""
NODES_DEFAULT: Final = 4
"""Of a run that does not say how many there were."""


class RunMissing(Exception):
    """The file has no run to plan with; the message says which there are."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one kind of process takes on each host."""

    cores: float
    """Processor seconds a second."""
    processes: int
    rate_max: float
    """Transactions a second at which it would be as busy as it may be; without an end where processes can be added."""

    @property
    def fits(self) -> bool:
        """Whether the kind of process can do the work at all."""
        return self.processes > 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a load takes, by host."""

    rate: float
    """Transactions a second at the peak."""
    a_day: float
    busy: float
    needs: dict[str, Need]
    cores: int
    """Of a host, with each of them as busy as it may be."""
    disk_bytes_a_day: float
    disk_bytes_a_second: float
    """At the peak, without what the databases write again when they put their files in order."""
    wire_bits_a_second: float
    """Sent to other nodes at the peak, on average over the nodes; who proposes sends more."""
    memory_mib: float
    fits: bool
    rate_max: float
    """Transactions a second that the measured software allows on such hosts, however many cores they have."""


def choose_run(document: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """Return the run to plan with.

    Raises:
        RunMissing: when there is none.
    """
    runs = document.get("runs", [])
    if name is not None:
        found = [one for one in runs if one["what"] == name]
    else:
        found = [one for one in runs if one["sustained"] and one["workload"] == "transfer" and one["fault"] == "none"]
    if not found:
        known = ", ".join(sorted({one["what"] for one in runs})) or "none"
        raise RunMissing(f"no run {name!r}; there are: {known}" if name else "no run of transfers was sustained")
    return dict(max(found, key=lambda one: (one["rate"], one["seconds"])))


def make_plan(run: Mapping[str, Any], a_day: float, peak: float, busy: float) -> Plan:
    """Return what so many transactions a day take, `peak` times the average at the worst moment."""
    rate = a_day / DAY_SECONDS * peak
    needs = {kind: _need(kind, microseconds, rate, busy) for kind, microseconds in run["cpu_us"].items()}
    nodes = run.get("nodes", NODES_DEFAULT)
    bound = [need.rate_max for need in needs.values()]
    memory: Mapping[str, float] = run["memory_mib"]
    return Plan(
        rate,
        a_day,
        busy,
        needs,
        math.ceil(sum(need.cores for need in needs.values()) / busy),
        run["disk_bytes"] * a_day,
        run["disk_bytes"] * rate,
        run["wire_bytes"] * 8 * rate / nodes,
        sum(size * max(1, needs[kind].processes) for kind, size in memory.items() if kind in needs),
        all(need.fits for need in needs.values()),
        min(bound),
    )


def _need(kind: str, microseconds: float, rate: float, busy: float) -> Need:
    cores = microseconds * rate / 1e6
    if kind == "verifier":
        return Need(cores, max(1, math.ceil(cores / busy)), math.inf)
    rate_max = busy * 1e6 / microseconds if microseconds else math.inf
    if kind in SERIAL and cores > busy:
        return Need(cores, 0, rate_max)
    return Need(cores, 1, rate_max if kind in SERIAL else math.inf)


def text(plan: Plan, run: Mapping[str, Any]) -> str:
    """Return the plan as lines."""
    lines = [
        f"from the run {run['what']!r}: {run['rate']:,} transactions a second of {run['workload']}, "
        f"{run['committed_per_second']:,.0f} committed, {run.get('nodes', NODES_DEFAULT)} nodes",
        f"{plan.a_day:,.0f} a day: {plan.rate:,.0f} a second at the peak; cores at most {plan.busy:.0%} busy",
        "",
        f"{'process':<10}{'us a tx':>9}{'cores':>8}{'processes':>11}   would do",
    ]
    for kind, need in plan.needs.items():
        does = "as many as there are processes" if math.isinf(need.rate_max) else f"{need.rate_max:,.0f} a second"
        processes = f"{need.processes:>11}" if need.fits else f"{'too slow':>11}"
        lines.append(f"{kind:<10}{run['cpu_us'][kind]:>9.1f}{need.cores:>8.2f}{processes}   {does}")
    cores = f"{plan.cores} cores, " if plan.fits else ""
    lines += [
        "",
        f"each host: {cores}{plan.memory_mib / 1024:,.1f} GiB of memory for its processes (beside the page cache), "
        f"{plan.wire_bits_a_second / 1e6:,.0f} Mbit/s to the others",
        f"disk: {plan.disk_bytes_a_day / 1e9:,.0f} GB a day, {plan.disk_bytes_a_day * 365 / 1e12:,.0f} TB a year; "
        f"{plan.disk_bytes_a_second / 1e6:,.0f} MB/s stay on disk at the peak",
    ]
    if plan.fits:
        lines.append("It fits: no process that cannot be divided needs more than its share of a core.")
    else:
        slow = ", ".join(
            f"{kind} needs {run['cpu_us'][kind]:.0f} us and may need {plan.busy * 1e6 / plan.rate:.0f}"
            for kind, need in plan.needs.items()
            if not need.fits
        )
        lines.append(f"It does not fit: {slow}. As measured, one ledger does {plan.rate_max:,.0f} a second,")
        ledgers = math.ceil(plan.rate / plan.rate_max)
        lines.append(f"so that the load takes {ledgers} ledgers side by side, or a faster core.")
    return "\n".join(lines)


def main() -> None:
    """Read, compute, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="what `tally bench --json` wrote")
    parser.add_argument("--run", default=None, help="which of its runs, by what it is for")
    parser.add_argument("--a-day", type=float, default=1e9, help="transactions")
    parser.add_argument("--peak", type=float, default=1.0, help="the worst moment, in averages")
    parser.add_argument("--busy", type=float, default=0.6, help="share of a core that may be used")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    try:
        run = choose_run(json.loads(options.file.read_text(encoding="utf-8")), options.run)
    except (OSError, ValueError, RunMissing) as error:
        parser.error(f"{options.file}: {error}")
    plan = make_plan(run, options.a_day, options.peak, options.busy)
    print(text(plan, run))
    if options.json is not None:
        options.json.write_text(json.dumps(asdict(plan), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
