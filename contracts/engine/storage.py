"""Guards of declared storage: typed entries of one contract in the key-value state; `scans` has ordered iteration.

A key is the storage's name and its parts in chain.state_keys's encoding, a value the canonical encoding of its wire
form; the common cases are encoded here directly, to the same bytes. Whatever the state itself raises is a fault of
this machine and never becomes an outcome.
"""

from collections.abc import Callable
from typing import Any, Final

from chain.encoding import INT_MAX, INT_MIN, decode, encode
from chain.runtime import LocalFault
from chain.state_keys import (
    BYTES_TAG,
    FALSE_TAG,
    INTEGER_TAG,
    KEY_BYTES_MAX,
    TEXT_TAG,
    TRUE_TAG,
    encode_key,
)
from contracts.engine.errors import WRITE_IN_VIEW, Failed, OutOfGas, Stop
from contracts.engine.guards_numbers import Guard
from contracts.engine.limits import VALUE_BYTES_MAX
from contracts.engine.module import Storage
from contracts.engine.run import Run
from contracts.engine.values import Scalar, Type, fresh
from contracts.engine.wire import Walk, exporter, importer

PYTHON_ERRORS: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NameError,
    TypeError,
    ValueError,
)
"""What Python raises for wrong operands; inside of guards that touch the state it means a fault, not a mistake."""

KNOWN_KEYS_MAX: Final = 16
"""Text keys whose encoding is remembered, because a call mostly uses the same ones several times."""


def part_encoder(kind: str) -> Callable[[Any], bytes]:
    """Return the function that encodes one part of a key, to the bytes of chain.state_keys.encode_key."""

    def text(value: Any) -> bytes:
        if type(value) is not str:
            raise Failed(f"the key is str, not {type(value).__name__}")
        return text_tag + value.encode("utf-8").replace(b"\x00", b"\x00\xff") + b"\x00"

    def data(value: Any) -> bytes:
        if type(value) is not bytes:
            raise Failed(f"the key is bytes, not {type(value).__name__}")
        return bytes_tag + value.replace(b"\x00", b"\x00\xff") + b"\x00"

    def number(value: Any) -> bytes:
        if type(value) is not int or not INT_MIN <= value <= INT_MAX:
            raise Failed("the key is an int of 64 bits")
        return integer_tag + (value - INT_MIN).to_bytes(8, "big")

    def truth(value: Any) -> bytes:
        if type(value) is not bool:
            raise Failed(f"the key is bool, not {type(value).__name__}")
        return true_tag if value else false_tag

    text_tag, bytes_tag, integer_tag = bytes([TEXT_TAG]), bytes([BYTES_TAG]), bytes([INTEGER_TAG])
    true_tag, false_tag = bytes([TRUE_TAG]), bytes([FALSE_TAG])
    return {"str": text, "bytes": data, "int": number, "bool": truth}[kind]


def key_encoder(storage: Storage) -> Callable[..., bytes]:
    """Return the function from a contract's key, or from nothing for a Var, to the state key."""
    base = encode_key((storage.name,))
    encoders = [part_encoder(kind) for kind in storage.keys]

    known: dict[str, bytes] = {}

    def text(key: Any) -> bytes:
        if type(key) is not str:
            raise Failed(f"the key is str, not {type(key).__name__}")
        encoded = known.get(key)
        if encoded is None:
            encoded = single(key)
            if len(known) == KNOWN_KEYS_MAX:
                known.clear()
            known[key] = encoded
        return encoded

    def single(key: Any) -> bytes:
        encoded = base + first(key)
        if len(encoded) > KEY_BYTES_MAX:
            raise Failed("the key is too long")
        return encoded

    def composite(key: Any) -> bytes:
        if type(key) is not tuple or len(key) != len(encoders):
            raise Failed(f"the key of {storage.name} has {len(encoders)} parts")
        return partial_key(base, encoders, key)

    if not encoders:
        return lambda: base
    first = encoders[0]
    if storage.keys == ("str",):
        return text
    return single if len(encoders) == 1 else composite


def partial_key(base: bytes, encoders: list[Callable[[Any], bytes]], parts: Any) -> bytes:
    """Return the encoding of the leading parts of a key."""
    if type(parts) is not tuple:
        parts = (parts,)
    if len(parts) > len(encoders):
        raise Failed("the key has too many parts")
    encoded = base + b"".join(encoder(part) for encoder, part in zip(encoders, parts, strict=False))
    if len(encoded) > KEY_BYTES_MAX:
        raise Failed("the key is too long")
    return encoded


def value_reader(kind: Type, run: Run) -> Callable[[bytes], Any]:
    """Return the function from stored bytes to a contract's value."""
    convert = importer(kind, named=False)

    def read(data: bytes) -> Any:
        try:
            value = decode(data)
        except ValueError as error:
            raise LocalFault(f"the state holds bytes that are no value: {error}") from error
        return convert(value, Walk(run, VALUE_BYTES_MAX))

    def read_integer(data: bytes) -> Any:
        first = data[0]
        if first < 0x80:
            return first
        if 0xCC <= first <= 0xCF:
            return int.from_bytes(data[1:], "big")
        return read(data)

    return read_integer if kind == Scalar("int") else read


def value_writer(kind: Type, run: Run) -> Callable[[Any], bytes]:
    """Return the function from a contract's value to the bytes to store."""
    convert = exporter(kind, named=False)

    def write(value: Any) -> bytes:
        data = encode(convert(value, Walk(run, VALUE_BYTES_MAX)))
        if len(data) > VALUE_BYTES_MAX:
            raise Failed("value is too large")
        return data

    def write_integer(value: Any) -> bytes:
        if type(value) is not int or not INT_MIN <= value <= INT_MAX:
            raise Failed("expected an int of 64 bits")
        return integer_bytes(value)

    return write_integer if kind == Scalar("int") else write


def integer_bytes(value: int) -> bytes:
    """Return the canonical encoding of an integer; the same bytes as chain.encoding.encode, sooner."""
    if 0 <= value < 0x80:
        return value.to_bytes(1, "big")
    if value < 0:
        return encode(value)
    if value < 0x1_0000:
        return b"\xcc" + value.to_bytes(1, "big") if value < 0x100 else b"\xcd" + value.to_bytes(2, "big")
    return b"\xce" + value.to_bytes(4, "big") if value < 0x1_0000_0000 else b"\xcf" + value.to_bytes(8, "big")


def storage_guards(storage: Storage, run: Run) -> dict[str, Guard]:
    """Return the guards of one storage, by the names that the compiler emits without their underscore."""
    guards = {**_reading(storage, run), **(_counting if storage.counts else _writing)(storage, run)}
    return {f"s_{verb}_{storage.name}": guard for verb, guard in guards.items()}


def _reading(storage: Storage, run: Run) -> dict[str, Guard]:
    prices = run.prices
    key_of = key_encoder(storage)
    read = value_reader(storage.value, run)

    def get_entry(key: Any) -> Any:
        encoded = key_of(key)
        try:  # as in fetch, without the cost of a call
            data = run.state.get(run.contract, encoded)
        except PYTHON_ERRORS as error:
            raise LocalFault(f"the state could not be read: {error!r}") from error
        if data is None:
            return absent()
        if len(data) >= prices.stored_per_unit:
            run.charge(len(data) // prices.stored_per_unit)
        return read(data)

    def get_var() -> Any:
        data = fetch(run, key_of())
        return absent() if data is None else read(data)

    def absent() -> Any:
        if not storage.has_default:
            raise Failed(f"{storage.name} has no such entry")
        return fresh(storage.default)

    def find(key: Any, default: Any = None) -> Any:
        data = fetch(run, key_of(key))
        return default if data is None else read(data)

    def has(key: Any) -> bool:
        return fetch(run, key_of(key)) is not None

    return {"get": get_entry if storage.is_map else get_var, "find": find, "has": has}


def _writing(storage: Storage, run: Run) -> dict[str, Guard]:
    key_of = key_encoder(storage)
    write = value_writer(storage.value, run)

    def put_entry(key: Any, value: Any) -> None:
        store(run, key_of(key), write(value))

    def put_var(value: Any) -> None:
        store(run, key_of(), write(value))

    def delete(key: Any) -> None:
        store(run, key_of(key), None)

    return {"put": put_entry if storage.is_map else put_var, "delete": delete}


def _counting(storage: Storage, run: Run) -> dict[str, Guard]:
    """Return the one guard that changes a Counter: each number is given once, and none is left out."""
    key_of = key_encoder(storage)
    read = value_reader(storage.value, run)
    write = value_writer(storage.value, run)

    def next_number(*key: Any) -> Any:
        encoded = key_of(*key)
        data = fetch(run, encoded)
        number = 1 + (storage.default if data is None else read(data))
        store(run, encoded, write(number))
        return number

    return {"next": next_number}


def fetch(run: Run, key: bytes) -> bytes | None:
    """Read the state of the active contract."""
    try:
        data = run.state.get(run.contract, key)
    except PYTHON_ERRORS as error:
        raise LocalFault(f"the state could not be read: {error!r}") from error
    if data is not None and len(data) >= run.prices.stored_per_unit:
        run.charge(len(data) // run.prices.stored_per_unit)
    return data


def store(run: Run, key: bytes, data: bytes | None) -> None:
    """Write the state of the active contract, or delete an entry."""
    if run.read_only:
        raise Stop(WRITE_IN_VIEW)
    run.gas -= (len(key) + (0 if data is None else len(data))) * run.prices.stored_byte
    if run.gas < 0:
        raise OutOfGas
    try:
        run.state.put(run.contract, key, data)
    except PYTHON_ERRORS as error:
        raise LocalFault(f"the state could not be written: {error!r}") from error
