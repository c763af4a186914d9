"""Guards of text and bytes methods, defined over ASCII wherever case or class matters.

Python's own tables of letters, digits and spaces change with the Unicode version; these do not.
"""

from typing import Any, Final

from contracts.engine.errors import Failed
from contracts.engine.guards_compare import search_work
from contracts.engine.guards_numbers import Guard, integer, length_checked, number_text
from contracts.engine.limits import STRIP_CHARACTERS_MAX, TEXT_LENGTH_MAX
from contracts.engine.run import Run

SPACES: Final = " \t\n\r"


def text(value: Any) -> str:
    """Return a value that must be text."""
    if type(value) is not str:
        raise Failed(f"expected str, not {type(value).__name__}")
    return value


def text_methods(run: Run) -> dict[str, dict[type, Guard]]:
    """Return the methods of text and bytes: name -> type of the receiver -> guard."""
    plain = {**_case(run), **_classes(run), **_edges(run), **_search(run), **_making(run)}
    methods: dict[str, dict[type, Guard]] = {name: {str: method} for name, method in plain.items()}
    methods["hex"] = {bytes: _hex(run)}
    methods["decode"] = {bytes: _decode(run)}
    return methods


def text_guards(run: Run) -> dict[str, Guard]:
    """Return the guards of f-strings and of the built-ins that make text or bytes."""
    prices = run.prices

    text_of = number_text(run)

    def formatted(value: Any) -> str:
        return text_of(value) if type(value) is int else text(value)

    def concatenate(*parts: str) -> str:
        length = sum(map(len, parts))
        length_checked(str, length)
        run.charge(length // prices.characters_per_unit)
        return "".join(parts)

    def hex_to_bytes(value: Any) -> bytes:
        run.charge(len(text(value)) // prices.characters_per_unit)
        # fromhex skips spaces, which are no digits here.
        if not (value.isascii() and (value.isalnum() or not value)):
            raise Failed("expected pairs of hexadecimal digits")
        try:
            return bytes.fromhex(value)
        except ValueError as error:
            raise Failed("expected pairs of hexadecimal digits") from error

    return {"formatted": formatted, "concatenate": concatenate, "hex_to_bytes": hex_to_bytes}


def _case(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def is_ascii(value: str) -> bool:
        """Pay for a change of case: twice where the text is encoded for it and decoded again."""
        ascii_alone = value.isascii()
        run.charge(len(value) // prices.characters_per_unit * (1 if ascii_alone else 2))
        return ascii_alone

    def lower(value: str) -> str:
        return value.lower() if is_ascii(value) else value.encode().lower().decode()

    def upper(value: str) -> str:
        return value.upper() if is_ascii(value) else value.encode().upper().decode()

    return {"lower": lower, "upper": upper}


def _classes(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def paid(value: str) -> bool:
        run.charge(len(value) // prices.characters_per_unit)
        return value.isascii()

    return {
        "isalnum": lambda value: paid(value) and value.isalnum(),
        "isalpha": lambda value: paid(value) and value.isalpha(),
        "isdigit": lambda value: paid(value) and value.isdigit(),
        "islower": lambda value: paid(value) and value.islower(),
        "isupper": lambda value: paid(value) and value.isupper(),
    }


def _edges(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def stripped(value: str, characters: Any) -> str:
        if len(text(characters)) > STRIP_CHARACTERS_MAX:
            raise Failed(f"at most {STRIP_CHARACTERS_MAX} characters to strip")
        run.charge(len(value) * (1 + len(characters) // 4) // prices.characters_per_unit)
        return value

    def prefix(value: str, part: Any) -> str:
        run.charge(len(text(part)) // prices.compared_per_unit)
        return value

    def removed(value: str, part: Any) -> str:
        run.charge(len(value) // prices.characters_per_unit)
        return prefix(value, part)

    return {
        "strip": lambda value, characters=SPACES: stripped(value, characters).strip(characters),
        "lstrip": lambda value, characters=SPACES: stripped(value, characters).lstrip(characters),
        "rstrip": lambda value, characters=SPACES: stripped(value, characters).rstrip(characters),
        "startswith": lambda value, part: prefix(value, part).startswith(part),
        "endswith": lambda value, part: prefix(value, part).endswith(part),
        "removeprefix": lambda value, part: removed(value, part).removeprefix(part),
        "removesuffix": lambda value, part: removed(value, part).removesuffix(part),
    }


def _search(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def searched(value: str, part: Any) -> str:
        if not text(part):
            raise Failed("the text to look for is empty")
        run.charge(search_work(len(value), len(part)) // prices.searched_per_unit)
        return value

    def find(value: str, part: Any, start: Any = 0) -> int:
        return searched(value, part).find(part, max(0, min(integer(start), len(value))))

    def count(value: str, part: Any) -> int:
        return searched(value, part).count(part)

    def split(value: str, separator: Any) -> list[str]:
        pieces = count(value, separator) + 1
        length_checked(list, pieces)
        # Pieces beyond ASCII take half as much memory again, however short they are.
        price = prices.item if value.isascii() else 2 * prices.item
        run.charge(pieces * price + len(value) // prices.characters_per_unit)
        return value.split(separator)

    def replace(value: str, old: Any, new: Any) -> str:
        found = count(value, old)
        length = len(value) + found * (len(text(new)) - len(old))
        length_checked(str, length)
        run.charge(found + length // prices.characters_per_unit)
        return value.replace(old, new)

    return {"find": find, "count": count, "split": split, "replace": replace}


def _making(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def join(separator: str, parts: Any) -> str:
        if type(parts) is not list:
            raise Failed("join takes a list of text")
        run.charge(prices.container + len(parts) * prices.item)
        length = sum(len(text(part)) for part in parts) + len(separator) * max(0, len(parts) - 1)
        length_checked(str, length)
        run.charge(length // prices.characters_per_unit)
        return separator.join(parts)

    def zfill(value: str, width: Any) -> str:
        length = max(len(value), integer(width))
        length_checked(str, length)
        run.charge(length // prices.characters_per_unit)
        return value.zfill(length)

    def encode(value: str) -> bytes:
        run.charge(len(value) // prices.characters_per_unit)
        data = value.encode("utf-8")
        length_checked(bytes, len(data))
        return data

    return {"join": join, "zfill": zfill, "encode": encode}


def _hex(run: Run) -> Guard:
    prices = run.prices

    def to_hex(value: bytes) -> str:
        length_checked(str, 2 * len(value))
        run.charge(2 * len(value) // prices.characters_per_unit)
        return value.hex()

    return to_hex


def _decode(run: Run) -> Guard:
    prices = run.prices

    def decode(value: bytes) -> str:
        run.charge(len(value) // prices.characters_per_unit)
        assert len(value) <= TEXT_LENGTH_MAX
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Failed("bytes are not UTF-8") from error

    return decode
