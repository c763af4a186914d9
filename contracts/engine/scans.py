"""Guards of ordered iteration over a Map: bounded lists of its entries, and pages with a cursor.

The order is that of the encoded keys in chain.state_keys: integers by size, False before True, texts by their code
points, bytes by their values, and composite keys part by part.
"""

from collections.abc import Callable
from typing import Any, Final

from chain.runtime import LocalFault
from chain.state_keys import KEY_BYTES_MAX, decode_key, encode_key
from chain.values import dataclass
from contracts.engine.errors import INVALID_ARGUMENTS, Failed, Stop
from contracts.engine.guards_numbers import Guard, integer
from contracts.engine.guards_text import text
from contracts.engine.limits import SCAN_ENTRIES_MAX, VALUE_BYTES_MAX
from contracts.engine.module import Storage
from contracts.engine.run import Run
from contracts.engine.storage import PYTHON_ERRORS
from contracts.engine.storage_keys import part_encoder, partial_key
from contracts.engine.storage_values import value_reader

SCAN_PAGE: Final = 16
"""Entries that are read at once."""
UNPAID_ENTRIES_MAX: Final = 2
"""Entries that are read at once where the gas that is left might not pay for them; with more gas, as many as it pays
for at their largest. Otherwise a transaction could read a megabyte and fail for next to nothing."""

AFTER_PREFIX: Final = b"\xff"
"""Greater than any byte that begins a key part, so that it ends the range of keys with a prefix."""


@dataclass(slots=True)
class _Range:
    """The keys that are still to be visited: `first` included, `last` not."""

    first: bytes
    last: bytes
    reverse: bool

    def pass_by(self, key: bytes) -> None:
        """Leave out a key, those that begin with it, and all on the side that is done."""
        if self.reverse:
            self.last = min(self.last, key)
        else:
            self.first = max(self.first, key + AFTER_PREFIX)


@dataclass(frozen=True, slots=True)
class _Source:
    """The entries of one Map in the run's state."""

    run: Run
    base: bytes
    """What all keys of the Map begin with."""
    encoders: list[Callable[[Any], bytes]]


def scan_guards(storage: Storage, run: Run) -> dict[str, Guard]:
    """Return the guards of iteration over a Map, by the names that the compiler emits without their underscore."""
    prices = run.prices
    source = _Source(run, encode_key((storage.name,)), [part_encoder(kind) for kind in storage.keys])
    skipped = len(source.base)
    read = value_reader(storage.value, run)
    single = len(storage.keys) == 1

    def scan(
        part: str,
        limit: Any,
        prefix: Any = (),
        start: Any = None,
        end: Any = None,
        after: Any = None,
        reverse: Any = False,
    ) -> list[Any]:
        if not 0 <= integer(limit) <= SCAN_ENTRIES_MAX:
            raise Failed(f"the limit of an iteration is 0 to {SCAN_ENTRIES_MAX}")
        keys = _range(source, prefix, start, end, reverse)
        if after is not None:
            keys.pass_by(partial_key(source.base, source.encoders, after))
        run.charge(limit * prices.scan_entry)
        return [present(part, key, data) for key, data in _entries(source, keys, limit)]

    def page(
        limit: Any, cursor: Any, prefix: Any = (), start: Any = None, end: Any = None, reverse: Any = False
    ) -> tuple[list[Any], str]:
        """Return the entries behind a cursor, and the cursor of the next page; empty when there is none."""
        if not 1 <= integer(limit) <= SCAN_ENTRIES_MAX:
            raise Failed(f"the limit of a page is 1 to {SCAN_ENTRIES_MAX}")
        keys = _range(source, prefix, start, end, reverse)
        if text(cursor):
            keys.pass_by(source.base + cursor_key(cursor, storage))
        run.charge((limit + 1) * prices.scan_entry)
        found = _entries(source, keys, limit + 1)
        more = found[limit - 1][0][skipped:].hex() if len(found) > limit else ""
        return [present("items", key, data) for key, data in found[:limit]], more

    def present(part: str, key: bytes, data: bytes) -> Any:
        parts = decode_key(key[skipped:])
        name = parts[0] if single else parts
        if part == "keys":
            return name
        return read(data) if part == "values" else (name, read(data))

    return {f"s_scan_{storage.name}": scan, f"s_page_{storage.name}": page}


def _range(source: _Source, prefix: Any, start: Any, end: Any, reverse: Any) -> _Range:
    if type(reverse) is not bool:
        raise Failed("reverse is a bool")
    first = partial_key(source.base, source.encoders, prefix)
    last = first + AFTER_PREFIX
    if start is not None:
        first = max(first, partial_key(source.base, source.encoders, start))
    if end is not None:
        last = min(last, partial_key(source.base, source.encoders, end))
    return _Range(first, last, reverse)


def _entries(source: _Source, keys: _Range, limit: int) -> list[tuple[bytes, bytes]]:
    """Read entries a few at a time, so that each few are paid for before the next are read.

    How many that are depends on the gas that is left; the price does not: parts of a unit are carried from few to few.
    """
    run = source.run
    found: list[tuple[bytes, bytes]] = []
    size = 0
    largest = VALUE_BYTES_MAX // run.prices.stored_per_unit
    while len(found) < limit and keys.first < keys.last:
        wanted = min(SCAN_PAGE, max(UNPAID_ENTRIES_MAX, run.gas // largest), limit - len(found))
        some = _scan_state(run, keys, wanted)
        paid = size // run.prices.stored_per_unit
        size += sum(len(key) + len(data) for key, data in some)
        run.charge(size // run.prices.stored_per_unit - paid)
        found += some
        if len(some) < wanted:
            break
        keys.pass_by(some[-1][0])
    return found


def cursor_key(cursor: str, storage: Storage) -> bytes:
    """Return the encoded key parts that a cursor stands for.

    Raises:
        Stop: invalid_arguments, when it is no cursor of this Map; cursors come from outside.
    """
    if len(cursor) > 2 * KEY_BYTES_MAX:
        raise Stop(INVALID_ARGUMENTS)
    try:
        key = bytes.fromhex(cursor)
        parts = decode_key(key)
    except ValueError as error:
        raise Stop(INVALID_ARGUMENTS) from error
    if key.hex() != cursor or tuple(type(part).__name__ for part in parts) != storage.keys:
        raise Stop(INVALID_ARGUMENTS)
    return key


def _scan_state(run: Run, keys: _Range, limit: int) -> list[tuple[bytes, bytes]]:
    """Read a range of the state of the active contract."""
    try:
        return run.state.scan(run.contract, keys.first, keys.last, limit, keys.reverse)
    except PYTHON_ERRORS as error:
        raise LocalFault(f"the state could not be read: {error!r}") from error
