"""Makes language.pyi, the names of the language with their types, from the tables of the compiler.

python -m tallystick.contract_types.stubs > tallystick/contract_types/language.pyi
"""

import sys
from collections.abc import Iterator
from typing import Final

from contracts.engine.builtins import BUILTIN_CALLS, CONTEXT, ROUNDINGS, SPECIAL_CALLS, TYPE_NAMES

HEAD: Final = '''"""The names that every contract may use, with their types; made by tallystick.contract_types.stubs.

The mypy plugin and `tally contract check --types` put an import of this module into contracts.
"""

from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar, dataclass_transform, overload

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")
_K = TypeVar("_K")
_P = TypeVar("_P")
_V = TypeVar("_V")
_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")
_D = TypeVar("_D")
_Ordered = TypeVar("_Ordered", int, str, bytes)

'''
"""What the rest needs. A `_P` is a key or its leading parts."""

DECLARATIONS: Final = '''def init(function: _F) -> _F:
    """Marks the function that runs once, when the contract is deployed."""

def call(function: _F) -> _F:
    """Marks a method that may change state."""

def view(function: _F) -> _F:
    """Marks a method that only reads."""

def migrate(function: _F) -> _F:
    """Marks the function that runs once, when this version replaces the one before."""

def invariant(function: Callable[[], list[str]]) -> Callable[[], list[str]]:
    """Marks a view that returns what is wrong with the state; auditors run it over the whole history."""

class Var(Generic[_V]):
    """One stored value: `owner = Var(str)`, `issued = Var(int, default=0)`."""

    value: _V
    def __init__(self, type: type[_V], *, default: _V = ...) -> None: ...

class _Storage(Generic[_K, _P, _V]):
    def __getitem__(self, key: _K) -> _V: ...
    def __setitem__(self, key: _K, value: _V) -> None: ...
    def __delitem__(self, key: _K) -> None: ...
    def __contains__(self, key: _K) -> bool: ...
    @overload
    def get(self, key: _K) -> _V | None:
        """Return the stored entry, or None; not the declared default."""
    @overload
    def get(self, key: _K, default: _D) -> _V | _D: ...
    def keys(
        self,
        *,
        limit: int,
        prefix: _P = ...,
        start: _P = ...,
        end: _P = ...,
        after: _P = ...,
        reverse: bool = ...,
    ) -> list[_K]:
        """Return at most `limit` keys in their order."""
    def values(
        self,
        *,
        limit: int,
        prefix: _P = ...,
        start: _P = ...,
        end: _P = ...,
        after: _P = ...,
        reverse: bool = ...,
    ) -> list[_V]:
        """Return at most `limit` values in the order of their keys."""
    def items(
        self,
        *,
        limit: int,
        prefix: _P = ...,
        start: _P = ...,
        end: _P = ...,
        after: _P = ...,
        reverse: bool = ...,
    ) -> list[tuple[_K, _V]]:
        """Return at most `limit` keys and values in the order of the keys."""
    def page(
        self, *, limit: int, cursor: str, prefix: _P = ..., start: _P = ..., end: _P = ..., reverse: bool = ...
    ) -> tuple[list[tuple[_K, _V]], str]:
        """Return the entries behind a cursor, and the cursor of the next page; it is empty when there is none."""

class Map(_Storage[_K, Any, _V], Generic[_K, _V]):
    """Stored entries by key: `balances = Map(str, int, default=0)`, `limits = Map((str, int), int)`."""

    @overload
    def __init__(self, key: type[_K], value: type[_V], *, default: _V = ...) -> None: ...
    @overload
    def __init__(
        self: Map[tuple[_A, _B], _V], key: tuple[type[_A], type[_B]], value: type[_V], *, default: _V = ...
    ) -> None: ...
    @overload
    def __init__(
        self: Map[tuple[_A, _B, _C], _V],
        key: tuple[type[_A], type[_B], type[_C]],
        value: type[_V],
        *,
        default: _V = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: Map[tuple[_A, _B, _C, _D], _V],
        key: tuple[type[_A], type[_B], type[_C], type[_D]],
        value: type[_V],
        *,
        default: _V = ...,
    ) -> None: ...

class Counter:
    """Numbers without a gap: `numbers = Counter()`, `numbers = Counter(str, start=0)` for one series a key."""

    value: int
    """The last number that was given, without a key."""
    def __init__(self, key: Any = ..., *, start: int = ...) -> None: ...
    def __getitem__(self, key: Any) -> int: ...
    def next(self, key: Any = ...) -> int:
        """Return the next number, of the series of a key if there are several."""

class _Counter:
    @property
    def value(self) -> int: ...
    def next(self) -> int: ...

class _Counters(_Storage[_K, _P, int], Generic[_K, _P]):
    def next(self, key: _K) -> int: ...

def Field(type: Any, *, default: Any, since: int = ...) -> Any:
    """A field of a record with a default, such as one that a later version added: `note=Field(str, default="")`."""

@dataclass_transform(kw_only_default=True, eq_default=True)
class _Record: ...

def Record(**fields: Any) -> Any:
    """A structure: `Item = Record(holder=str, tags=list[str])`; made by `Item(holder=..., tags=[])`."""

def Event(**fields: Any) -> Callable[..., None]:
    """An announcement: `Transfer = Event(sender=str, amount=int)`; emitted by `Transfer(sender=..., amount=5)`."""
'''
"""What the tables do not describe: decorators, storage, records, events."""

ORDERED: Final = frozenset(("min", "max", "sorted"))
"""Functions that take integers, texts or bytes, all of one kind."""
BY_NAME: Final = frozenset(("rounding", "reverse"))
"""Parameters that may be given by name; all others are given by their place."""


def language_stub() -> str:
    """Return the text of language.pyi."""
    ways = ", ".join(f'"{way}"' for way in ROUNDINGS)
    return "\n".join([HEAD, f"_Rounding = Literal[{ways}]", "", *_context(), DECLARATIONS, *_functions(), ""])


def _context() -> Iterator[str]:
    yield "class _Context:"
    for name, (kind, text) in CONTEXT.items():
        yield from ("    @property", f"    def {name}(self) -> {kind}:", f'        """{text}."""', "")
    yield from ("ctx: _Context", '"""What this call knows of its surroundings; the same on every node."""', "")


def _functions() -> Iterator[str]:
    functions = {name: (builtin.signature, builtin.text) for name, builtin in BUILTIN_CALLS.items()} | {**SPECIAL_CALLS}
    for name, (signature, text) in functions.items():
        if name not in TYPE_NAMES:
            kind = "_Ordered" if name in ORDERED else "_T"
            yield f"def {name}{_signature(signature, kind)}:"
            yield f'    """{text}."""'
            yield ""
    yield "def _condition(condition: bool, /) -> bool:"
    yield '    """Stands for the condition of a require in translations."""'


def _signature(signature: str, kind: str) -> str:
    """Return a signature of the tables in the syntax of stubs: with type variables, and places before names."""
    parameters, result = signature.removeprefix("(").rsplit(") -> ", 1)
    parts = _parts(parameters)
    named = [part for part in parts if part.partition(":")[0] in BY_NAME or part.startswith("*")]
    placed = [part for part in parts if part not in named]
    joined = ", ".join([*placed, *(["/"] if placed else []), *named])
    text = f"({joined}) -> {result}".replace("Rounding", "_Rounding")
    return text.replace("[T]", f"[{kind}]").replace("[T,", f"[{kind},").replace(" T", f" {kind}")


def _parts(parameters: str) -> list[str]:
    """Split at the commas that stand outside of brackets."""
    parts, depth = [""], 0
    for character in parameters:
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


if __name__ == "__main__":
    sys.stdout.write(language_stub())
