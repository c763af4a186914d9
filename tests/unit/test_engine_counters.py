"""Counters give each number once; pages with cursors visit every entry once; records know their versions."""

import pytest

from chain.encoding import decode, encode
from chain.state_keys import encode_key
from contracts.engine.compiler import compile_contract
from contracts.engine.errors import Rejected
from contracts.engine.testkit import Harness

SOURCE = """
numbers = Counter()
high = Counter(start=1_000)
by_year = Counter((str, int))
low = Counter(str, start=0)
grid = Map((str, int), str)
flags = Map(bool, int)
Entry = Record(name=str, day=int, text=str)
Page = Record(entries=list[Entry], next=str)

@call
def take() -> list[int]:
    low.next("x")
    return [numbers.next(), numbers.next(), high.next(), low.next("x"), numbers.value, high.value, low["x"], low["y"]]

@call
def invoice(series: str, year: int, valid: bool) -> int:
    number = by_year.next((series, year))
    require(valid, "invalid_invoice")
    key = (series, year) in by_year
    require(key and by_year[series, year] == number, "counter_lost")
    return number

@view
def of_series(name: str) -> list[int]:
    return by_year.values(prefix=name, limit=10)

@call
def fill(names: list[str], days: int) -> None:
    for name in names:
        for day in range(days):
            grid[name, day] = f"{name}{day}"

@call
def drop(name: str, day: int) -> None:
    del grid[name, day]

@view
def page(cursor: str, limit: int, backwards: bool) -> Page:
    found, more = grid.page(limit=limit, cursor=cursor, reverse=backwards)
    return Page(entries=[Entry(name=name, day=day, text=text) for (name, day), text in found], next=more)

@view
def page_of(name: str, cursor: str) -> Page:
    found, more = grid.page(limit=2, cursor=cursor, prefix=name, start=(name, 1), end=(name, 4))
    return Page(entries=[Entry(name=prefix, day=day, text=text) for (prefix, day), text in found], next=more)
"""


@pytest.fixture
def ledger() -> Harness:
    harness = Harness()
    assert harness.deploy("c", SOURCE).code is None, harness.failure
    return harness


def test_numbers_are_given_once_and_in_order(ledger: Harness) -> None:
    assert ledger.call("a.b", "c", "take").value == [1, 2, 1000, 1, 2, 1000, 1, -1]
    assert ledger.call("a.b", "c", "take").value == [3, 4, 1001, 3, 4, 1001, 3, -1]
    assert (encode_key(("numbers",)), encode(4)) in ledger.state.items("c")


def test_a_failed_call_leaves_no_gap(ledger: Harness) -> None:
    given = [ledger.call("a.b", "c", "invoice", "A", 2026, valid).value for valid in (True, False, True, False, True)]
    assert given == [1, None, 2, None, 3]
    assert ledger.call("a.b", "c", "invoice", "A", 2027, True).value == 1
    assert ledger.call("a.b", "c", "invoice", "B", 2026, True).value == 1
    assert ledger.view("c", "of_series", "A").value == [3, 1]


def test_a_counter_ends_at_the_largest_integer(ledger: Harness) -> None:
    ledger.state.put("c", encode_key(("numbers",)), encode(2**63 - 1))
    assert ledger.call("a.b", "c", "take").code == "contract_error"
    assert decode(ledger.state.get("c", encode_key(("numbers",))) or b"") == 2**63 - 1


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("numbers.value = 5", "counter"),
        ("numbers.value += 1", "counter"),
        ('low["x"] = 5', "counter"),
        ('low["x"] += 5', "counter"),
        ('del low["x"]', "counter"),
        ('low["x"].count = 5', "field"),
        ("x = numbers.next(1)", "arguments"),
        ("x = low.next()", "arguments"),
        ('x = low.next(key="x")', "arguments"),
        ("x = grid.next()", "method"),
        ("x = numbers[1]", "storage"),
        ("x = numbers.keys(limit=1)", "storage"),
        ("x = numbers", "handle"),
        ("x = numbers.next", "storage"),
        ('x, y = grid.page(limit=1, cursor="", after="x")', "scan"),
        ("x, y = grid.page(limit=1)", "scan"),
        ('x, y = grid.page(cursor="")', "scan"),
        ('x = grid.keys(limit=1, cursor="")', "scan"),
        ('x = grid.page(1, "")', "arguments"),
    ],
)
def test_misuse_is_refused(statement: str, rule: str) -> None:
    with pytest.raises(Rejected) as caught:
        compile_contract(f"{SOURCE}\n@call\ndef misuse() -> None:\n    {statement}\n")
    assert caught.value.rule == rule, str(caught.value)


def test_a_view_may_not_count() -> None:
    with pytest.raises(Rejected, match="view"):
        compile_contract(f"{SOURCE}\n@view\ndef misuse() -> int:\n    return numbers.next()\n")


@pytest.mark.parametrize(
    ("declaration", "rule"),
    [
        ("x = Counter(1)", "key_type"),
        ("x = Counter(str, int)", "storage"),
        ("x = Counter(start=-1)", "storage"),
        ('x = Counter(start="a")', "default"),
        ("x = Counter(default=1)", "declaration"),
        ("x = Counter(start=1, start=2)", "declaration"),
        ("X = Record(a=Field(int, default=1, since=2), b=int)", "record_version"),
        ("X = Record(a=int, b=Field(int, default=1, since=3))", "record_version"),
        ("X = Record(a=int, b=Field(int, default=1, since=2), c=Field(int, default=1))", "record_version"),
        ("X = Record(a=int, b=Field(int, since=2))", "record_field"),
        ("X = Record(a=int, b=Field(int, default=1, since=0))", "record_version"),
        ('X = Record(a=int, b=Field(int, default=1, since="2"))', "default"),
        ("X = Record(a=int, b=Field(int, default=1, version=2))", "declaration"),
    ],
)
def test_declarations_that_are_refused(declaration: str, rule: str) -> None:
    with pytest.raises(Rejected) as caught:
        compile_contract(f"{declaration}\n@view\ndef f() -> None:\n    pass\n")
    assert caught.value.rule == rule, str(caught.value)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 5, 6, 7, 17, 1000])
def test_pages_visit_every_entry_once(ledger: Harness, limit: int, backwards: bool) -> None:
    names = ["", "a", "a\x00", "b\u00e9"]
    assert ledger.call("a.b", "c", "fill", names, 5).code is None, ledger.failure
    seen: list[str] = []
    cursor, pages = "", 0
    while True:
        page = ledger.view("c", "page", cursor, limit, backwards).value
        assert len(page["entries"]) <= limit
        seen += [entry["text"] for entry in page["entries"]]
        cursor, pages = page["next"], pages + 1
        if not cursor:
            break
    expected = [f"{name}{day}" for name in names for day in range(5)]
    assert seen == (expected[::-1] if backwards else expected)
    assert pages == -(-len(expected) // limit)


def test_a_cursor_outlives_the_entry_it_was_made_from(ledger: Harness) -> None:
    ledger.call("a.b", "c", "fill", ["a"], 5)
    cursor = ledger.view("c", "page", "", 2, False).value["next"]
    assert ledger.call("a.b", "c", "drop", "a", 1).code is None
    assert [entry["day"] for entry in ledger.view("c", "page", cursor, 2, False).value["entries"]] == [2, 3]


def test_a_page_stays_within_its_bounds(ledger: Harness) -> None:
    ledger.call("a.b", "c", "fill", ["a", "b"], 9)
    first = ledger.view("c", "page_of", "b", "").value
    assert [entry["text"] for entry in first["entries"]] == ["b1", "b2"]
    second = ledger.view("c", "page_of", "b", first["next"]).value
    assert [entry["text"] for entry in second["entries"]] == ["b3"]
    assert second["next"] == ""
    # A cursor from another range cannot lead out of this one.
    assert [entry["text"] for entry in ledger.view("c", "page_of", "a", first["next"]).value["entries"]] == []
    whole = ledger.view("c", "page", "", 17, False).value["next"]
    assert ledger.view("c", "page_of", "a", whole).value["entries"] == []


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "0",
        "zz",
        "00",
        "ff" * 1025,
        encode_key(("a",)).hex(),
        encode_key(("a", "b")).hex(),
        encode_key(("a", 1, 2)).hex(),
        encode_key(("a", True)).hex(),
        encode_key(("z", 1)).hex().upper(),
        encode_key(("a", 1)).hex() + " ",
        encode_key(("a", 1)).hex()[:-2],
    ],
)
def test_what_is_no_cursor_of_this_map_is_an_invalid_argument(ledger: Harness, cursor: str) -> None:
    assert ledger.view("c", "page", cursor, 2, False).code == "invalid_arguments"


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_the_limit_of_a_page_is_bounded(ledger: Harness, limit: int) -> None:
    assert ledger.view("c", "page", "", limit, False).code == "contract_error"


def test_a_page_is_paid_for_before_it_is_read(ledger: Harness) -> None:
    ledger.call("a.b", "c", "fill", ["a"], 50)
    used = [ledger.view("c", "page", "", limit, False).gas_used for limit in (1, 10)]
    assert used[1] - used[0] > 9 * 60


OLD = """
Item = Record(holder=str)
items = Map(str, Item)

@call
def keep(name: str) -> None:
    items[name] = Item(holder=ctx.sender)
"""

NEW = """
Item = Record(
    holder=str,
    tags=Field(list[str], default=[], since=2),
    weight=Field(int, default=0, since=2),
    note=Field(str | None, default=None, since=3),
)
items = Map(str, Item)

@view
def show(name: str) -> Item:
    return items[name]

@call
def weigh(name: str, weight: int) -> None:
    items[name].weight = weight
"""


def test_a_record_of_an_older_version_reads_with_defaults_and_is_written_whole() -> None:
    """What another contract's namespace holds is put under the newer declaration, as an upgrade does."""
    ledger = Harness()
    assert ledger.deploy("old", OLD).code is None
    assert ledger.deploy("new", NEW).code is None, ledger.failure
    assert ledger.call("a.b", "old", "keep", "x").code is None
    [(key, data)] = ledger.state.items("old")
    ledger.state.put("new", key, data)
    ledger.state.mark()
    shown = {"holder": "a.b", "tags": [], "weight": 0, "note": None}
    assert ledger.view("new", "show", "x").value == shown
    assert ledger.call("a.b", "new", "weigh", "x", 7).code is None
    assert ledger.view("new", "show", "x").value == {**shown, "weight": 7}
    assert decode(ledger.state.get("new", key) or b"") == ["a.b", [], 7, None]


def test_versions_of_records_are_part_of_the_interface() -> None:
    record = compile_contract(NEW).module.records["Item"]
    assert record.version == 3
    assert [field.since for field in record.fields] == [1, 2, 2, 3]
    assert compile_contract(OLD).module.records["Item"].version == 1
