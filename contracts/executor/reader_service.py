"""Answers questions about the state, each on the state of one block, the newest when it was taken up.

Owns what is remembered of that state for the next question. A fault of this machine leaves as an exception, and the
process ends: what it may have left behind is unknown.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

from chain.runtime import ContractRuntime
from chain.state import ReadState
from chain.state_database import StateDatabase, VersionMissingError
from chain.state_leaf import Leaf, encode_leaf
from chain.views import Place, find_member, run_view
from contracts.executor.protocol import Kind, Outcome
from contracts.executor.remote_store import RemoteStore

ENTRIES_MAX: Final = 500
"""Keys, entries or versions in one reply: with the largest values they stay within a frame."""

VIEW_GAS_MAX: Final = 5_000_000
"""Bounds how long a question may wait for a view: a quarter of a second at the worst price of 50 ns a unit."""

CACHE_BYTES: Final = 8 * 1024 * 1024
"""Leaves and tree nodes, each, that are remembered of one block's state."""


class ReaderService:
    """Owns the state of one block as far as it was read."""

    def __init__(self, store: RemoteStore, runtime: ContractRuntime) -> None:
        self._store = store
        self._runtime = runtime
        self._place: Place | None = None
        self._database: StateDatabase | None = None
        self._handlers: dict[str, Callable[..., list[Any]]] = {
            Kind.VIEW: self._view,
            Kind.READ: self._read,
            Kind.SCAN: self._scan,
            Kind.PROOF: self._proof,
            Kind.HISTORY: self._history,
        }

    def answer(self, kind: str, arguments: Sequence[Any]) -> list[Any]:
        """Return outcome and values for a request.

        Raises:
            LinkLost: when the executor is gone.
            LocalFault: when this machine could not finish; so do MemoryError and RecursionError.
        """
        place = self._store.begin()
        if place != self._place or self._database is None:
            # What was remembered is of another block.
            self._place, self._database = place, StateDatabase(self._store, CACHE_BYTES)
        reply = self._handlers[kind](place, self._database, *arguments)
        self._store.end()
        return [Outcome.DONE, *reply]

    def _view(
        self,
        place: Place,
        database: StateDatabase,
        contract: str,
        method: str,
        args: list[Any],
        key: bytes | None,
        gas_limit: int,
    ) -> list[Any]:
        state = ReadState(database)
        caller = None if key is None else find_member(state, key)
        gas = min(gas_limit, VIEW_GAS_MAX)
        outcome = run_view(self._runtime, state, place, contract, method, args, caller, gas)
        return [place.height, outcome.code, outcome.value, outcome.gas_used]

    def _read(self, place: Place, database: StateDatabase, contract: str, keys: list[bytes]) -> list[Any]:
        return [place.height, [database.get(contract, key) for key in keys[:ENTRIES_MAX]]]

    def _scan(
        self,
        place: Place,
        database: StateDatabase,
        contract: str,
        start: bytes,
        end: bytes,
        limit: int,
        reverse: bool,
    ) -> list[Any]:
        entries = database.scan(contract, start, end, min(limit, ENTRIES_MAX), reverse)
        return [place.height, [list(entry) for entry in entries]]

    def _proof(self, place: Place, database: StateDatabase, contract: str, key: bytes) -> list[Any]:
        proven = database.get_with_proof(contract, key)
        leaf = None if proven.leaf is None else _encoded(proven.leaf)
        return [place.height, place.block_hash, proven.head.state_root, leaf, proven.proof]

    def _history(
        self, place: Place, database: StateDatabase, contract: str, key: bytes, limit: int, version: bytes | None
    ) -> list[Any]:
        leaves: list[bytes] = []
        complete = version is None
        try:
            for leaf in islice(database.history(contract, key, version), min(limit, ENTRIES_MAX)):
                leaves.append(_encoded(leaf))
                complete = leaf.previous is None
        except VersionMissingError:
            complete = False
        return [place.height, leaves, complete]


def _encoded(leaf: Leaf) -> bytes:
    return encode_leaf(leaf.contract, leaf.key, leaf.value, leaf.height, leaf.index, leaf.previous)
