"""Between a contract's values and the bytes that the state holds: the canonical encoding of their wire form.

Integers, by far the most frequent, are read and written here directly, to the same bytes.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from chain.encoding import INT_MAX, INT_MIN, decode, encode
from chain.runtime import LocalFault
from contracts.engine.errors import Failed
from contracts.engine.limits import VALUE_BYTES_MAX
from contracts.engine.run import Run
from contracts.engine.values import Scalar, Type
from contracts.engine.wire import Walk, exporter, importer

SMALL: Final = tuple(bytes([value]) for value in range(0x80))
PACK_16: Final = struct.Struct(">BH").pack
PACK_32: Final = struct.Struct(">BI").pack
PACK_64: Final = struct.Struct(">BQ").pack


def value_reader(kind: Type, run: Run) -> Callable[[bytes], Any]:
    """Return the function from stored bytes to a contract's value."""
    convert = importer(kind, named=False)
    walk = Walk(run, VALUE_BYTES_MAX)
    from_bytes = int.from_bytes

    def read(data: bytes) -> Any:
        try:
            value = decode(data)
        except ValueError as error:
            raise LocalFault(f"the state holds bytes that are no value: {error}") from error
        return convert(value, walk.restart(VALUE_BYTES_MAX))

    def read_integer(data: bytes) -> Any:
        first = data[0]
        if first < 0x80:
            return first
        if 0xCC <= first <= 0xCF:
            return from_bytes(data[1:], "big")
        return read(data)

    return read_integer if kind == Scalar("int") else read


def value_writer(kind: Type, run: Run) -> Callable[[Any], bytes]:
    """Return the function from a contract's value to the bytes to store."""
    if kind == Scalar("int"):
        return integer_bytes
    convert = exporter(kind, named=False)
    walk = Walk(run, VALUE_BYTES_MAX)

    def write(value: Any) -> bytes:
        data = encode(convert(value, walk.restart(VALUE_BYTES_MAX)))
        if len(data) > VALUE_BYTES_MAX:
            raise Failed("value is too large")
        return data

    return write


def integer_bytes(value: Any) -> bytes:
    """Return the canonical encoding of an integer of 64 bits; the same bytes as chain.encoding.encode, sooner."""
    if type(value) is not int or not INT_MIN <= value <= INT_MAX:
        raise Failed("expected an int of 64 bits")
    if 0 <= value < 0x1_0000_0000:
        if value < 0x1_0000:
            if value < 0x80:
                return SMALL[value]
            return b"\xcc" + value.to_bytes(1, "big") if value < 0x100 else PACK_16(0xCD, value)
        return PACK_32(0xCE, value)
    return encode(value) if value < 0 else PACK_64(0xCF, value)
