"""The methods of values: for each kind of receiver its signatures, one table for compiler, manual and editors."""

from collections.abc import Mapping
from typing import Final

TEXT_METHODS: Final[Mapping[str, tuple[str, str]]] = {
    "startswith": ("(part: str) -> bool", "whether it begins with a text"),
    "endswith": ("(part: str) -> bool", "whether it ends with a text"),
    "removeprefix": ("(part: str) -> str", "without a text at its beginning, if it is there"),
    "removesuffix": ("(part: str) -> str", "without a text at its end, if it is there"),
    "strip": ('(characters: str = " \\t\\n\\r") -> str', "without these characters at both ends; at most 32 of them"),
    "lstrip": ('(characters: str = " \\t\\n\\r") -> str', "without these characters at the beginning"),
    "rstrip": ('(characters: str = " \\t\\n\\r") -> str', "without these characters at the end"),
    "split": ("(separator: str) -> list[str]", "the texts between separators"),
    "join": ("(parts: list[str]) -> str", "the texts with this one between them"),
    "replace": ("(old: str, new: str) -> str", "with every occurrence of a text replaced"),
    "find": ("(part: str, start: int = 0) -> int", "where a text first stands, at start or behind; -1 for nowhere"),
    "count": ("(part: str) -> int", "how often a text stands in it, without overlaps"),
    "lower": ("() -> str", "with a-z for A-Z"),
    "upper": ("() -> str", "with A-Z for a-z"),
    "isdigit": ("() -> bool", "whether it is of 0-9 alone, and not empty"),
    "isalpha": ("() -> bool", "whether it is of A-Z and a-z alone, and not empty"),
    "isalnum": ("() -> bool", "whether it is of A-Z, a-z and 0-9 alone, and not empty"),
    "islower": ("() -> bool", "whether it is ASCII, with letters, and none of them A-Z"),
    "isupper": ("() -> bool", "whether it is ASCII, with letters, and none of them a-z"),
    "zfill": ("(width: int) -> str", "with zeros in front, behind a sign, up to a width"),
    "encode": ("() -> bytes", "its UTF-8"),
}

BYTES_METHODS: Final[Mapping[str, tuple[str, str]]] = {
    "hex": ("() -> str", "in hexadecimal digits"),
    "decode": ("() -> str", "the text that its UTF-8 stands for; other bytes are a `contract_error`"),
}

LIST_METHODS: Final[Mapping[str, tuple[str, str]]] = {
    "append": ("(value: T) -> None", "adds an element at the end"),
    "extend": ("(more: list[T]) -> None", "adds the elements of another list"),
    "insert": ("(index: int, value: T) -> None", "adds an element in front of the one with that index"),
    "pop": ("(index: int = -1) -> T", "takes an element away and returns it"),
    "remove": ("(value: T) -> None", "takes the first equal element away; none is a `contract_error`"),
    "index": ("(value: T) -> int", "where the first equal element stands; none is a `contract_error`"),
    "count": ("(value: T) -> int", "how many elements are equal"),
    "copy": ("() -> list[T]", "a new list of the same elements"),
    "clear": ("() -> None", "takes all elements away"),
}

MAP_METHODS: Final[Mapping[str, tuple[str, str]]] = {
    "get": ("(key: str, default: T | None = None) -> T | None", "what stands under a key, or the default"),
    "keys": ("() -> list[str]", "its keys, in the order in which they were set"),
    "values": ("() -> list[T]", "its values in the same order"),
    "items": ("() -> list[tuple[str, T]]", "its keys and values, to be unpacked"),
    "pop": (
        "(key: str, default: T = ...) -> T",
        "takes a key away and returns its value, or the default; neither is a `contract_error`",
    ),
    "update": ("(more: dict[str, T]) -> None", "sets all keys of another map"),
    "copy": ("() -> dict[str, T]", "a new map of the same keys and values"),
    "clear": ("() -> None", "takes all keys away"),
}

METHODS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "str": TEXT_METHODS,
    "bytes": BYTES_METHODS,
    "list": LIST_METHODS,
    "dict": MAP_METHODS,
}
"""Type of the receiver -> method -> signature and text. Records have `replace(field=value, ...)` besides."""

METHOD_CALLS: Final[Mapping[str, tuple[int, int]]] = {
    "append": (1, 1),
    "clear": (0, 0),
    "copy": (0, 0),
    "count": (1, 1),
    "decode": (0, 0),
    "encode": (0, 0),
    "endswith": (1, 1),
    "extend": (1, 1),
    "find": (1, 2),
    "get": (1, 2),
    "hex": (0, 0),
    "index": (1, 1),
    "insert": (2, 2),
    "isalnum": (0, 0),
    "isalpha": (0, 0),
    "isdigit": (0, 0),
    "islower": (0, 0),
    "isupper": (0, 0),
    "items": (0, 0),
    "join": (1, 1),
    "keys": (0, 0),
    "lower": (0, 0),
    "lstrip": (0, 1),
    "pop": (0, 2),
    "remove": (1, 1),
    "removeprefix": (1, 1),
    "removesuffix": (1, 1),
    "replace": (2, 2),
    "rstrip": (0, 1),
    "split": (1, 1),
    "startswith": (1, 1),
    "strip": (0, 1),
    "update": (1, 1),
    "upper": (0, 0),
    "values": (0, 0),
    "zfill": (1, 1),
}
"""Method -> fewest and most arguments that it takes on any receiver; which receiver there is shows when it runs."""

MUTATING_METHODS: Final = frozenset(("append", "clear", "extend", "insert", "pop", "remove", "update"))
"""Methods that change their receiver, and so would be lost on a copy of a stored value."""

_BOUNDS: Final = "prefix: P = (), start: P | None = None, end: P | None = None"
_SCAN: Final = f"(*, limit: int, {_BOUNDS}, after: P | None = None, reverse: bool = False)"

HANDLE_METHODS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "Map": {
        "get": ("(key: K, default: V | None = None) -> V | None", "the entry under a key, or the default"),
        "keys": (f"{_SCAN} -> list[K]", "keys in order"),
        "values": (f"{_SCAN} -> list[V]", "values in the order of their keys"),
        "items": (f"{_SCAN} -> list[tuple[K, V]]", "keys and values in order"),
        "page": (
            f"(*, limit: int, cursor: str, {_BOUNDS}, reverse: bool = False) -> tuple[list[tuple[K, V]], str]",
            "keys and values behind a cursor, and the cursor of the next page",
        ),
    },
    "Counter": {"next": ("(key: K = ...) -> int", "the next number; with a key where the Counter has keys")},
}
"""What can be called on storage; K is the type of a key, V that of a value, P that of a key or its leading parts."""
