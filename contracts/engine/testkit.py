"""For authors: deploy and call contracts in memory within milliseconds, with parties and times of your choice.

ledger = Harness()
ledger.deploy("token", source, sender="mint.admin")
outcome = ledger.call("acme.alice", "token", "transfer", "acme.bob", 5)
assert outcome.code is None
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any, Final

from chain.protocol import PROTOCOL_VERSION
from chain.runtime import CallContext, CallOutcome, Event, PlainValues, Values
from chain.types import Height, Milliseconds
from contracts.engine.runtime import Engine

GAS_LIMIT: Final = 10_000_000
START_TIME: Final = Milliseconds(1_750_000_000_000)
CHAIN_ID: Final = "00" * 32


class MemoryState:
    """A StateAccess in memory that can go back to an earlier moment."""

    def __init__(self) -> None:
        self._values: dict[str, dict[bytes, bytes]] = {}
        self._keys: dict[str, list[bytes]] = {}
        self._undo: list[tuple[str, bytes, bytes | None]] = []
        self._mark = 0
        self._kept = False

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value, or None if there is none."""
        values = self._values.get(contract)
        return None if values is None else values.get(key)

    def values(self, contract: str) -> Values:
        """Return the values of a contract."""
        return PlainValues(self, contract)

    def put(self, contract: str, key: bytes, value: bytes | None) -> None:
        """Set a value, or delete it with None."""
        values = self._values.get(contract)
        before = None if values is None else values.get(key)
        self._undo.append((contract, key, before))
        if values is None or before is None or value is None:
            self._set(contract, key, value)
        else:
            values[key] = value

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        """Return at most `limit` entries with start <= key < end in key order, or in reverse order."""
        keys = self._keys.get(contract, [])
        found = keys[bisect_left(keys, start) : bisect_left(keys, end)]
        chosen = found[::-1][:limit] if reverse else found[:limit]
        return [(key, self._values[contract][key]) for key in chosen]

    def mark(self) -> None:
        """Begin a transaction: `rollback` comes back to this moment."""
        if not self._kept:
            self._undo.clear()
        self._mark = len(self._undo)

    def rollback(self) -> None:
        """Undo every change since the last mark."""
        self.restore(self._mark)

    def snapshot(self) -> int:
        """Return this moment for `restore`; from now on all changes are remembered."""
        self._kept = True
        return len(self._undo)

    def restore(self, snapshot: int) -> None:
        """Go back to a moment; later ones are gone."""
        assert snapshot <= len(self._undo), "this moment is gone"
        while len(self._undo) > snapshot:
            self._set(*self._undo.pop())
        self._mark = min(self._mark, snapshot)

    def items(self, contract: str) -> list[tuple[bytes, bytes]]:
        """Return all entries of a contract in key order."""
        return sorted(self._values.get(contract, {}).items())

    def _set(self, contract: str, key: bytes, value: bytes | None) -> None:
        values = self._values.setdefault(contract, {})
        keys = self._keys.setdefault(contract, [])
        if value is None:
            if values.pop(key, None) is not None:
                del keys[bisect_left(keys, key)]
            return
        if key not in values:
            insort(keys, key)
        values[key] = value


class Harness:
    """A ledger of one transaction a block: each call succeeds as a whole or leaves no trace."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = Engine() if engine is None else engine
        self.state = MemoryState()
        self.height = 1
        self.time = int(START_TIME)
        self.protocol_version = PROTOCOL_VERSION
        """Selects the price list of the calls that follow."""
        self.events: list[Event] = []
        """Events of all calls that succeeded, oldest first."""

    @property
    def failure(self) -> str:
        """Why the last failed call failed: code, reason, line."""
        return self.engine.last_failure

    def deploy(
        self, name: str, source: str, *args: Any, sender: str = "operator.admin", gas_limit: int = GAS_LIMIT
    ) -> CallOutcome:
        """Deploy a contract and run its @init with `args`."""
        context = self._context(sender, (), None, None)
        return self._keep(self.engine.deploy(self.state, context, name, source, args, gas_limit))

    def call(
        self,
        sender: str,
        contract: str,
        method: str,
        *args: Any,
        roles: Sequence[str] = (),
        time: int | None = None,
        organisation: str | None = None,
        gas_limit: int = GAS_LIMIT,
    ) -> CallOutcome:
        """Call a method in a block of its own; `time` becomes the ledger's time from then on."""
        self.height += 1
        context = self._context(sender, roles, time, organisation)
        return self._keep(self.engine.call(self.state, context, contract, method, args, gas_limit))

    def view(
        self,
        contract: str,
        method: str,
        *args: Any,
        sender: str = "reader.anyone",
        roles: Sequence[str] = (),
        organisation: str | None = None,
        gas_limit: int = GAS_LIMIT,
    ) -> CallOutcome:
        """Call a view; nothing changes."""
        context = self._context(sender, roles, None, organisation)
        outcome = self.engine.view(self.state, context, contract, method, args, gas_limit)
        self.state.rollback()
        return outcome

    def _context(self, sender: str, roles: Sequence[str], time: int | None, organisation: str | None) -> CallContext:
        self.state.mark()
        if time is not None:
            self.time = time
        own = sender.split(".", maxsplit=1)[0] if organisation is None else organisation
        place = (Height(self.height), Milliseconds(self.time), CHAIN_ID, self.protocol_version)
        return CallContext(sender, own, tuple(sorted(roles)), *place)

    def _keep(self, outcome: CallOutcome) -> CallOutcome:
        if outcome.code is None:
            self.events += outcome.events
        else:
            self.state.rollback()
        return outcome
