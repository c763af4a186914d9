"""How many compiled contracts an engine keeps: a bound in number and in size, the one used longest ago goes first.

What is kept decides about time alone, never about an outcome: every price is the same for a contract that is kept and
one that has to be compiled again.
"""

from collections import OrderedDict
from typing import Final

from contracts.engine.binding import Bound

COMPILED_MAX: Final = 256
"""Compiled contracts that an engine keeps for each price list."""
COMPILED_TOKENS_MAX: Final = 1_000_000
"""Tokens of all of them together. A token takes up to a kilobyte once it is compiled and bound (a declared Map does),
so that these take a gigabyte at most, however large the contracts are that are deployed."""


def keep(kept: OrderedDict[bytes, Bound], name: bytes, bound: Bound, contracts_max: int) -> list[Bound]:
    """Keep a contract that was just compiled, and return those that had to go for it."""
    kept[name] = bound
    gone: list[Bound] = []
    tokens = tokens_in(kept)
    while len(kept) > 1 and (len(kept) > contracts_max or tokens > COMPILED_TOKENS_MAX):
        _, oldest = kept.popitem(last=False)
        tokens -= oldest.compiled.tokens
        gone.append(oldest)
    return gone


def tokens_in(kept: OrderedDict[bytes, Bound]) -> int:
    """Return how many tokens contracts have together."""
    return sum(bound.compiled.tokens for bound in kept.values())
