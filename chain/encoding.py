"""Canonical MessagePack: every value has exactly one encoding, and every accepted encoding is that one.

Invariant: for any bytes, `decode` either returns a value that `encode` turns back into the same bytes, or raises
DecodeError. Hashes and signatures are taken over these bytes, so a second form of the same value would be a second
transaction. The rules stand in docs/protocol.md; this file must not know any structure of the ledger.
"""

from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any, Final

import msgpack

from chain.value_count import has_more_values

SIZE_MAX: Final = 16 * 1024 * 1024
"""Bytes that `decode` accepts unless a caller sets a tighter bound."""

DEPTH_MAX: Final = 24
"""Nesting of arrays and maps; contract values nest 8 deep inside calls, transactions, blocks and frames."""

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1

PACKER_BYTES_KEPT: Final = 1024 * 1024
"""Encodings longer than this are made with a packer of their own, whose buffer is then freed."""

_ARRAY_32: Final = b"\xdd"
"""Begins an array whose length stands in four bytes (MessagePack)."""

_PLAIN: Final = frozenset((bytes, str, bool, NoneType))
_PLAIN_OR_INTEGER: Final = _PLAIN | {int}
_TEXT: Final = frozenset((str,))

Value = None | bool | int | bytes | str | Sequence["Value"] | Mapping[str, "Value"]


class _Packer:
    """Owns a MessagePack packer with its buffer: to make one costs several times what packing a transaction does."""

    __slots__ = ("_pack",)

    def __init__(self) -> None:
        self._pack = msgpack.Packer(use_bin_type=True).pack

    def pack(self, value: Any) -> bytes:
        """Return the encoding of a value that was checked against the data model."""
        data: bytes = self._pack(value)
        if len(data) > PACKER_BYTES_KEPT:
            self._pack = msgpack.Packer(use_bin_type=True).pack
        return data

    def pack_many(self, values: Sequence[Any]) -> list[bytes]:
        """Return the encoding of each of these values, which were checked, too."""
        packed = [*map(self._pack, values)]
        if max(map(len, packed), default=0) > PACKER_BYTES_KEPT:
            self._pack = msgpack.Packer(use_bin_type=True).pack
        return packed


_packer: Final = _Packer()
_pack: Final = _packer.pack
pack_flat: Final[Callable[[list[Any]], bytes]] = msgpack.Packer(use_bin_type=True).pack
"""Encodes a list of text, bytes and integers of our own making, which needs no checks, at a quarter of the cost."""


class EncodeError(ValueError):
    """A value that has no canonical form was to be encoded."""


class DecodeError(ValueError):
    """Bytes that are not the canonical encoding of anything, or of the structure that was expected."""


def encode(value: Any) -> bytes:
    """Return the canonical encoding of a value.

    Raises:
        EncodeError: for floats, integers beyond signed 64 bits, keys that are not text, unpaired surrogates,
            types outside the data model, or nesting deeper than DEPTH_MAX.
    """
    try:
        return _pack(_canonical(value, DEPTH_MAX))
    except UnicodeEncodeError as error:
        raise EncodeError(f"text is not valid Unicode: {error.reason}") from error


def decode(data: bytes, *, size_max: int = SIZE_MAX, depth_max: int = DEPTH_MAX, values_max: int | None = None) -> Any:
    """Return the value that canonical bytes stand for; arrays come back as lists.

    With `values_max`, which costs another look at every value, nothing is made of bytes that stand for more values.

    Raises:
        DecodeError: when the bytes are longer than `size_max`, nest deeper than `depth_max`, are not MessagePack,
            hold a type outside the data model, or are not in canonical form, or stand for more than `values_max`.
    """
    if len(data) > size_max:
        raise DecodeError(f"{len(data)} bytes exceed the limit of {size_max}")
    if values_max is not None and has_more_values(data, values_max):
        raise DecodeError(f"more than {values_max} values in {len(data)} bytes")
    value = _unpack(data)
    _check_model(value, depth_max)
    if _pack(value) != data:
        raise DecodeError("not in canonical form")
    return value


def decode_many(items: Sequence[bytes]) -> list[Any]:
    """Return what `decode` makes of each item, several times as fast; which item is at fault is not told.

    Raises:
        DecodeError: when `decode` refuses one of them.
    """
    values = unpack_many(items)
    check_values(values, DEPTH_MAX)
    if not are_encodings(items, values):
        raise DecodeError("not in canonical form")
    return values


def unpack_many(items: Sequence[bytes]) -> list[Any]:
    """Return what the items stand for, of which nothing is known yet: the first third of `decode_many`.

    It is for callers who know what must stand where, and check that in columns. All that is no plain text, bytes,
    truth or nothing of a known type they leave to `check_values`; whether each item is the one encoding of its value
    `are_encodings` tells, which must come last.

    Raises:
        DecodeError: when they are not so many values of MessagePack.
    """
    if max(map(len, items), default=0) > SIZE_MAX:
        raise DecodeError(f"an item exceeds the limit of {SIZE_MAX}")
    # One array around all of them is unpacked in one go.
    values: list[Any] = _unpack(_ARRAY_32 + len(items).to_bytes(4, "big") + b"".join(items))
    return values


def check_values(values: Sequence[Any], depth: int) -> None:
    """Check values against the data model, each of which may nest so deep.

    Raises:
        DecodeError: when one of them is outside of it, or its maps are not in order.
    """
    kinds = {*map(type, values)}
    if not kinds <= _PLAIN_OR_INTEGER:
        for value in values:
            _check_model(value, depth)
    elif int in kinds:
        largest = max([value for value in values if type(value) is int])
        _check_model(largest, depth)


def are_encodings(items: Sequence[bytes], values: Sequence[Any]) -> bool:
    """Tell whether each item is the encoding of the value at its place; all values were checked before.

    Each is held against its own bytes: items that are whole only together, none of them by itself, do not pass.
    """
    return _packer.pack_many(values) == [*items]


def _unpack(data: bytes) -> Any:
    try:
        return msgpack.unpackb(data, raw=False, strict_map_key=True, ext_hook=_refuse_extension)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise DecodeError(f"not canonical MessagePack: {_why(error)}") from error


def _why(error: Exception) -> str:
    """Return what the library found wrong, in words for whoever made the bytes or audits them."""
    if isinstance(error, DecodeError):
        return str(error)
    for kind, words in _WHY:
        if isinstance(error, kind):
            return words
    return "a map's key is not text" if "map key" in str(error) else "it is cut off"


_WHY: Final[tuple[tuple[type[Exception], str], ...]] = (
    (UnicodeDecodeError, "text that is not UTF-8"),
    (msgpack.ExtraData, "bytes follow the value"),
    (msgpack.StackError, "nested too deeply"),
    (RecursionError, "nested too deeply"),
    (msgpack.FormatError, "a byte that begins no value"),
)


def decode_own(data: bytes) -> Any:
    """Return the value in bytes that this program encoded or checked before it stored them, at half the cost.

    Raises:
        DecodeError: when the bytes are not MessagePack at all.
    """
    try:
        return msgpack.unpackb(data, raw=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise DecodeError(f"not MessagePack: {_why(error)}") from error


def canonical(value: Any) -> Any:
    """Return a value with its maps sorted, to be packed by `pack_flat` among fields of our own making.

    Raises:
        EncodeError: as `encode` does; a character that is no valid Unicode is found only by `pack_flat`.
    """
    return value if type(value) in _PLAIN else _canonical(value, DEPTH_MAX)


def canonical_list(values: list[Any]) -> list[Any]:
    """Do the same for each value of a list."""
    if _PLAIN.issuperset(map(type, values)):
        return values
    return [canonical(value) for value in values]


def _canonical(value: Any, depth: int) -> Any:
    """Check a value against the data model; return it, or with its maps sorted where they are not."""
    kind = type(value)
    if kind is list or kind is tuple:
        return _canonical_items(value, depth)
    if kind is dict:
        return canonical_map(value, depth)
    if kind is int:
        if not INT_MIN <= value <= INT_MAX:
            raise EncodeError(f"integer {value} exceeds signed 64 bits")
    elif kind not in _PLAIN:
        raise EncodeError(f"type {kind.__name__} has no canonical form")
    return value


def _canonical_items(items: Any, depth: int) -> Any:
    if depth == 0:
        raise EncodeError(f"nested deeper than {DEPTH_MAX}")
    rewritten: list[Any] | None = None
    for place, item in enumerate(items):
        # Most items are plain; a call for each of them would double the cost of encoding.
        kind = type(item)
        if kind in _PLAIN or (kind is int and INT_MIN <= item <= INT_MAX):
            continue
        canonical = _canonical(item, depth - 1)
        if canonical is not item:
            if rewritten is None:
                rewritten = list(items)
            rewritten[place] = canonical
    return items if rewritten is None else rewritten


def canonical_map(value: dict[Any, Any], depth: int = DEPTH_MAX) -> dict[str, Any]:
    """Do the same for a value that is a map, in which maps and lists may nest to a depth."""
    if depth == 0:
        raise EncodeError(f"nested deeper than {DEPTH_MAX}")
    previous, is_canonical = "", True
    for key, item in value.items():
        if type(key) is not str:
            raise EncodeError(f"map key of type {type(key).__name__}; only text is allowed")
        kind = type(item)
        is_plain = kind in _PLAIN or (kind is int and INT_MIN <= item <= INT_MAX)
        # UTF-8 keeps code point order, so comparing text compares its bytes.
        is_canonical = is_canonical and is_plain and previous <= key
        previous = key
    if is_canonical:
        return value
    ordered = [(key, value[key]) for key in sorted(value)]
    return {key: item if type(item) in _PLAIN else _canonical(item, depth - 1) for key, item in ordered}


def _check_model(value: Any, depth: int) -> None:
    """Refuse what MessagePack can express and the data model cannot: floats, times, large integers, deep nesting."""
    kind = type(value)
    if kind is list or kind is dict:
        if depth == 0:
            raise DecodeError("nested too deeply")
        if kind is dict:
            if not _TEXT.issuperset(map(type, value)):
                raise DecodeError("map key is not text")
            # UTF-8 keeps code point order, so comparing text compares its bytes; what came twice is encoded once.
            if [*value] != sorted(value):
                raise DecodeError("map keys are not in ascending order")
        for item in value if kind is list else value.values():
            # Most items are plain; a call for each of them would double the cost of decoding.
            kind = type(item)
            if kind is int:
                if item > INT_MAX:
                    raise DecodeError(f"integer {item} exceeds signed 64 bits")
            elif kind not in _PLAIN:
                _check_model(item, depth - 1)
    elif kind is int:
        if value > INT_MAX:
            raise DecodeError(f"integer {value} exceeds signed 64 bits")
    elif kind not in _PLAIN:
        # Also the library's timestamps, which it makes of extension type -1 without asking the hook below.
        raise DecodeError(f"{kind_in_words(kind)} is not allowed")


def _refuse_extension(code: int, data: bytes) -> Any:
    raise DecodeError(f"extension type {code} is not allowed")


def fields_of(value: Any, name: str, *kinds: type | int | None) -> list[Any]:
    """Return the fields of a decoded array whose kinds are exactly these: a type, a required integer, or None for any.

    Types are compared exactly, because True is an int to Python and equal to 1: a structure that took it for a
    version would have two encodings.

    Raises:
        DecodeError: when the value is no such array.
    """
    if type(value) is not list or len(value) != len(kinds):
        raise DecodeError(f"not a {name}: a list of {len(kinds)} is expected")
    for field, kind in zip(value, kinds, strict=True):
        if type(field) is kind or kind is None or (type(kind) is int and type(field) is int and field == kind):
            continue
        expected = kind_in_words(kind) if isinstance(kind, type) else kind
        found = field if type(field) is int and type(kind) is int else kind_in_words(type(field))
        raise DecodeError(f"not a {name}: {expected} is expected where {found} stands")
    return value


def kind_in_words(kind: type) -> str:
    """Return how people who are no programmers call what values of a type are."""
    return _WORDS.get(kind, f"a {kind.__name__.lower()}")


_WORDS: Final[Mapping[type, str]] = {
    NoneType: "nothing",
    bool: "true or false",
    int: "a number",
    bytes: "a string of bytes",
    str: "text",
    list: "a list",
    dict: "a map",
}
