"""What a contract declares, as data: the result of reading a source's top level, before any code is made."""

import ast
from collections.abc import Mapping
from typing import Any, Final

from chain.values import dataclass
from contracts.engine.values import Record, Scalar, Type

INIT: Final = "init"
CALL: Final = "call"
VIEW: Final = "view"
MIGRATE: Final = "migrate"
HELPER: Final = "helper"

INVARIANT: Final = "invariant"
"""Marks a view of a certain form, which auditors run."""

DECORATORS: Final = (INIT, CALL, VIEW, MIGRATE, INVARIANT)


@dataclass(frozen=True, slots=True)
class Storage:
    """A `Var` (no keys), a `Map` (one to four keys), or a `Counter` (with keys or without)."""

    name: str
    keys: tuple[str, ...]
    """Names of the scalar types of the key's parts; empty for a Var."""
    value: Type
    has_default: bool
    default: Any
    counts: bool = False
    """A Counter: it holds the last number that it gave, at first its default."""

    @property
    def kind(self) -> str:
        return "counter" if self.counts else "map" if self.keys else "var"

    @property
    def has_sums(self) -> bool:
        """Tell whether it has the guard that adds to an entry: Maps from text to integers, such as balances."""
        return self.keys == ("str",) and self.value == Scalar("int") and not self.counts

    @property
    def is_map(self) -> bool:
        """Tell whether it has keys."""
        return bool(self.keys)


@dataclass(frozen=True, slots=True)
class EventType:
    """A declared `Event`."""

    name: str
    fields: tuple[tuple[str, Type], ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the contract and how it may be reached."""

    name: str
    kind: str
    """INIT, CALL, VIEW, MIGRATE or HELPER."""
    parameters: tuple[tuple[str, Type], ...]
    returns: Type
    doc: str
    node: ast.FunctionDef
    is_invariant: bool = False
    """A view that returns what is wrong with the state, for auditors."""


@dataclass(frozen=True, slots=True)
class Module:
    """Everything that stands at the top level of a contract, in the order of the source."""

    doc: str
    constants: Mapping[str, Any]
    storages: Mapping[str, Storage]
    records: Mapping[str, Record]
    events: Mapping[str, EventType]
    functions: Mapping[str, Function]
    taken: frozenset[str]
    """Every name that is declared or built in, and therefore no name of a local."""
    field_names: frozenset[str]
    """Names of the fields of all records."""
