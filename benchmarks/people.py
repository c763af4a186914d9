"""Measures what people and their programs meet at one node: requests, pages of the explorer, streams, the SDK.

    python -m benchmarks.people [--transactions 1000000] [--seconds 10] [--rate 200] [--json FILE]

Four real nodes on this machine; the ledger is first filled with as many transactions as asked for, which takes most of
the time. The generator shares the processors with them. Latencies are by the wall clock, since waiting is what is
measured; what the SDK costs is processor time of its own process.
"""

import argparse
import asyncio
import gzip
import json
from pathlib import Path
from typing import Any, Final

from benchmarks.people_pages import measure_pages
from benchmarks.people_requests import fill, measure_requests, measure_sdk, measure_streams
from cli.bench.clusters import ClusterPlan, fresh_cluster
from cli.bench.workloads import measured_contracts

ROOT: Final = Path(__file__).resolve().parent.parent
EXPLORER: Final = ROOT / "api" / "explorer"
NODES: Final = 4


def main() -> None:
    """Run all measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transactions", type=int, default=1_000_000, help="in the ledger before anything is measured")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each kind of request")
    parser.add_argument("--rate", type=int, default=200, help="transactions a second that are committed meanwhile")
    parser.add_argument("--base-port", type=int, default=28800)
    parser.add_argument("--json", type=Path, default=None, help="file for the figures")
    options = parser.parse_args()
    figures: dict[str, Any] = {"transactions": options.transactions, "explorer": explorer_size()}
    with fresh_cluster(ClusterPlan(NODES, options.base_port, measured_contracts())) as layout:
        figures["fill_per_second"] = asyncio.run(fill(layout, options.transactions))
        tell("ledger", {"transactions": options.transactions, "filled_per_second": figures["fill_per_second"]})
        tell("explorer", figures["explorer"])
        figures["requests"] = asyncio.run(measure_requests(layout, options.seconds, options.rate))
        for kind, found in figures["requests"].items():
            tell(kind, found)
        figures["pages_ms"] = asyncio.run(measure_pages(layout))
        tell("pages, ms to what is useful", figures["pages_ms"] or {"skipped": "there is no Chromium"})
        figures["streams"] = asyncio.run(measure_streams(layout))
        tell("streams", figures["streams"])
        figures["sdk_us"] = asyncio.run(measure_sdk(layout))
        tell("SDK, us of processor a transaction", figures["sdk_us"])
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def explorer_size() -> dict[str, int]:
    """Return how many files the explorer is, and their bytes as they are and as they travel."""
    contents = [path.read_bytes() for path in sorted(EXPLORER.iterdir()) if path.is_file()]
    packed = sum(len(gzip.compress(content, mtime=0)) for content in contents)
    return {"files": len(contents), "bytes": sum(map(len, contents)), "bytes_packed": packed}


def tell(what: str, found: dict[str, Any]) -> None:
    """Print one line of figures."""
    values = ", ".join(
        f"{name} {value:,.1f}" if isinstance(value, float) else f"{name} {value}" for name, value in found.items()
    )
    print(f"{what}: {values}", flush=True)


if __name__ == "__main__":
    main()
