"""The seam between block execution and whatever runs contracts: what either side may ask of the other.

`chain.execution` decides what a transaction means; a ContractRuntime runs one call of it against a StateAccess that
belongs to that transaction. A failed call is a value (CallOutcome), because it becomes a receipt. A fault of this
machine is an exception (LocalFault) and must never become one. What is made anew for every call is a named tuple, which
costs half of what a frozen dataclass does.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from chain.prices import LedgerPrices
from chain.types import Height, Milliseconds

SYSTEM = "system"
"""The namespace of identities and contract records; calls to it are handled natively, not by contract code."""


class LocalFault(Exception):
    """This machine could not finish an execution: memory, recursion, watchdog or disk. It says nothing of the call."""


class CallContext(NamedTuple):
    """What a call may know of its surroundings; the same on every node."""

    sender: str
    """Member id, such as "acme.alice"."""
    organisation: str
    roles: tuple[str, ...]
    """Role names of the sender, sorted."""
    height: Height
    time: Milliseconds
    """Time of the block."""
    chain_id: str
    """Genesis hash in lower-case hexadecimal."""
    protocol_version: int
    """Of the block's header; it selects the prices."""


class Event(NamedTuple):
    """Something that a contract announced; it becomes part of the receipt."""

    contract: str
    name: str
    fields: dict[str, Any]


class CallOutcome(NamedTuple):
    """What became of one call, down to the gas: equal on every node."""

    code: str | None
    """None when the call succeeded, otherwise a stable error code."""
    value: Any
    """The return value; None when the call failed."""
    events: tuple[Event, ...]
    gas_used: int


class Values(Protocol):
    """What a StateAccess holds of one contract, for whoever reads and writes much of it."""

    def __getitem__(self, key: bytes, /) -> bytes | None:
        """Return the value, or None if there is none."""
        ...

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a value, or delete it with None."""
        ...


class StateAccess(Protocol):
    """Key-value state as one transaction sees it; keys by chain.state_keys, values in canonical encoding."""

    def values(self, contract: str) -> Values:
        """Return what there is of one contract; it follows every later change, too."""
        ...

    def get(self, contract: str, key: bytes) -> bytes | None:
        """Return the value, or None if there is none."""
        ...

    def put(self, contract: str, key: bytes, value: bytes | None) -> None:
        """Set a value, or delete it with None."""
        ...

    def scan(self, contract: str, start: bytes, end: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        """Return at most `limit` entries with start <= key < end in key order, or in reverse order."""
        ...


class PlainValues:
    """Implements Values over `get` and `put` of a StateAccess."""

    __slots__ = ("_contract", "_state")

    def __init__(self, state: "StateAccess", contract: str) -> None:
        self._state = state
        self._contract = contract

    def __getitem__(self, key: bytes) -> bytes | None:
        """Return the value, or None if there is none."""
        return self._state.get(self._contract, key)

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a value, or delete it with None."""
        self._state.put(self._contract, key, value)


class ContractRuntime(Protocol):
    """Runs contract code. The caller discards the StateAccess's writes when an outcome has a code."""

    @property
    def versions(self) -> Mapping[int, LedgerPrices]:
        """The versions of the protocol that it knows, and what each charges for what is not contract code."""
        ...

    def prepare(self, state: StateAccess, version: int) -> None:
        """Get ready, for a version of the protocol, to run all contracts of a state; no call must wait for that.

        Called with the decided state at the start and whenever a block has changed a contract's record, or the
        version. It decides about time alone.

        Raises:
            LocalFault: when this machine could not finish.
        """
        ...

    def call(
        self, state: StateAccess, context: CallContext, contract: str, method: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        """Run a method marked @call of a deployed contract."""
        ...

    def view(
        self, state: StateAccess, context: CallContext, contract: str, method: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        """Run a method marked @view; any attempt to write fails the call."""
        ...

    def deploy(
        self, state: StateAccess, context: CallContext, contract: str, source: str, args: Sequence[Any], gas_limit: int
    ) -> CallOutcome:
        """Check and compile a source, record it as version 1 of a new contract and run its @init."""
        ...

    def upgrade(
        self,
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        """Check and compile a source, record it as the next version of a contract and run its @migrate."""
        ...

    def check(
        self,
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        """Tell whether this source could become this version of a contract now; nothing is written, no code runs."""
        ...
