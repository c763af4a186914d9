"""What a measured program is: one operation of the language, as contracts mostly use it or at its dearest."""

from dataclasses import dataclass
from typing import Final

HEAD: Final = """
numbers = Map(int, int, default=0)
flags = Map(str, bool)
pairs = Map((str, int), int, default=0)
longs = Map(str, int, default=0)
total = Var(int, default=0)
tickets = Counter()
lots = Counter(int)
texts = Map(str, str)
lists = Map(str, list[int])
maps = Map(str, dict[str, int])
bools = Map(str, list[bool])
lots_of = Map(str, list[list[int]])
Item = Record(a=int, b=str, c=int, d=int)
Wide = Record(a=list[int], b=dict[str, str], c=str | None)
items = Map(int, Item)
wides = Map(int, Wide)
Small = Event(n=int)
Usual = Event(sender=str, to=str, amount=int)
Large = Event(t=str, l=list[int])
Bools = Event(l=list[bool])
Nested = Event(w=Wide, m=dict[str, list[str]])
COLOURS = ["red", "green", "blue"]

def helper(n: int) -> int:
    return n

def both(n: int, m: int) -> tuple[int, int]:
    return n, m

@view
def target(x: list[int]) -> list[int]:
    return x

@view
def echo(x: str) -> str:
    return x
"""
"""What every measured contract declares, and the contract `other` that it invokes."""

TURNS_IN_ONE: Final = 8
"""How often a statement stands in one turn of the measuring loop, so that the loop itself hardly counts."""


@dataclass(frozen=True, slots=True)
class Program:
    """One measurement."""

    name: str
    """What is measured, and behind a comma how."""
    typical: bool
    """Whether this is how contracts mostly use it; otherwise it looks for the worst."""
    prepare: str
    """Lines that run once and are not measured."""
    repeat: str
    """Lines that are measured."""

    def source(self) -> str:
        """Return the contract: `run(rounds)` prepares, and repeats as often, TURNS_IN_ONE each."""
        prepare = [f"    {line}" for line in self.prepare.split("\n")] if self.prepare else []
        repeat = [f"        {line}" for line in self.repeat.split("\n")] * TURNS_IN_ONE
        loop = ["    turns = 0", "    while turns < rounds:", "        turns += 1", *repeat]
        return "\n".join([HEAD, "@call", "def run(rounds: int) -> None:", *prepare, *loop, ""])


def usual(name: str, prepare: str, repeat: str) -> Program:
    """Return a program of how contracts mostly use an operation."""
    return Program(name, True, prepare, repeat)


def worst(name: str, prepare: str, repeat: str) -> Program:
    """Return a program that looks for the worst of an operation."""
    return Program(name, False, prepare, repeat)
