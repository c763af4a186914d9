"""Measures how much sooner an audit ends with several processes, and on the workers of a Dask scheduler.

    python -m benchmarks.audit_spread [--blocks 100] [--transactions 200] [--processes 2] [--rounds 2] [--json FILE]

An export is made first, and with it a snapshot of the state in the middle, as `tally audit --snapshots` writes it. Then
it is audited in one process, in several, and on as many Dask workers of one thread, up to the receipts and with every
contract run again. Figures are wall-clock time, the least of all rounds: they mean something on a quiet machine alone,
with as many idle cores as processes. Dask's workers are running before; the processes are started within the time.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from distributed import LocalCluster

from audit.auditor import run_audit
from audit.checkpoint import CheckpointWatcher
from audit.export_source import ExportSource
from audit.export_writer import write_export
from audit.mismatch import Level
from audit.verdict import Outcome, Verdict
from audit.whole import audit_in_ranges
from benchmarks.audit import make_history
from chain.genesis import decode_genesis
from cli.audit_dask import DaskWorkers

LEVELS: Final = (Level.RECEIPTS, Level.EXECUTION)
RANGES_A_WORKER: Final = 4


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--blocks", type=int, default=100)
    parser.add_argument("--transactions", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="tally-audit-spread-") as folder:
        export, snapshots = Path(folder) / "export", Path(folder) / "states"
        write_export(export, make_history(options.blocks, options.transactions), lambda height, head: None)
        run_audit(ExportSource(export), watchers=[CheckpointWatcher(snapshots, (options.blocks + 1) // 2)])
        found = {level.value: _measured(export, snapshots, level, options) for level in LEVELS}
    cores, count = len(os.sched_getaffinity(0)), options.blocks * options.transactions
    print(f"{options.blocks} blocks of {options.transactions} transactions; wall-clock time, {cores} cores")
    for level, seconds in found.items():
        for name, each in seconds.items():
            gain = seconds["1 process"] / each
            print(
                f"--level {level:<10} {name:<16}{each:>7.2f} s {count / each:>9,.0f} transactions/s {gain:>6.2f} times"
            )
    if options.json is not None:
        result = {"cores": cores, "transactions": count, "seconds": found}
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _measured(export: Path, snapshots: Path, level: Level, options: argparse.Namespace) -> dict[str, float]:
    """Return the seconds of each way to audit up to a level."""
    processes, rounds = options.processes, options.rounds

    def audit(processes: int) -> Verdict:
        return run_audit(ExportSource(export), level=level, processes=processes)

    found = {
        "1 process": _least(lambda: audit(1), rounds),
        f"{processes} processes": _least(lambda: audit(processes), rounds),
    }
    make_cluster: Any = LocalCluster  # which has no types
    with make_cluster(n_workers=processes, threads_per_worker=1, dashboard_address=None) as cluster:
        workers = DaskWorkers(cluster.scheduler_address, str(export), lambda done, of: None)
        try:
            source = ExportSource(export)
            genesis = decode_genesis(source.genesis())
            blocks = max(1, options.blocks // (RANGES_A_WORKER * processes))
            given: dict[str, Any] = {"anchored": True, "level": level, "snapshots": snapshots, "range_blocks": blocks}
            # Workers import the auditor with their first range, so there is a round more.
            found[f"{processes} Dask workers"] = _least(
                lambda: audit_in_ranges(source, genesis, workers, **given).verdict, rounds + 1
            )
        finally:
            workers.close()
    return found


def _least(audit: Callable[[], Verdict], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        began = time.monotonic()
        verdict = audit()
        seconds.append(time.monotonic() - began)
        assert verdict.outcome is Outcome.OK, verdict.first_mismatch
    return min(seconds)


if __name__ == "__main__":
    main()
