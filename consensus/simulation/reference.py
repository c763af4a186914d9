"""The contract of a run once more, on a plain dictionary: what the real execution must agree with."""

from collections.abc import Sequence
from typing import Any

from chain.encoding import decode
from chain.receipt import decode_receipt
from chain.state_database import StateDatabase
from chain.transaction import Transaction
from chain.types import Digest, Height
from consensus.simulation.contract import CONTRACT, register_key
from consensus.simulation.trace import Violation
from consensus.simulation.words import short

Expected = tuple[Digest, str | None, tuple[Any, ...]]
"""Id, error code and return values of a transaction."""


class Reference:
    """Owns the registers as a sequential machine without consensus would hold them."""

    def __init__(self) -> None:
        self._registers: dict[str, int] = {}
        self._expected: dict[Height, list[Expected]] = {}

    def expect(self, height: Height, transactions: Sequence[Transaction]) -> None:
        """Run the transactions of the next block."""
        self._expected[height] = [(item.transaction_id, *self._run(item)) for item in transactions]

    def compare_receipts(self, height: Height, receipts: Sequence[bytes]) -> None:
        """Compare a node's receipts with what is expected.

        Raises:
            Violation: when they differ.
        """
        found = [decode_receipt(receipt) for receipt in receipts]
        outcomes = [(item.transaction_id, item.code, item.values) for item in found]
        if outcomes != self._expected[height]:
            raise Violation("a result that no sequential run gives", f"height {height}: {outcomes}")
        if [(item.height, item.index) for item in found] != [(height, index) for index in range(len(found))]:
            raise Violation("a receipt that names another place", f"height {height}")

    def compare_state(self, name: str, database: StateDatabase) -> None:
        """Compare a node's state at the end with what is expected.

        Raises:
            Violation: when they differ.
        """
        for register, number in self._registers.items():
            stored = database.get(CONTRACT, register_key(register))
            found = 0 if stored is None else decode(stored)
            if found != number:
                raise Violation("a state that no sequential run gives", f"{name}: {register} {found} is not {number}")

    def _run(self, transaction: Transaction) -> tuple[str | None, tuple[Any, ...]]:
        after = dict(self._registers)
        values: list[Any] = []
        for call in transaction.body.calls:
            match call.method, call.args:
                case "write", (name, number):
                    values.append(after.get(name, 0))
                    after[name] = number
                case "add", (name, number):
                    after[name] = after.get(name, 0) + number
                    values.append(after[name])
                case "move", (source, target, number):
                    if after.get(source, 0) < number:
                        return "too_little", ()
                    after[source] = after.get(source, 0) - number
                    after[target] = after.get(target, 0) + number
                    values.append(True)
                case _:
                    raise AssertionError(f"{short(transaction.transaction_id)} calls what clients never call")
        self._registers = after
        return None, tuple(values)
