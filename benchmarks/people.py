"""Measures what people and their programs meet at one node: requests, pages of the explorer, streams, the SDK.

    python -m benchmarks.people [--transactions 1000000] [--seconds 10] [--rate 200] [--json FILE]

Four real nodes on this machine; the ledger of as many transactions as asked for is made offline first, which takes most
of the time. The generator shares the processors with them. Latencies are by the wall clock, since waiting is what is
measured; what the SDK costs is processor time of its own process.
"""

import argparse
import asyncio
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any, Final

from benchmarks.long_ledger import make_long_ledger
from benchmarks.people_pages import measure_pages
from benchmarks.people_requests import measure_requests, measure_sdk, measure_streams
from benchmarks.restart import wait_all_ready
from cli import cluster_processes as processes
from cli import story
from cli.bench.workloads import ACCOUNTS
from cli.cluster_layout import ClusterLayout

ROOT: Final = Path(__file__).resolve().parent.parent
EXPLORER: Final = ROOT / "api" / "explorer"
NODES: Final = 4
BLOCK: Final = 500
"""Transactions of each block."""


def main() -> None:
    """Run all measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transactions", type=int, default=1_000_000, help="in the ledger before anything is measured")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each kind of request")
    parser.add_argument("--rate", type=int, default=200, help="transactions a second that are committed meanwhile")
    parser.add_argument("--base-port", type=int, default=28800)
    parser.add_argument("--json", type=Path, default=None, help="file for the figures")
    options = parser.parse_args()
    figures: dict[str, Any] = {"transactions": options.transactions}
    with tempfile.TemporaryDirectory(prefix="tally-people-") as folder:
        place = Path(folder) / "cluster"
        made = make_long_ledger(place, NODES, options.base_port, options.transactions, BLOCK, ACCOUNTS)
        tell("ledger", {"transactions": options.transactions, "blocks": made.height})
        try:
            for node in made.layout.nodes:
                processes.start(node)
            wait_all_ready(made.layout.nodes)
            # For the pages of an item and of a transfer.
            story.play.main(["--dir", str(place), "--quiet"], standalone_mode=False)
            figures |= _measured(made.layout, options.seconds, options.rate)
        finally:
            processes.stop(made.layout.nodes, lambda late: None)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _measured(layout: ClusterLayout, seconds: float, rate: int) -> dict[str, Any]:
    """Return all figures of a running cluster, printing each as it comes."""
    figures: dict[str, Any] = {"explorer": explorer_size()}
    tell("explorer", figures["explorer"])
    figures["requests"] = asyncio.run(measure_requests(layout, seconds, rate))
    for kind, found in figures["requests"].items():
        tell(kind, found)
    figures["pages_ms"] = asyncio.run(measure_pages(layout))
    tell("pages, ms to what is useful", figures["pages_ms"] or {"skipped": "there is no Chromium"})
    figures["streams"] = asyncio.run(measure_streams(layout))
    tell("streams", figures["streams"])
    figures["sdk_us"] = asyncio.run(measure_sdk(layout))
    tell("SDK, us of processor a transaction", figures["sdk_us"])
    return figures


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
