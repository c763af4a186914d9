"""Measures what questions about the state cost blocks: how long a block takes while views, scans and proofs are asked.

    python -m benchmarks.views [--blocks 200] [--size 100]

One executor and its reader, as a node has them. First blocks alone, one after the other; then the same while as many
questions are under way as the node lets wait: cheap ones, then views that use up the gas that a view may use. Times are
from the request to the reply, by the wall clock, since waiting is what is measured; on a machine with other work to do
the slowest ones say more about that work.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.executor_workload import Workload
from chain.genesis import GenesisContract
from contracts.executor.client import ExecutorClient
from contracts.executor.errors import ExecutorBusy
from contracts.executor.settings import ExecutorSettings

ASKERS: Final = 32
CACHE_BYTES: Final = 32 * 1024 * 1024

SPIN: Final = '''"""A contract with a view that takes as long as its gas."""


@view
def spin() -> int:
    """Count until the gas is used up."""
    count = 0
    while True:
        count += 1
    return count
'''

Question = Callable[[ExecutorClient, int], Awaitable[object]]


async def ask_cheaply(client: ExecutorClient, number: int) -> object:
    """Ask in turn for a view, a range, a proof and a history."""
    account = b"balances"
    match number % 4:
        case 0:
            return await client.view("transfer", "balance", [f"account-{number % 10_000}"], None, 100_000)
        case 1:
            return await client.scan("transfer", b"", b"\xff", 100)
        case 2:
            return await client.prove("transfer", account)
        case _:
            return await client.history("transfer", account, 100)


async def ask_dearly(client: ExecutorClient, number: int) -> object:
    """Run a view until its gas is used up."""
    return await client.view("spin", "spin", [], None, 10**9)


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=200, help="blocks of each run")
    parser.add_argument("--size", type=int, default=100, help="transactions a block")
    options = parser.parse_args()
    print(f"blocks of {options.size} transactions, milliseconds from the request to execute to the reply")
    print(f"{'meanwhile':<32}{'median':>9}{'p95':>9}{'p99':>9}{'max':>9}   questions answered a second")
    runs: list[tuple[str, Question | None]] = [
        ("nothing", None),
        ("views, scans, proofs, histories", ask_cheaply),
        ("views of 5,000,000 gas", ask_dearly),
    ]
    for what, question in runs:
        with tempfile.TemporaryDirectory() as folder:
            times, answered = asyncio.run(measure(Path(folder), options.blocks, options.size, question))
        print(f"{what:<32}{_quantiles(times)}   {answered:.0f}")


def _quantiles(times: list[float]) -> str:
    ordered = sorted(times)
    last = len(ordered) - 1
    chosen = (statistics.median(ordered), ordered[round(last * 0.95)], ordered[round(last * 0.99)], ordered[-1])
    return "".join(f"{1000 * each:>9.1f}" for each in chosen)


async def measure(folder: Path, blocks: int, size: int, question: Question | None) -> tuple[list[float], float]:
    """Execute and apply blocks while questions are asked; return seconds of each execution, and answers a second."""
    workload = Workload(size)
    contracts = (*workload.genesis.contracts, GenesisContract("spin", SPIN, ()))
    workload.genesis = replace(workload.genesis, contracts=contracts)
    client = ExecutorClient(ExecutorSettings(folder / "state", workload.genesis.encoded(), CACHE_BYTES))
    await client.start()
    answered = 0

    async def ask_on(first: int) -> None:
        nonlocal answered
        number = first
        while question is not None:
            try:
                await question(client, number)
                answered += 1
            except ExecutorBusy:
                await asyncio.sleep(0)
            number += ASKERS

    try:
        for block in workload.filling(lambda: client.head):
            await client.execute_batch(block.batch)
            await client.apply(block.block_hash)
        askers = [asyncio.create_task(ask_on(first)) for first in range(ASKERS)]
        times: list[float] = []
        began = time.perf_counter()
        for _ in range(blocks):
            block = workload.block(client.head, is_measured=True)
            started = time.perf_counter()
            await client.execute_batch(block.batch)
            times.append(time.perf_counter() - started)
            await client.apply(block.block_hash)
            # Consensus leaves the executor idle for a while between blocks.
            await asyncio.sleep(0.01)
        rate = answered / (time.perf_counter() - began)
        for asker in askers:
            asker.cancel()
    finally:
        await client.close()
    return times, rate


if __name__ == "__main__":
    main()
