"""Runs what contracts declare of themselves: views marked @invariant, over the history as it is executed again.

To look at the whole state after every block would cost more than the audit itself. So invariants are evaluated at a
number of heights, the same ones for every auditor, and at the last block; a finding says since when they held.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from audit.mismatch import Level, Mismatch
from audit.seeing import Seen
from chain.encoding import DecodeError, decode
from chain.identity import decode_contract, source_hash
from chain.ledger import Ledger
from chain.runtime import SYSTEM
from chain.state_keys import decode_key, encode_key, source_key
from chain.types import Digest
from contracts.engine.compiler import compile_contract

TIMES: Final = 100
"""Heights at which invariants are evaluated unless somebody says otherwise."""
GAS_MAX: Final = 10**13
"""Nobody pays for an invariant; the bound ends one that would never end."""
CONTRACTS_MAX: Final = 10_000
TEXTS_MAX: Final = 20
"""Findings that one invariant is asked for at one height."""


class InvariantWatcher:
    """Implements audit.seeing.Watcher; owns what is known of deployed sources, and which invariants are broken."""

    def __init__(self, every: int | None = None) -> None:
        """Evaluate at each height that `every` divides, or at TIMES heights spread over the history."""
        self._every = every
        self._declared: dict[Digest, tuple[str, ...]] = {}
        self._held_at: dict[tuple[str, str], int] = {}
        self._broken: set[tuple[str, str, str]] = set()
        self.evaluations = 0
        """How often an invariant was evaluated."""
        self.names: set[str] = set()
        """Contract and name of each that was."""

    def see(self, seen: Seen) -> Iterable[Mismatch]:
        """Evaluate all invariants if it is time."""
        every = self._every or max(1, seen.head_height // TIMES)
        if seen.ledger is not None and (seen.height % every == 0 or seen.height == seen.head_height):
            yield from self._evaluate(seen.ledger, seen.height)

    def _evaluate(self, ledger: Ledger, height: int) -> Iterator[Mismatch]:
        for contract, digest in contracts_of(ledger):
            for name in self._invariants_of(ledger, digest):
                yield from self._evaluate_one(ledger, height, contract, name)

    def _evaluate_one(self, ledger: Ledger, height: int, contract: str, name: str) -> Iterator[Mismatch]:
        outcome = ledger.view(contract, name, (), None, GAS_MAX)
        self.evaluations += 1
        self.names.add(f"{contract}.{name}")
        texts = [f"it ends with {outcome.code}"] if outcome.code is not None else list(outcome.value)
        since = self._held_at.get((contract, name))
        detail = "it did not hold before" if since is None else f"it held at height {since}"
        if not texts:
            self._held_at[contract, name] = height
        for text in texts[:TEXTS_MAX]:
            if (contract, name, text) not in self._broken:
                self._broken.add((contract, name, text))
                yield Mismatch(Level.INVARIANTS, height, name, "nothing", text, contract=contract, detail=detail)

    def _invariants_of(self, ledger: Ledger, digest: Digest) -> tuple[str, ...]:
        """Return the names of a source's invariants; what the engine runs was compiled, so this compiles too."""
        if digest not in self._declared:
            stored = ledger.database.get(SYSTEM, source_key(digest))
            source = None if stored is None else decode(stored)
            assert isinstance(source, str) and source_hash(source) == digest, "a deployed contract has its source"
            functions = compile_contract(source).module.functions.values()
            self._declared[digest] = tuple(each.name for each in functions if each.is_invariant)
        return self._declared[digest]


def contracts_of(ledger: Ledger) -> Iterator[tuple[str, Digest]]:
    """Yield the deployed contracts and the hashes of their sources, in the order of their names."""
    start = encode_key(("contract",))
    for key, record in ledger.database.scan(SYSTEM, start, start + b"\xff", CONTRACTS_MAX):
        try:
            name = str(decode_key(key)[1])
        except (DecodeError, IndexError) as error:
            raise AssertionError("the ledger writes these keys itself") from error
        yield name, decode_contract(record).current.source_hash
