"""What a generated contract has declared so far, and the literals it may be made of."""

import random
from dataclasses import dataclass, field

from signatures import SAMPLES, Signature

SCALARS = ("int", "str", "bytes", "bool")
TYPES = tuple(SAMPLES)
WRONG_SHARE = 0.004
"""How often an expression has a type at random."""
INTEGERS = (0, 1, 2, 3, 5, 7, 10, 64, 100, 255, 256, 1000, 2**31, 2**63 - 1, 2**63, 2**128, 2**254, 2**255 - 1)
TEXTS = (
    *("", "a", "ab", "abc", "a,b", "12", "-5", " x ", "Zz", "0aff", "{{"),
    *("2026-02-28", "2024-02-29T23:59:59.999+08:00", "-0.05", "1.5"),
    *("\\xe9\\xdf", "\\U0001f600", "e\\u0301", "\\u0661"),
)
BYTES = ("", "a", "ab", "\\x00\\xff", "\\xc3\\xa9", "0" * 32)

Local = tuple[str, str]
"""A name and its type."""


@dataclass
class World:
    """The surroundings of the place that is being written."""

    chance: random.Random
    by_result: dict[str | None, list[Signature]]
    constants: list[Local] = field(default_factory=list)
    records: dict[str, list[tuple[str, str, bool]]] = field(default_factory=dict)
    """Name -> fields: name, type, has it a default."""
    storages: list[tuple[str, str | None, str, bool]] = field(default_factory=list)
    """Name, key (None for a Var), value, has it a default."""
    counters: list[tuple[str, str | None]] = field(default_factory=list)
    """Name, key."""
    events: dict[str, list[Local]] = field(default_factory=dict)
    helpers: list[tuple[str, list[Local], str]] = field(default_factory=list)
    locals: list[Local] = field(default_factory=list)
    writes: bool = True
    """Whether the function may write."""
    loops: int = 0
    names: int = 0

    def fresh(self, kind: str) -> str:
        """Return a name for a new local of a type."""
        name = f"v{self.names}"
        self.names += 1
        self.locals.append((name, kind))
        return name

    def types(self) -> list[str]:
        """Return the types that values may have here."""
        return [*TYPES, *self.records]

    def literal(self, kind: str) -> str:
        """Return a literal of a type."""
        choose = self.chance.choice
        if kind == "int":
            number = choose(INTEGERS[:12]) if self.chance.random() < 0.9 else choose(INTEGERS)
            return f"-{number}" if self.chance.random() < 0.15 and number < 2**255 else str(number)
        if kind == "str":
            return f'"{choose(TEXTS)}"'
        if kind == "bytes":
            return f'b"{choose(BYTES)}"'
        if kind == "bool":
            return choose(("True", "False"))
        count = self.chance.randint(0, 3)
        if kind.startswith("dict"):
            return "{" + ", ".join(f'"{key}": {self.chance.randint(0, 99)}' for key in ("a", "b", "12")[:count]) + "}"
        return "[" + ", ".join(self.literal(kind[5:-1]) for _ in range(count)) + "]"

    def default(self, kind: str) -> str:
        """Return a default that storage of a type may have."""
        if kind.startswith("list"):
            return "[]"
        if kind.startswith("dict"):
            return "{}"
        return str(self.chance.choice((0, 5, 2**63 - 1))) if kind == "int" else self.literal(kind)

    def argument(self, kind: str) -> str:
        """Return an argument as Python writes it, for `observe.literal`."""
        if self.chance.random() < WRONG_SHARE:
            kind = self.chance.choice(TYPES)
        if kind in self.records:
            fields = [(name, own) for name, own, default in self.records[kind] if not default]
            return "{" + ", ".join(f'"{name}": {self.argument(own)}' for name, own in fields) + "}"
        if kind.endswith("| None"):
            return "None"
        return self.literal(kind)


def receiver(text: str) -> str:
    """Return an expression as it may stand in front of a point or a bracket."""
    return text if text.isidentifier() else f"({text})"
