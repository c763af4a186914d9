"""Shows how long the worst block that gas can buy keeps a real executor busy.

The dearest operations that benchmarks.gas_prices has measured (its --json file), those that fill the state, the
receipts or the compiler, and a crowd of the least transactions, each become one block of `block_gas_max` declared gas;
so do calls of everything that is deployed, to an executor that has just started.
A real executor process with its database on disk executes and applies it. Its CPU time is compared with a quarter of
the base view timeout, which is what a block may take (docs/adr/0003-declared-gas.md). Figures are CPU time of the
executor, the best of several blocks, adjusted to the reference machine by empty calls before and after each
(benchmarks.machine); `raw` is as measured.

    python -m benchmarks.worst_block [--rows FILE] [--count 10] [--blocks 2] [--json FILE]
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.executor_workload import KEYS, transfer_genesis
from benchmarks.gas_prices import PROGRAMS
from benchmarks.gas_program import HEAD, Program, worst
from benchmarks.gas_sources import CASES, Case
from benchmarks.machine import REFERENCE_NANOSECONDS, reference
from chain.block import Block
from chain.encoding import encode
from chain.genesis import Genesis, GenesisContract
from chain.next_block import next_block
from chain.prices import LEDGER_PRICES
from chain.receipt import decode_receipt
from chain.transaction import Call, Transaction, TransactionBody, transaction_id_of
from chain.types import Milliseconds, Signature
from chain.validity import Head
from contracts.engine.testkit import Harness
from contracts.executor.client import ExecutorClient
from contracts.executor.settings import ExecutorSettings

CallsOf = Callable[[int], list[Call]]
"""From the number of a block to its calls."""
GAS_MAX: Final = 1_000_000_000
SPARE_GAS: Final = 50_000
"""Left of a block's gas for what surrounds the measured lines."""
SOURCE_BYTES: Final = 12_000
LEAST_BYTES: Final = 250
"""More than the smallest transaction has."""
SHARE: Final = 4
"""A block may take this part of the base view timeout."""
NEXT: Final = "n = 1000000"
"""So that later entries cost what the first do."""

STATE: Final[tuple[Program, ...]] = (
    worst("state, new entries", NEXT, "n += 1\nnumbers[n] = n"),
    worst("state, the same entry", "", "numbers[1] = 5"),
    worst("state, new long keys", 'n = 1000000\nk = "\U0001f600" * 200', "n += 1\nlongs[k + str(n)] = n"),
    worst("state, long values", 't = "a" * 60000\nn = 1000000', "n += 1\ntexts[str(n)] = t"),
    worst("state, absent entries", NEXT, "n += 1\nx = numbers[n]"),
    worst("state, counters", NEXT, "n += 1\nx = lots.next(n)"),
    worst("state, written and deleted", NEXT, "n += 1\nnumbers[n] = n\ndel numbers[n]"),
    worst(
        "state, scans of fresh entries", "for i in range(1000):\n    numbers[i] = i", "x = numbers.items(limit=1000)"
    ),
    worst(
        "state, scans behind deleted entries", "for i in range(9000):\n    del numbers[i]", "x = numbers.keys(limit=1)"
    ),
    worst("receipts, small events", "", "Small(n=5)"),
    worst("receipts, long events", 't = "a" * 60000', "Large(t=t, l=[])"),
)
"""Operations whose cost lies in the state tree, the database and the receipts as well."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One kind of block."""

    name: str
    gas: int
    """Used by it."""
    milliseconds: float
    """Of CPU time to execute and apply it, adjusted."""
    raw_milliseconds: float
    nanoseconds: float
    """A unit of gas."""
    status: str
    """Of its transactions."""


class Blocks:
    """Owns the numbering of transactions; makes the next block on a head."""

    def __init__(self, genesis: Genesis) -> None:
        self._genesis = genesis
        self._number = 0

    def block(self, head: Head, calls: Sequence[Call], gas_limit: int) -> Block:
        """Return a block of one transaction for each call."""
        transactions = [self._transaction(head, call, gas_limit) for call in calls]
        return next_block(head, transactions, head.time + 50)

    def _transaction(self, head: Head, call: Call, gas_limit: int) -> Transaction:
        self._number += 1
        number, time = self._number.to_bytes(16, "big"), Milliseconds(head.time + 60_000)
        body = TransactionBody(self._genesis.genesis_hash, KEYS[0], number, time, (call,), gas_limit)
        encoded = body.encoded()
        signature = Signature(bytes(64))
        return Transaction(encode([1, encoded, signature]), transaction_id_of(encoded), body, signature)


def main(arguments: Sequence[str]) -> int:
    """Measure and print a table; 1 when a block takes too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=Path, help="file of benchmarks.gas_prices --json; without it, state and sources")
    parser.add_argument("--count", type=int, default=10, help="how many of the dearest operations in it")
    parser.add_argument("--blocks", type=int, default=2, help="blocks of each kind; the best counts")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args(arguments)
    programs = [*chosen(options.rows, options.count), *STATE]
    genesis = genesis_with(programs)
    outcomes = asyncio.run(measured(genesis, programs, options.blocks))
    limit = genesis.parameters.view_timeout_base / SHARE
    _print(outcomes, limit, genesis)
    if options.json is not None:
        document = {"limit_milliseconds": limit, "blocks": [asdict(outcome) for outcome in outcomes]}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if any(outcome.milliseconds > limit for outcome in outcomes) else 0


def chosen(rows: Path | None, count: int) -> list[Program]:
    """Return the dearest programs of a file of measurements, the dearest first."""
    if rows is None:
        return []
    measured_rows = json.loads(rows.read_text(encoding="utf-8"))["rows"]
    dearest = sorted(measured_rows, key=lambda row: -float(row["nanoseconds"]))
    by_name = {program.name: program for program in PROGRAMS}
    return [by_name[row["name"]] for row in dearest if row["name"] in by_name][:count]


def genesis_with(programs: Iterable[Program]) -> Genesis:
    """Return the benchmark's genesis with a contract for each program."""
    genesis = transfer_genesis()
    contracts = [GenesisContract("other", HEAD, ())]
    contracts += [GenesisContract(f"p{place}", program.source(), ()) for place, program in enumerate(programs)]
    return Genesis(
        genesis.name,
        genesis.time,
        genesis.parameters,
        genesis.governance,
        genesis.validators,
        genesis.organisations,
        tuple(replace(member, roles=("administrator",)) for member in genesis.members),
        tuple(contracts),
    )


async def measured(genesis: Genesis, programs: Sequence[Program], count: int) -> list[Outcome]:
    """Return what the blocks took, the dearest first."""
    gas_max = genesis.parameters.block_gas_max
    kinds: list[tuple[str, CallsOf, int]] = []
    for place, program in enumerate(programs):
        call = Call(f"p{place}", "run", (_rounds(program, gas_max),))
        kinds.append((program.name, partial(_same, [call]), gas_max))
    sources = [case for case in CASES if not case.typical]
    for number, case in enumerate(sources):
        kinds.append((case.name, partial(_deployment, f"d{number}", shortened(case)), gas_max))
    least = LEDGER_PRICES[genesis.parameters.protocol_version].entry(LEAST_BYTES)
    most = min(genesis.parameters.block_transactions_max, gas_max // least)
    kinds.append(("the least transactions", partial(_same, [Call("none", "none", ())] * most), least))
    names = [f"p{place}" for place in range(len(programs))]
    names += [f"d{number}-0" for number in range(len(sources))]
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        client = ExecutorClient(ExecutorSettings(Path(folder) / "state", genesis.encoded()))
        await client.start()
        try:
            blocks = Blocks(genesis)
            for name, calls, gas_limit in kinds:
                outcomes.append(await _measured(client, blocks, name, calls, gas_limit, count))
        finally:
            await client.close()
        client = ExecutorClient(ExecutorSettings(Path(folder) / "state", genesis.encoded()))
        await client.start()
        try:
            everything = [Call(name, "none", ()) for name in names]
            name = f"calls of {len(names)} contracts, the executor having just started"
            limit = gas_max // len(names)
            # Once: what the first block leaves compiled, the second would find.
            outcomes.append(await _measured(client, blocks, name, partial(_same, everything), limit, 1))
        finally:
            await client.close()
    return sorted(outcomes, key=lambda outcome: -outcome.milliseconds)


def shortened(case: Case) -> str:
    """Return as much of a source as a block's gas deploys, with the line at its end that refuses it, if it has one."""
    ending = case.source.splitlines()[-1] + "\n" if case.name.endswith((" end", " parser")) else ""
    return case.source[: case.source.rfind("\n", 0, SOURCE_BYTES) + 1] + ending


def _rounds(program: Program, gas_max: int) -> int:
    """Return how many turns of a program a block's gas buys."""
    ledger = Harness()
    for name, source in (("other", HEAD), ("bench", program.source())):
        assert ledger.deploy(name, source, gas_limit=GAS_MAX).code is None, ledger.failure

    def gas(turns: int) -> int:
        return ledger.call("acme.alice", "bench", "run", turns, gas_limit=GAS_MAX).gas_used

    # Later turns of what grows cost more than the first.
    turn = max(gas(2) - gas(1), (gas(20) - gas(10)) // 10)
    return max(1, (gas_max - SPARE_GAS - gas(0)) // turn)


def _same(calls: list[Call], number: int) -> list[Call]:
    return calls


def _deployment(name: str, source: str, number: int) -> list[Call]:
    """Return a deployment under a name that is new in each block, of a source that no block before has compiled."""
    return [Call("system", "deploy", (f"{name}-{number}", f"{source}# {number}\n", []))]


async def _measured(
    client: ExecutorClient, blocks: Blocks, name: str, calls: CallsOf, gas_limit: int, count: int
) -> Outcome:
    best, least, gas, status = float("inf"), float("inf"), 0, ""
    beside = reference()
    for number in range(count):
        block = blocks.block(client.head, calls(number), gas_limit)
        before = (await client.statistics())["cpu_us"]
        executed = await client.execute(block.raw)
        await client.apply(block.block_hash)
        taken = ((await client.statistics())["cpu_us"] - before) / 1000
        afterwards = reference()
        best = min(best, taken)
        least = min(least, 2 * taken / (beside + afterwards))
        beside = afterwards
        receipts: list[Any] = [decode_receipt(raw) for raw in executed.receipts]
        gas = sum(receipt.gas_used for receipt in receipts)
        status = ", ".join(sorted({receipt.code or "ok" for receipt in receipts}))
    adjusted = least * REFERENCE_NANOSECONDS
    return Outcome(name, gas, adjusted, best, adjusted * 1e6 / max(1, gas), status)


def _print(outcomes: Sequence[Outcome], limit: float, genesis: Genesis) -> None:
    print(f"{'ms':>8} {'raw ms':>8} {'gas':>11} {'ns a unit':>10}        block")
    for outcome in outcomes:
        verdict = "PASS" if outcome.milliseconds <= limit else "FAIL"
        print(
            f"{outcome.milliseconds:8.0f} {outcome.raw_milliseconds:8.0f} {outcome.gas:11,} {outcome.nanoseconds:10.1f}"
            f"  {verdict}  {outcome.name} ({outcome.status})"
        )
    print(
        f"The worst of {len(outcomes)} blocks of {genesis.parameters.block_gas_max:,} gas keeps the executor busy for "
        f"{outcomes[0].milliseconds:.0f} ms; {limit:.0f} ms are a quarter of the base view timeout of "
        f"{genesis.parameters.view_timeout_base:,} ms."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
