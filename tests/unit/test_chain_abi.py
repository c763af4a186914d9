"""Calls are checked against a contract's interface before they are sent, with a message that names the place."""

from typing import Any

import pytest

from chain.abi import AbiError, arguments_in_order, check_value, method_of, signature, value_from_json
from contracts.engine.abi import derive_abi
from contracts.engine.errors import INVALID_ARGUMENTS
from contracts.engine.testkit import Harness

SOURCE = """
Item = Record(name=str, size=int | None, tags=list[str], note=Field(bytes, default=b""))

@call
def store(key: str, item: Item, more: dict[str, Item], flag: bool | None) -> bool:
    return True

@view
def count(n: int) -> int:
    return n
"""
ABI = derive_abi(SOURCE)
ITEM: dict[str, Any] = {"name": "a", "size": None, "tags": []}


def test_methods_are_found_by_name_and_kind() -> None:
    assert method_of(ABI, "box", "store", "call")["returns"] == "bool"
    assert signature(method_of(ABI, "box", "count", "view")) == "count(n: int) -> int"
    for method, kind, message in (
        ("stor", "call", "box has no method stor; did you mean store?"),
        ("x", "call", "box has no method x; it has store, count"),
        ("count", "call", r"box\.count is a view: it is queried, not sent"),
        ("store", "view", r"box\.store is no view: it is sent, not queried"),
    ):
        with pytest.raises(AbiError, match=message):
            method_of(ABI, "box", method, kind)


@pytest.mark.parametrize(
    ("args", "named", "message"),
    [
        (["k"], {}, "missing: item, more, flag"),
        (["k", 1, 2, 3, 4], {}, "5 arguments"),
        (["k", 1, 2], {"key": "k"}, "unknown or given twice: key"),
        ([], {"other": 1}, "unknown or given twice: other"),
    ],
)
def test_arguments_have_their_places(args: list[Any], named: dict[str, Any], message: str) -> None:
    store = method_of(ABI, "box", "store", "call")
    with pytest.raises(AbiError, match=message):
        arguments_in_order(store, args, named)
    paired = arguments_in_order(store, ["k"], {"flag": True, "item": ITEM, "more": {}})
    assert [(param["name"], value) for param, value in paired][::3] == [("key", "k"), ("flag", True)]


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("int", True, "x: expected int, not bool True"),
        ("int", 2**63, "exceeds signed 64 bits"),
        ("str", 5, "x: expected str, not int 5"),
        ("str", None, "x: expected str"),
        ("bytes", "00", "x: expected bytes"),
        ("None", 1, "x: expected nothing"),
        ("list[int]", [1, "2"], r"x\[1\]: expected int"),
        ("list[int]", (1,), r"x: expected list\[int\], not tuple"),
        ("dict[str, int]", {"a": None}, r"x\['a'\]: expected int"),
        ("dict[str, int]", {1: 1}, "x: a key: expected str"),
        ("Item", {**ITEM, "size": "5"}, r"x\.size: expected int \| None, not str '5'"),
        ("Item", {**ITEM, "colour": 1}, "x: Item has no field colour"),
        ("Item", {"name": "a"}, "x: Item needs size, tags"),
        ("Item", [1], "x: expected Item, not list"),
        ("list[Item]", [ITEM, {**ITEM, "tags": [1]}], r"x\[1\]\.tags\[0\]: expected str"),
        ("Thing", {}, "Thing is no type that this program knows"),
    ],
)
def test_values_are_checked_deeply_and_exactly(kind: str, value: Any, message: str) -> None:
    with pytest.raises(AbiError, match=message):
        check_value(ABI, kind, value, "x")


@pytest.mark.parametrize(
    "args",
    [
        ("k", ITEM, {"b": ITEM}, None),
        ("k", {**ITEM, "note": b"1", "size": 5, "tags": ["t"]}, {}, True),
        ("k", {**ITEM, "note": "1"}, {}, True),
        (5, ITEM, {}, None),
        ("k", ITEM, {"b": 5}, None),
        ("k", ITEM, {}, 1),
        ("k", {**ITEM, "size": 2**63}, {}, None),
    ],
)
def test_the_check_agrees_with_the_engine(args: tuple[Any, ...]) -> None:
    ledger = Harness()
    ledger.deploy("box", SOURCE)
    refused = ledger.call("a.b", "box", "store", *args).code == INVALID_ARGUMENTS
    try:
        for param, value in arguments_in_order(method_of(ABI, "box", "store", "call"), args, {}):
            check_value(ABI, param["type"], value, param["name"])
    except AbiError:
        assert refused
    else:
        assert not refused


@pytest.mark.parametrize(
    ("kind", "document", "value"),
    [
        ("int", 5, 5),
        ("int", {"int": "5"}, 5),
        ("bytes", "0x00ff", b"\x00\xff"),
        ("bytes", {"bytes": "00ff"}, b"\x00\xff"),
        ("int | None", None, None),
        ("Item", {"name": "a", "size": {"int": "3"}, "note": "ff"}, {"name": "a", "size": 3, "note": b"\xff"}),
        ("Item", {"map": {"name": "a"}}, {"name": "a"}),
        ("list[dict[str, bytes]]", [{"a": "ff"}], [{"a": b"\xff"}]),
        ("dict[str, int]", {"int": 5}, {"int": 5}),
        ("dict[str, str]", {"int": "5"}, {"int": "5"}),
        ("str", "5", "5"),
    ],
)
def test_json_is_read_by_the_type(kind: str, document: Any, value: Any) -> None:
    assert value_from_json(ABI, kind, document, "x") == value


def test_json_that_stands_for_no_value() -> None:
    for kind, document in (("bytes", "zz"), ("int", {"int": 5}), ("bytes", {"bytes": "0"})):
        with pytest.raises(AbiError, match="x: "):
            value_from_json(ABI, kind, document, "x")
