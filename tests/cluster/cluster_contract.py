"""The contract of the cluster tests: each write has a name of its own, so that one carried out twice would show."""

from typing import Final

from chain.genesis import GenesisContract
from chain.transaction import Call

NAME: Final = "notebook"

SOURCE: Final = '''
"""Remembers how often each name was written, and how many writes there were."""

writes = Map(str, int, default=0)
total = Var(int, default=0)
Written = Event(name=str, number=int)


@call
def write(name: str) -> int:
    """Count a write and return its number."""
    writes[name] += 1
    total.value += 1
    Written(name=name, number=total.value)
    return total.value


@view
def times(name: str) -> int:
    """Return how often a name was written."""
    return writes[name]
'''


def notebook() -> GenesisContract:
    """Return the contract as genesis deploys it."""
    return GenesisContract(NAME, SOURCE, ())


def write(name: str) -> Call:
    """Return the call that writes a name."""
    return Call(NAME, "write", (name,))
