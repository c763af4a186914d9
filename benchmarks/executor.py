"""Measures what a transaction costs the executor, stage by stage, and through a real executor process.

    python -m benchmarks.executor [--sizes 100,500,2000] [--blocks 60] [--json FILE]

The workload is that of `tally bench`: transfers with three reads, three writes and one event, sent by eight
organisations to ten thousand accounts that all exist, on a database on disk that fits into memory.

The first table comes from one process that does to each block what the executor does: take the request apart, check,
execute, and encode the reply, then apply. Stages are timed by the thread's CPU clock, without the stages inside them
and without what reading the clock costs (a microsecond, so that small stages are uncertain by some tenths). Other work
on a machine only ever adds, so the figures are those of the block that took least; beside them stands the median.

The second table asks a real executor process over its pipe and reads the CPU time that it has used.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import chain.execution
import chain.ledger
import contracts.executor.service
from benchmarks.executor_workload import Workload
from chain.contract_values import ContractValues
from chain.ledger import Ledger, open_ledger
from chain.receipt import decode_receipt
from chain.state import BlockState
from chain.state_database import StateDatabase
from chain.store import open_store
from contracts.engine.runtime import Engine
from contracts.executor.client import ExecutorClient
from contracts.executor.memory import settle
from contracts.executor.protocol import Kind, Outcome
from contracts.executor.service import Service
from contracts.executor.settings import ExecutorSettings
from contracts.executor.snapshots import SnapshotMaker
from contracts.executor.state_link import StateLink
from processes.frames import LENGTH, decode_payload, encode_frame

CACHE_BYTES: Final = 32 * 1024 * 1024
WARM_UP_BLOCKS: Final = 3
CLOCK_SAMPLES: Final = 100
CLOCK_CALLS: Final = 200

STAGES: Final = (
    ("request", "take the request apart"),
    ("check", "check against the parent state"),
    ("calls", "run the contract"),
    ("transactions", "transactions around their calls"),
    ("receipts", "encode receipts, hash their tree"),
    ("reply", "encode the reply"),
)
STATE_STAGES: Final = (
    ("reads", "read the parent state"),
    ("versions", "make and hash leaf versions"),
    ("tree", "update the state tree"),
    ("apply", "write one synced batch"),
)


class StageClock:
    """Owns the time spent in each stage of the present block, each without the stages inside it."""

    def __init__(self) -> None:
        self.nanoseconds: dict[str, float] = defaultdict(int)
        self._inner: list[float] = [0]
        """By open stage: time of the stages inside it, with their clocks."""
        self._within = self._around = 0.0
        self._within, self._around = min(self._reading() for _ in range(CLOCK_SAMPLES))
        self.nanoseconds.clear()

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and notes its time."""

        def watched(*arguments: Any, **named: Any) -> Any:
            started = time.thread_time_ns()
            self._inner.append(0)
            try:
                return function(*arguments, **named)
            finally:
                elapsed = time.thread_time_ns() - started
                self.nanoseconds[stage] += elapsed - self._inner.pop() - self._within
                self._inner[-1] += elapsed + self._around

        return watched

    def watch(self, owner: object, name: str, stage: str) -> None:
        """Have a function of a module, class or object timed from now on."""
        setattr(owner, name, self.timed(stage, getattr(owner, name)))

    def _reading(self) -> tuple[float, float]:
        """Return what a timed function that does nothing notes, and what it takes beyond that."""
        watched = self.timed("", _nothing)
        self.nanoseconds.clear()
        started = time.thread_time_ns()
        for _ in range(CLOCK_CALLS):
            watched()
        elapsed = time.thread_time_ns() - started
        noted = self.nanoseconds[""]
        return noted / CLOCK_CALLS, (elapsed - noted) / CLOCK_CALLS


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Microseconds a transaction, by stage, over many blocks."""

    size: int
    least: dict[str, float]
    median: dict[str, float]


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,500,2000", help="transactions a block")
    parser.add_argument("--blocks", type=int, default=60, help="blocks of each size")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures here")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    processes = {size: measure_process(size, options.blocks) for size in sizes}
    clock = StageClock()
    watch_stages(clock)
    stages = [measure_stages(size, options.blocks, clock) for size in sizes]
    print_stages(stages)
    print_processes(processes)
    if options.json is not None:
        figures = {"stages": [{"size": one.size, "least": one.least, "median": one.median} for one in stages]}
        options.json.write_text(json.dumps({**figures, "process": processes}, indent=2) + "\n", encoding="utf-8")


def watch_stages(clock: StageClock) -> None:
    """Have the stages of block execution timed, for the rest of this process."""
    clock.watch(contracts.executor.service, "batch_from_value", "request")
    clock.watch(chain.ledger, "check_header", "check")
    clock.watch(chain.ledger, "check_batch", "check")
    clock.watch(Engine, "call", "calls")
    clock.watch(chain.execution, "encode_receipt", "receipts")
    clock.watch(chain.execution, "merkle_root", "receipts")
    clock.watch(ContractValues, "__missing__", "reads")
    clock.watch(BlockState, "commit_transaction", "versions")
    clock.watch(BlockState, "finish", "tree")
    clock.watch(Service, "answer", "transactions")
    clock.watch(Ledger, "apply", "apply")


def measure_stages(size: int, blocks: int, clock: StageClock) -> StageTimes:
    """Execute and apply blocks in this process."""
    measured: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        workload = Workload(size)
        store = open_store(Path(folder) / "state", "state", workload.genesis.genesis_hash, CACHE_BYTES, create=True)
        ledger = open_ledger(workload.genesis, StateDatabase(store), Engine())
        service = Service(
            ledger,
            SnapshotMaker(ledger, Path(folder) / "state", store.freeze),
            StateLink(ledger, store.freeze),
            _nothing,
        )
        settle()
        for block in _blocks(workload, blocks, lambda: ledger.head):
            request = encode_frame([1, Kind.EXECUTE_BATCH, *block.batch.as_value()])
            clock.nanoseconds.clear()
            execute, apply = _serve(service, request, block.block_hash, clock)
            assert execute[1] == apply[1] == Outcome.DONE, "the workload is valid"
            if block.is_measured:
                measured.append({stage: each / size / 1000 for stage, each in clock.nanoseconds.items()})
        store.close()
    assert decode_receipt(execute[4][-1]).succeeded, "the workload's transfers succeed"
    least = min(measured, key=lambda times: sum(times.values()))
    return StageTimes(size, least, {stage: statistics.median(one[stage] for one in measured) for stage in least})


def _serve(service: Service, request: bytes, block_hash: bytes, clock: StageClock) -> tuple[list[Any], list[Any]]:
    """Do what contracts.executor.worker does with two requests."""
    number, kind, *arguments = clock.timed("request", decode_payload)(request[LENGTH.size :])
    execute = [number, *service.answer(kind, arguments)]
    clock.timed("reply", encode_frame)(execute)
    apply = [number + 1, *service.answer(Kind.APPLY, [block_hash])]
    clock.timed("reply", encode_frame)(apply)
    return execute, apply


def measure_process(size: int, blocks: int) -> dict[str, float]:
    """Have an executor process execute and apply blocks; return its CPU time and the time to the reply."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure_process(Path(folder), size, blocks))


async def _measure_process(folder: Path, size: int, blocks: int) -> dict[str, float]:
    workload = Workload(size)
    client = ExecutorClient(ExecutorSettings(folder / "state", workload.genesis.encoded(), CACHE_BYTES))
    await client.start()
    execute_us: list[float] = []
    apply_us: list[float] = []
    reply_us: list[float] = []
    try:
        for block in _blocks(workload, blocks, lambda: client.head):
            before = (await client.statistics())["cpu_us"]
            started = time.perf_counter()
            await client.execute_batch(block.batch)
            replied = time.perf_counter()
            executed = (await client.statistics())["cpu_us"]
            await client.apply(block.block_hash)
            applied = (await client.statistics())["cpu_us"]
            if block.is_measured:
                execute_us.append((executed - before) / size)
                apply_us.append((applied - executed) / size)
                reply_us.append((replied - started) * 1e6 / size)
    finally:
        await client.close()
    return {
        "execute_cpu_us": min(execute_us),
        "execute_cpu_us_median": statistics.median(execute_us),
        "apply_cpu_us": min(apply_us),
        "reply_wall_us": min(reply_us),
    }


def _blocks(workload: Workload, blocks: int, head: Callable[[], Any]) -> Iterator[Any]:
    """Yield blocks on the present head: some that fill the accounts, then those that are measured."""
    yield from workload.filling(head)
    for number in range(WARM_UP_BLOCKS + blocks):
        yield workload.block(head(), is_measured=number >= WARM_UP_BLOCKS)


def print_stages(results: list[StageTimes]) -> None:
    """Print what each stage costs, in microseconds a transaction and as a share."""
    print("microseconds of CPU a transaction: of the block that took least (median of all), share of the least")
    print(f"{'stage':<36}" + "".join(f"{f'blocks of {one.size}':>26}" for one in results))
    totals = [sum(one.least.values()) for one in results]
    for title, stages in (("without state tree and store", STAGES), ("state tree and store", STATE_STAGES)):
        for stage, what in stages:
            cells = [_cell(one, [stage], total) for one, total in zip(results, totals, strict=True)]
            print(f"  {what:<34}" + "".join(cells))
        names = [stage for stage, _ in stages]
        print(f"{title:<36}" + "".join(_cell(one, names, total) for one, total in zip(results, totals, strict=True)))
    everything = [stage for stage, _ in STAGES + STATE_STAGES]
    print(f"{'total':<36}" + "".join(_cell(one, everything, total) for one, total in zip(results, totals, strict=True)))


def _cell(times: StageTimes, stages: list[str], total: float) -> str:
    least = sum(times.least.get(stage, 0.0) for stage in stages)
    median = sum(times.median.get(stage, 0.0) for stage in stages)
    return f"{f'{least:.1f} ({median:.1f}) {100 * least / total:.0f}%':>26}"


def print_processes(results: dict[int, dict[str, float]]) -> None:
    """Print what a real executor process took."""
    print("\na real executor process, microseconds a transaction")
    print(f"{'blocks of':>10}{'CPU to execute':>18}{'median':>10}{'CPU to apply':>16}{'request to reply':>20}")
    for size, one in results.items():
        cpu = f"{one['execute_cpu_us']:>18.1f}{one['execute_cpu_us_median']:>10.1f}{one['apply_cpu_us']:>16.1f}"
        print(f"{size:>10}{cpu}{one['reply_wall_us']:>20.1f}")


if __name__ == "__main__":
    main()
