"""Declared storage: what is written under which key, what is read back, and the order of iteration."""

import pytest

from chain.encoding import decode, encode
from chain.runtime import LocalFault
from chain.state_keys import encode_key
from contracts.engine.storage_keys import part_encoder
from contracts.engine.testkit import Harness

SOURCE = """
count = Var(int, default=3)
owner = Var(str)
names = Map(str, str)
lists = Map(int, list[int], default=[])
grid = Map((str, int, bool, bytes), int)
Item = Record(holder=str, size=int, note=Field(str | None, default=None), tags=Field(list[str], default=[]))
items = Map(str, Item)
box = Var(Item)

@call
def bump(by: int) -> int:
    count.value += by
    return count.value

@view
def unset() -> str:
    return owner.value

@call
def name(key: str, value: str) -> str | None:
    old = names.get(key)
    names[key] = value
    return old

@call
def drop(key: str) -> bool:
    present = key in names
    del names[key]
    return present and key not in names

@call
def push(key: int, value: int) -> list[int]:
    values = lists[key]
    values.append(value)
    before = len(lists[key])
    lists[key] = values
    return [before] + lists[key]

@call
def mark(a: str, b: int, c: bool, d: bytes) -> int:
    grid[a, b, c, d] = 1
    grid[a, b, c, d] += 4
    require((a, b, c, d) in grid, "not_there")
    for key in grid.keys(limit=1):
        return grid[key]
    return 0

@call
def store(key: str) -> Item:
    items[key] = Item(holder="h", size=1)
    items[key].size += 2
    items[key].note = "n"
    box.value = items[key]
    return box.value

@view
def fetch(key: str) -> Item:
    return items[key]
"""


@pytest.fixture
def ledger() -> Harness:
    harness = Harness()
    assert harness.deploy("c", SOURCE).code is None, harness.failure
    return harness


def test_a_var_has_a_default_and_is_stored_under_its_name(ledger: Harness) -> None:
    assert ledger.call("a.b", "c", "bump", -5).value == -2
    assert ledger.call("a.b", "c", "bump", 5).value == 3
    assert ledger.state.items("c") == [(encode_key(("count",)), encode(3))]
    assert ledger.view("c", "unset").code == "contract_error"


def test_entries_are_written_read_and_deleted(ledger: Harness) -> None:
    assert ledger.call("a.b", "c", "name", "k", "v").value is None
    assert ledger.call("a.b", "c", "name", "k", "w").value == "v"
    assert ledger.state.items("c") == [(encode_key(("names", "k")), encode("w"))]
    assert ledger.call("a.b", "c", "drop", "k").value is True
    assert ledger.call("a.b", "c", "drop", "k").value is False
    assert ledger.state.items("c") == []


def test_a_value_that_is_read_is_a_copy_even_if_it_is_the_default(ledger: Harness) -> None:
    assert ledger.call("a.b", "c", "push", 1, 7).value == [0, 7]
    assert ledger.call("a.b", "c", "push", 1, 8).value == [1, 7, 8]
    assert ledger.call("a.b", "c", "push", 2, 9).value == [0, 9]


def test_composite_keys(ledger: Harness) -> None:
    assert ledger.call("a.b", "c", "mark", "x\x00y", -4, True, b"\x00\xff").value == 5
    assert ledger.state.items("c") == [(encode_key(("grid", "x\x00y", -4, True, b"\x00\xff")), encode(5))]


def test_records_are_stored_as_lists_and_may_have_grown(ledger: Harness) -> None:
    assert ledger.call("a.b", "c", "store", "i").value == {"holder": "h", "size": 3, "note": "n", "tags": []}
    key = encode_key(("items", "i"))
    assert decode(ledger.state.get("c", key) or b"") == ["h", 3, "n", []]
    ledger.state.put("c", key, encode(["old", 1]))
    ledger.state.mark()
    assert ledger.view("c", "fetch", "i").value == {"holder": "old", "size": 1, "note": None, "tags": []}
    ledger.state.put("c", key, encode(["old"]))
    assert ledger.view("c", "fetch", "i").code == "contract_error"


def test_a_damaged_value_is_a_fault_and_no_outcome(ledger: Harness) -> None:
    ledger.call("a.b", "c", "store", "i")
    ledger.state.put("c", encode_key(("items", "i")), b"\xc1")
    ledger.state.mark()
    with pytest.raises(LocalFault):
        ledger.view("c", "fetch", "i")


@pytest.mark.parametrize(
    "value",
    ["", "a", "a\x00b", "\u00e9\U0001f600", b"", b"\x00", b"\xff\x00", 0, 1, -1, 2**63 - 1, -(2**63), True, False],
)
def test_key_parts_have_the_bytes_of_the_state_keys(value: str | bytes | int | bool) -> None:
    assert part_encoder(type(value).__name__)(value) == encode_key((value,))


@pytest.mark.parametrize(
    "value", [0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1, -1, -128, -(2**63)]
)
def test_integers_are_stored_in_canonical_encoding(value: int) -> None:
    ledger = Harness()
    ledger.deploy("c", "v = Var(int)\n@call\ndef f(x: int) -> int:\n    v.value = x\n    return v.value\n")
    assert ledger.call("a.b", "c", "f", value).value == value
    assert ledger.state.items("c") == [(encode_key(("v",)), encode(value))]


SCANS = """
m = Map((str, int), int)
one = Map(int, str)

@call
def fill(count: int) -> None:
    for name in ["b", "a", "ab"]:
        for i in range(count):
            m[name, i - 2] = i
    for i in range(count):
        one[i * 10] = str(i)

@view
def lines(prefix: str, after: int, limit: int, reverse: bool) -> list[str]:
    found = m.keys(prefix=prefix, after=(prefix, after), limit=limit, reverse=reverse)
    return [f"{name}{i}" for name, i in found]

@view
def everything(limit: int) -> list[str]:
    return [f"{a}{i}:{v}" for (a, i), v in m.items(limit=limit)]

@view
def between(start: int, end: int) -> list[str]:
    return one.values(start=start, end=end, limit=1000)

@view
def backwards(limit: int) -> list[int]:
    return one.keys(limit=limit, reverse=True)

@view
def behind(prefix: str) -> list[str]:
    return [f"{a}{i}" for a, i in m.keys(after=prefix, limit=3)]
"""


def test_iteration_is_ordered_and_bounded() -> None:
    ledger = Harness()
    assert ledger.deploy("c", SCANS).code is None, ledger.failure
    assert ledger.view("c", "everything", 10).value == []
    assert ledger.call("a.b", "c", "fill", 40).code is None, ledger.failure
    assert ledger.view("c", "everything", 3).value == ["a-2:0", "a-1:1", "a0:2"]
    names = [entry.rstrip("0123456789-:") for entry in ledger.view("c", "everything", 1000).value]
    assert names == ["a"] * 40 + ["ab"] * 40 + ["b"] * 40
    assert ledger.view("c", "lines", "ab", 35, 9, False).value == ["ab36", "ab37"]
    assert ledger.view("c", "lines", "ab", 0, 9, True).value == ["ab-1", "ab-2"]
    assert ledger.view("c", "lines", "a", 1, 2, False).value == ["a2", "a3"]
    assert len(ledger.view("c", "lines", "a", -2, 1000, False).value) == 39
    assert ledger.view("c", "lines", "zz", 0, 9, False).value == []
    assert ledger.view("c", "between", 15, 40).value == ["2", "3"]
    assert ledger.view("c", "between", 40, 15).value == []
    assert ledger.view("c", "backwards", 2).value == [390, 380]
    assert ledger.view("c", "backwards", 40).value == list(range(390, -1, -10))
    assert ledger.view("c", "backwards", 0).value == []
    assert ledger.view("c", "behind", "a").value == ["ab-2", "ab-1", "ab0"]
    assert ledger.view("c", "backwards", -1).code == "contract_error"


def test_iteration_sees_writes_of_the_same_call() -> None:
    ledger = Harness()
    source = "m = Map(int, int)\n@call\ndef f() -> list[int]:\n"
    source += "    m[2] = 1\n    m[1] = 1\n    del m[2]\n    return m.keys(limit=9)\n"
    ledger.deploy("c", source)
    assert ledger.call("a.b", "c", "f").value == [1]
