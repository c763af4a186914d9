"""Arguments on the command line are read by the contract's interface: by place or name, each by its type."""

from typing import Any

import pytest

from chain.abi import AbiError
from cli.calls import typed_arguments
from contracts.engine.abi import derive_abi

ABI = derive_abi("""
Item = Record(name=str, size=int | None, tags=list[str], note=Field(bytes, default=b""))

@call
def store(key: str, count: int, flag: bool, data: bytes, item: Item | None, names: list[str]) -> bool:
    return True

@call
def say(text: str, other: str | None) -> bool:
    return True

@view
def total() -> int:
    return 1
""")
GOOD = ["k", "5", "true", "00ff", '{"name": "a", "size": null, "tags": ["x"], "note": "ff"}', '["a"]']
ITEM = {"name": "a", "size": None, "tags": ["x"], "note": b"\xff"}


def arguments(method: str, *texts: str, kind: str = "call") -> list[Any]:
    return typed_arguments(ABI, "box", method, texts, kind)


def test_arguments_by_place_and_by_name() -> None:
    values = ["k", 5, True, b"\x00\xff", ITEM, ["a"]]
    assert arguments("store", *GOOD) == values
    names = ("key", "count", "flag", "data", "item", "names")
    named = [f"{name}={text}" for name, text in zip(names, GOOD, strict=True)]
    assert arguments("store", *reversed(named)) == values
    assert arguments("store", GOOD[0], *reversed(named[1:])) == values
    assert arguments("total", kind="view") == []


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (("12", "true"), ["12", "true"]),
        (('"12"', '"null"'), ["12", "null"]),
        (('say "hi"', "null"), ['say "hi"', None]),
        (('"open', "a=b"), ['"open', "a=b"]),
        (("text=text=x", "other="), ["text=x", ""]),
    ],
)
def test_text_is_text_whatever_it_looks_like(texts: tuple[str, ...], values: list[Any]) -> None:
    assert arguments("say", *texts) == values


@pytest.mark.parametrize(
    ("place", "text", "message"),
    [
        (1, "five", r"box\.store: count: expected int, not 'five'"),
        (1, "5.5", "count: expected int, not float"),
        (1, '"5"', "count: expected int, not str '5'"),
        (1, "9223372036854775808", "exceeds signed 64 bits"),
        (2, "yes", "flag: expected bool"),
        (3, "zz", "data: bytes are written in hexadecimal"),
        (4, '{"name": "a"}', "item: Item needs size, tags"),
        (4, '{"name": "a", "size": "1", "tags": []}', r"item\.size: expected int"),
        (5, "a", "names: expected list"),
    ],
)
def test_what_is_wrong_is_named(place: int, text: str, message: str) -> None:
    texts = list(GOOD)
    texts[place] = text
    with pytest.raises(AbiError, match=message):
        arguments("store", *texts)


def test_what_is_missing_or_too_much_is_named() -> None:
    for texts, message in (
        (("k",), "missing: count, flag, data, item, names"),
        ((*GOOD, "x"), "7 arguments"),
        ((*GOOD, "key=x"), "unknown or given twice: key"),
        (("key=x", "key=y"), "given twice: key"),
    ):
        with pytest.raises(AbiError, match=message):
            arguments("store", *texts)
    with pytest.raises(AbiError, match="is a view: it is queried, not sent"):
        arguments("total")
