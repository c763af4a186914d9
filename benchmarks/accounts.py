"""Compares what a transfer costs with many accounts on the ledger, in memory and cold, with what it costs with few.

    python -m benchmarks.accounts [--keys 1000000] [--rate 200] [--seconds 15] [--rounds 1] [--json FILE]
    python -m benchmarks.accounts --keys 10000000 --rounds 3      # an hour and 18 GB of disk, once 10 minutes more

Each round runs a fresh network of four nodes with 10,000 accounts, one with so many as asked for, and one of these
whose databases are not in memory when the nodes start; transfers go to all accounts in turn. What counts is processor
time a transaction and node, and of that the executor's, which owns the state: the least of all rounds, since other work
on the machine only ever adds. The mark is at most 5% more than with 10,000 accounts. Beside each run stands its share
of what checking signatures alone would allow in the same minute.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from cli.bench.clusters import ClusterPlan
from cli.bench.measure import Load, RunFigures, run, timestamp
from cli.bench.preload import KEYS_MAX, KEYS_MIN, bytes_needed, preloaded_ledger
from cli.bench.report import HEADINGS, Named, machine, row
from cli.bench.workloads import measured_contracts
from cli.errors import CliError
from cli.progress import ProgressLine, bar

NODES: Final = 4
MARK: Final = 1.05


def least(runs: list[RunFigures]) -> dict[str, float]:
    """Return microseconds a transaction of each kind of process, and of all, each the least of all runs."""
    kinds = {kind: min(one.cpu_us[kind] for one in runs) for kind in runs[0].cpu_us}
    return kinds | {"all": min(sum(one.cpu_us.values()) for one in runs)}


def compare(runs: dict[str, list[RunFigures]]) -> dict[str, dict[str, float]]:
    """Return what each kind of process takes in each setting, as a multiple of the first setting."""
    found = {what: least(several) for what, several in runs.items()}
    first = next(iter(found.values()))
    return {what: {kind: us / first[kind] for kind, us in one.items() if first[kind]} for what, one in found.items()}


def conduct(keys: int, rate: int, seconds: float, rounds: int, base_port: int) -> dict[str, list[RunFigures]]:
    """Run all settings in turn."""
    contracts = measured_contracts()
    settings = {
        f"{KEYS_MIN:,}": ClusterPlan(NODES, base_port, contracts, KEYS_MIN),
        f"{keys:,}": ClusterPlan(NODES, base_port, contracts, keys),
        f"{keys:,}, cold": ClusterPlan(NODES, base_port, contracts, keys, is_cold=True),
    }
    with ProgressLine() as line:
        for each in (KEYS_MIN, keys):
            preloaded_ledger(
                NODES, base_port, contracts, each, lambda done, of: line.show(f"opening accounts {bar(done, of)}")
            )
    runs: dict[str, list[RunFigures]] = {what: [] for what in settings}
    print(HEADINGS)
    for _ in range(rounds):
        for what, plan in settings.items():
            runs[what].append(run(plan, Load(rate, seconds)))
            print(row(Named(what, runs[what][-1])), flush=True)
    return runs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--base-port", type=int, default=27_700)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not KEYS_MIN < options.keys <= KEYS_MAX:
        parser.error(f"--keys: more than {KEYS_MIN:,}, at most {KEYS_MAX:,}")
    print(f"{options.keys:,} accounts take about {bytes_needed(NODES, options.keys) / 1e9:.1f} GB of disk")
    at, on = timestamp(), machine()
    try:
        runs = conduct(options.keys, options.rate, options.seconds, options.rounds, options.base_port)
    except CliError as error:
        sys.exit(f"{error}")
    ratios = compare(runs)
    print(f"\nprocessor time a transaction, as a multiple of that with {KEYS_MIN:,} accounts (mark: {MARK})")
    for what, one in ratios.items():
        said = "  ".join(f"{kind} {ratio:.2f}" for kind, ratio in one.items() if kind != "reader")
        print(f"{what:<18} {said}   {'' if one['all'] <= MARK else 'missed'}".rstrip())
    if options.json is not None:
        entries: dict[str, Any] = {what: [asdict(one) for one in several] for what, several in runs.items()}
        result = {"at": at, "machine": on, "ratios": ratios, "runs": entries}
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
