"""The names that every contract may use, with their types; made by tallystick.contract_types.stubs.

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


_Rounding = Literal["floor", "ceil", "down", "up", "half_even", "half_up", "half_down", "exact"]

class _Context:
    @property
    def sender(self) -> str:
        """member that signed the transaction, such as `acme.alice`; behind `invoke`, `contract:NAME`."""

    @property
    def organisation(self) -> str:
        """the sender's organisation, such as `acme`; behind `invoke`, `contract:NAME`."""

    @property
    def roles(self) -> list[str]:
        """the sender's roles in order; behind `invoke`, none."""

    @property
    def height(self) -> int:
        """height of the block."""

    @property
    def time(self) -> int:
        """time of the block in milliseconds since 1970-01-01 UTC; greater than that of every block before."""

    @property
    def chain_id(self) -> str:
        """hash of the genesis in hexadecimal digits: which ledger this is."""

    @property
    def contract(self) -> str:
        """name of this contract."""

ctx: _Context
"""What this call knows of its surroundings; the same on every node."""

def init(function: _F) -> _F:
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

def len(x: str | bytes | list[_T] | dict[str, _T], /) -> int:
    """number of its parts."""

def range(start: int, stop: int = ..., step: int = 1, /) -> list[int]:
    """the numbers from start (0, if there is only one argument) to stop, which is left out; at most 65,536."""

def reversed(x: list[_T], /) -> list[_T]:
    """a new list, backwards."""

def any(x: list[bool], /) -> bool:
    """whether one of them is True."""

def all(x: list[bool], /) -> bool:
    """whether all of them are True."""

def min(first: _Ordered | list[_Ordered], /, *others: _Ordered) -> _Ordered:
    """the least of integers, texts or bytes: of up to 32 arguments, or of a list."""

def max(first: _Ordered | list[_Ordered], /, *others: _Ordered) -> _Ordered:
    """the greatest; like `min`."""

def abs(x: int, /) -> int:
    """without its sign."""

def sum(x: list[int], /) -> int:
    """all of them together; 0 for none."""

def div(a: int, b: int, /, rounding: _Rounding) -> int:
    """a / b, rounded once."""

def mul_div(a: int, b: int, c: int, /, rounding: _Rounding) -> int:
    """a * b / c, computed exactly and rounded once."""

def basis_points_of(amount: int, points: int, /, rounding: _Rounding) -> int:
    """that many hundredths of a per cent of an amount: amount * points / 10,000, rounded once."""

def rescale(amount: int, from_places: int, to_places: int, /, rounding: _Rounding) -> int:
    """the same amount with another number of decimal places, 0 to 76 each, rounded once if there are fewer."""

def compound_rate(rate: int, scale: int, periods: int, /, rounding: _Rounding) -> int:
    """(rate / scale) ** periods as a multiple of 1 / scale, computed exactly and rounded once; the bits of the larger of rate and scale times periods are at most 65,536."""

def format_amount(amount: int, places: int, /) -> str:
    """an amount with its decimal places: `format_amount(-5, 2)` is `"-0.05"`."""

def parse_amount(text: str, places: int, /) -> int | None:
    """what an optional `-`, digits, and up to `places` digits behind a point stand for; None for any other text."""

def format_time(time: int, /) -> str:
    """ISO 8601 in UTC: `"2026-03-01T12:30:00.000Z"`."""

def format_date(time: int, /) -> str:
    """its UTC day: `"2026-03-01"`."""

def parse_time(text: str, /) -> int | None:
    """the time that a text in one of the forms below stands for; None for any other text."""

def time_parts(time: int, /) -> list[int]:
    """[year, month, day, hour, minute, second, millisecond] in UTC."""

def time_from_parts(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, millisecond: int = 0, /) -> int:
    """the time with these parts in UTC; a date or time that does not exist is a `contract_error`."""

def add_months(time: int, months: int, /) -> int:
    """the same day and time of day so many months later (earlier if negative); the month's last day where it is shorter."""

def day_number(time: int, /) -> int:
    """days between 1970-01-01 and its UTC day."""

def day_of_week(time: int, /) -> int:
    """1 for Monday to 7 for Sunday, in UTC."""

def sha256(data: bytes, /) -> bytes:
    """its SHA-256 digest, 32 bytes."""

def verify_ed25519(key: bytes, message: bytes, signature: bytes, /) -> bool:
    """whether the signature is that key's over the message, by the ledger's own rule; False for anything malformed."""

def hex_to_bytes(text: str, /) -> bytes:
    """what pairs of hexadecimal digits stand for; other text is a `contract_error`."""

def require(condition: bool, code: str, /) -> None:
    """stops the call with a code unless the condition is True."""

def invoke(contract: str, method: str, /, *arguments: Any) -> Any:
    """the result of another contract's method."""

def sorted(x: list[_Ordered], /, reverse: bool = False) -> list[_Ordered]:
    """a new list of integers, texts or bytes in order; `reverse` is a literal."""

def enumerate(x: list[_T], start: int = 0, /) -> list[tuple[int, _T]]:
    """pairs of a number and an element; only behind `for ... in`."""

def _condition(condition: bool, /) -> bool:
    """Stands for the condition of a require in translations."""
