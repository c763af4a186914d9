"""The names that every contract may use, with their types. `tally contract check --types` and the mypy plugin put an
import of this module into contracts; a test compares it with the tables of the compiler."""

from collections.abc import Callable, Mapping
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

class _Context:
    """What a call knows of its surroundings; the same on every node."""

    @property
    def sender(self) -> str:
        """Member id of whoever calls, such as "acme.alice", or "contract:NAME"."""
    @property
    def organisation(self) -> str:
        """Organisation of the sender, or "contract:NAME"."""
    @property
    def roles(self) -> list[str]:
        """Roles of the sender, sorted; empty for a contract."""
    @property
    def height(self) -> int:
        """Height of the block."""
    @property
    def time(self) -> int:
        """Time of the block, in milliseconds since 1970."""
    @property
    def chain_id(self) -> str:
        """Genesis hash, in hexadecimal."""
    @property
    def contract(self) -> str:
        """Name of this contract."""

ctx: _Context
"""What this call knows of its surroundings."""

def init(function: _F) -> _F:
    """Marks the function that runs once, when the contract is deployed."""

def call(function: _F) -> _F:
    """Marks a method that may change state."""

def view(function: _F) -> _F:
    """Marks a method that only reads."""

def migrate(function: _F) -> _F:
    """Marks the function that runs once, when this version replaces the one before."""

def require(condition: bool, code: str) -> None:
    """Stop the call with a code unless the condition is True; nothing of the transaction remains."""

def _condition(condition: bool, /) -> bool: ...
def invoke(contract: str, method: str, *arguments: Any) -> Any:
    """Return the result of another contract's method, called by this contract with the same gas."""

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

# Functions that differ from Python's: they take and give lists.

def abs(number: int, /) -> int:
    """Return a number without its sign."""

def all(values: list[bool], /) -> bool:
    """Return whether all values are True."""

def any(values: list[bool], /) -> bool:
    """Return whether any value is True."""

def enumerate(values: list[_T], start: int = ..., /) -> list[tuple[int, _T]]:
    """Return places and values; stands behind `in` only."""

def hex_to_bytes(text: str, /) -> bytes:
    """Return the bytes that hexadecimal digits stand for."""

def len(value: str | bytes | list[Any] | Mapping[str, Any], /) -> int:
    """Return the number of characters, bytes, elements or entries."""

@overload
def max(values: list[_Ordered], /) -> _Ordered:
    """Return the greatest value."""

@overload
def max(first: _Ordered, second: _Ordered, /, *others: _Ordered) -> _Ordered: ...
@overload
def min(values: list[_Ordered], /) -> _Ordered:
    """Return the smallest value."""

@overload
def min(first: _Ordered, second: _Ordered, /, *others: _Ordered) -> _Ordered: ...
def mul_div(a: int, b: int, c: int, rounding: Literal["floor", "ceil", "half_even"]) -> int:
    """Return a * b / c, computed exactly and rounded as is said."""

@overload
def range(stop: int, /) -> list[int]:
    """Return the numbers from 0 to before `stop`."""

@overload
def range(start: int, stop: int, step: int = ..., /) -> list[int]: ...
def reversed(values: list[_T], /) -> list[_T]:
    """Return the values in the opposite order."""

def sha256(data: bytes, /) -> bytes:
    """Return the SHA-256 hash, 32 bytes."""

def sorted(values: list[_Ordered], /, *, reverse: bool = ...) -> list[_Ordered]:
    """Return the values in their order, or backwards."""

def sum(values: list[int], /) -> int:
    """Return the sum of numbers."""
