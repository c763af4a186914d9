"""Owns the compiled contracts of one price list: those that the ledger keeps ready, and some that were compiled lately.

What is kept decides about time alone, never about an outcome. It decides about time reliably: whatever
`Engine.prepare` was told of is never given up, so that calls of deployed contracts never wait for the compiler, and
chain.code_room bounds how much that can be. Everything else was compiled for somebody who paid for it, and goes when
there is too much of it, the one used longest ago first.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from chain.code_room import CONTRACT_TOKENS
from chain.identity import ContractRecord
from chain.values import dataclass
from contracts.engine.binding import Bound

SPARE_TOKENS_MAX: Final = 500_000
"""Tokens of all contracts that are kept without being ready for good, each with CONTRACT_TOKENS besides its own. A
token takes up to a kilobyte once it is compiled and bound (a declared Map does), so that these and the others take a
gigabyte at most. The deployments that a block pays for fit in many times over, and stay until it is decided."""
LOADED_MAX: Final = 2_500
"""Deployed contracts whose records are remembered; more cannot be ready."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A deployed contract as the state records it, ready to run."""

    key: bytes
    data: bytes
    """The record's bytes, to notice that it has changed."""
    record: ContractRecord
    bound: Bound
    load_gas: int
    """What a transaction pays for having it compiled: nothing, unless it is frozen."""
    entry_gas: int
    """What entering it costs, apart from its arguments and its code."""


class Shelf:
    """Compiled contracts by the hash of their source, and deployed ones by their name."""

    def __init__(self, spare_tokens_max: int = SPARE_TOKENS_MAX) -> None:
        self.loaded: OrderedDict[str, Loaded] = OrderedDict()
        """By name; use `remember` to add one."""
        self._spare_tokens_max = spare_tokens_max
        self._ready: dict[bytes, Bound] = {}
        self._spare: OrderedDict[bytes, Bound] = OrderedDict()
        self._spare_tokens = 0

    @property
    def tokens(self) -> int:
        """How much is kept, in tokens."""
        return self._spare_tokens + sum(map(_size, self._ready.values()))

    def find(self, name: bytes) -> Bound | None:
        """Return what was compiled from the source with this hash."""
        bound = self._ready.get(name)
        if bound is None and name in self._spare:
            self._spare.move_to_end(name)
            bound = self._spare[name]
        return bound

    def add(self, name: bytes, bound: Bound) -> None:
        """Keep what was just compiled, and give up what has to go for it."""
        assert name not in self._ready, "what is ready is not compiled again"
        self._spare[name] = bound
        self._spare_tokens += _size(bound)
        gone: set[int] = set()
        while len(self._spare) > 1 and self._spare_tokens > self._spare_tokens_max:
            _, oldest = self._spare.popitem(last=False)
            self._spare_tokens -= _size(oldest)
            gone.add(id(oldest))
        for contract in [name for name, loaded in self.loaded.items() if id(loaded.bound) in gone]:
            del self.loaded[contract]

    def make_ready(self, name: bytes, bound: Bound) -> None:
        """Keep something until `ready_only` says otherwise."""
        if self._spare.pop(name, None) is not None:
            self._spare_tokens -= _size(bound)
        self._ready[name] = bound

    def ready_only(self, names: Iterable[bytes]) -> None:
        """Treat everything that was ready and is not among these as if it had just been compiled."""
        for name in self._ready.keys() - set(names):
            self.add(name, self._ready.pop(name))

    def remember(self, contract: str, loaded: Loaded) -> None:
        """Keep a deployed contract under its name."""
        self.loaded[contract] = loaded
        self.loaded.move_to_end(contract)
        if len(self.loaded) > LOADED_MAX:
            self.loaded.popitem(last=False)


def _size(bound: Bound) -> int:
    return bound.compiled.tokens + CONTRACT_TOKENS
