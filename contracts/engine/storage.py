"""Guards of declared storage: typed entries of one contract in the key-value state; `scans` has ordered iteration.

Whatever the state itself raises is a fault of this machine and never becomes an outcome. The most frequent guards
repeat the few lines of `fetch` and `store` instead of calling them: a call costs as much as the lines do.
"""

from typing import Any, Final

from chain.runtime import LocalFault
from contracts.engine.errors import WRITE_IN_VIEW, Failed, OutOfGas, Stop
from contracts.engine.guards_numbers import Guard
from contracts.engine.module import Storage
from contracts.engine.run import Run
from contracts.engine.storage_keys import KNOWN_LENGTH_MAX, Keys, storage_keys
from contracts.engine.storage_values import SMALL, integer_bytes, value_reader, value_writer
from contracts.engine.values import Scalar, fresh

PYTHON_ERRORS: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NameError,
    TypeError,
    ValueError,
)
"""What Python raises for wrong operands; inside of guards that touch the state it means a fault, not a mistake."""


def storage_guards(storage: Storage, run: Run) -> dict[str, Guard]:
    """Return the guards of one storage, by the names that the compiler emits without their underscore."""
    keys = storage_keys(storage)
    reading = _reading(storage, keys, run)
    guards = {**reading, **(_counting if storage.counts else _writing)(storage, keys, run)}
    if storage.has_sums:
        guards |= _adding(storage, reading["get"], keys, run)
    return {f"s_{verb}_{storage.name}": guard for verb, guard in guards.items()}


def _reading(storage: Storage, keys: Keys, run: Run) -> dict[str, Guard]:
    per_unit = run.prices.stored_per_unit
    key_of, known = keys.encode, keys.known
    read = value_reader(storage.value, run)
    default = storage.default
    changes = type(default) in (list, dict)

    def get_entry(key: Any) -> Any:
        encoded = known.get(key) if type(key) is str and len(key) < KNOWN_LENGTH_MAX else None
        if encoded is None:
            encoded = key_of(key)
        try:
            data = run.values[encoded]
        except PYTHON_ERRORS as error:
            raise LocalFault(f"the state could not be read: {error!r}") from error
        if data is None:
            return absent() if changes or default is None else default
        if len(data) >= per_unit:
            run.gas -= len(data) // per_unit
            if run.gas < 0:
                raise OutOfGas
        return read(data)

    def get_var() -> Any:
        data = fetch(run, key_of())
        return absent() if data is None else read(data)

    def absent() -> Any:
        if not storage.has_default:
            raise Failed(f"{storage.name} has no such entry")
        return fresh(default)

    def find(key: Any, default: Any = None) -> Any:
        data = fetch(run, key_of(key))
        return default if data is None else read(data)

    def has(key: Any) -> bool:
        return fetch(run, key_of(key)) is not None

    if storage.is_map and storage.value == Scalar("int"):
        return {"get": _integer_reader(keys, run, read, absent), "find": find, "has": has}
    return {"get": get_entry if storage.is_map else get_var, "find": find, "has": has}


def _integer_reader(keys: Keys, run: Run, read: Guard, absent: Guard) -> Guard:
    """Return the guard that reads an integer out of a Map, which most entries are."""
    per_unit = run.prices.stored_per_unit
    key_of, known = keys.encode, keys.known
    from_bytes = int.from_bytes

    def get_integer(key: Any) -> Any:
        encoded = known.get(key) if type(key) is str and len(key) < KNOWN_LENGTH_MAX else None
        if encoded is None:
            encoded = key_of(key)
        try:
            data = run.values[encoded]
        except PYTHON_ERRORS as error:
            raise LocalFault(f"the state could not be read: {error!r}") from error
        if data is None:
            return absent()
        # No integer is as long as what one unit reads, but for those of 64 bits.
        if len(data) < per_unit:
            first = data[0]
            if first < 0x80:
                return first
            if 0xCC <= first <= 0xCE:
                return from_bytes(data[1:], "big")
            return read(data)
        run.charge(len(data) // per_unit)
        return read(data)

    return get_integer


def _writing(storage: Storage, keys: Keys, run: Run) -> dict[str, Guard]:
    per_byte = run.prices.stored_byte
    key_of, known = keys.encode, keys.known
    write = value_writer(storage.value, run)

    def put_entry(key: Any, value: Any) -> None:
        encoded = known.get(key) if type(key) is str and len(key) < KNOWN_LENGTH_MAX else None
        if encoded is None:
            encoded = key_of(key)
        data = write(value)
        if run.read_only:
            raise Stop(WRITE_IN_VIEW)
        run.gas -= (len(encoded) + len(data)) * per_byte
        if run.gas < 0:
            raise OutOfGas
        try:
            run.values.put(encoded, data)
        except PYTHON_ERRORS as error:
            raise LocalFault(f"the state could not be written: {error!r}") from error

    def put_var(value: Any) -> None:
        store(run, key_of(), write(value))

    def delete(key: Any) -> None:
        store(run, key_of(key), None)

    return {"put": put_entry if storage.is_map else put_var, "delete": delete}


def _adding(storage: Storage, get: Guard, keys: Keys, run: Run) -> dict[str, Guard]:
    """Return the guard of `storage[key] += value` and `-= value`, which reads, adds and writes without calling others.

    It does what `get`, `add` or `subtract` and `put` do, in their order.
    """
    per_byte, per_unit = run.prices.stored_byte, run.prices.stored_per_unit
    key_of, known = keys.encode, keys.known
    from_bytes = int.from_bytes
    default = storage.default

    def add(key: Any, value: Any, subtract: bool) -> None:
        encoded = known.get(key) if type(key) is str and len(key) < KNOWN_LENGTH_MAX else None
        if encoded is None:
            encoded = key_of(key)
        values = run.values
        try:
            data = values[encoded]
        except PYTHON_ERRORS as error:
            raise LocalFault(f"the state could not be read: {error!r}") from error
        if data is None and default is not None:
            new = default
        elif data is not None and len(data) < per_unit and data[0] < 0x80:
            new = data[0]
        elif data is not None and len(data) < per_unit and 0xCC <= data[0] <= 0xCE:
            new = from_bytes(data[1:], "big")
        else:
            new = get(key)
        if type(value) is not int:
            raise Failed(f"cannot add an integer and {type(value).__name__}")
        new = new - value if subtract else new + value
        data = SMALL[new] if 0 <= new < 0x80 else integer_bytes(new)
        if run.read_only:
            raise Stop(WRITE_IN_VIEW)
        run.gas -= (len(encoded) + len(data)) * per_byte
        if run.gas < 0:
            raise OutOfGas
        try:
            values.put(encoded, data)
        except PYTHON_ERRORS as error:
            raise LocalFault(f"the state could not be written: {error!r}") from error

    return {"add": add}


def _counting(storage: Storage, keys: Keys, run: Run) -> dict[str, Guard]:
    """Return the one guard that changes a Counter: each number is given once, and none is left out."""
    key_of = keys.encode
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
        data = run.values[key]
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
        run.values.put(key, data)
    except PYTHON_ERRORS as error:
        raise LocalFault(f"the state could not be written: {error!r}") from error
