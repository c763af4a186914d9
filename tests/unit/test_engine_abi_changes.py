"""Differences between the ABIs of two versions: each is found, and weighed by what it does to users."""

import pytest

from contracts.engine.abi import derive_abi
from contracts.engine.abi_changes import Weight, abi_changes

OLD = """
FEE = 25
Item = Record(holder=str, note=Field(str, default=""))
Moved = Event(item=str, to=str)
count = Var(int, default=0)

@init
def setup(start: int) -> None:
    count.value = start

@call
def move(item: str, to: str) -> int:
    require(item != "", "no_item")
    count.value += FEE
    Moved(item=item, to=to)
    return count.value

@view
def look(item: Item) -> Item:
    return item
"""

CASES = [
    (
        "def look(item: Item) -> Item:",
        "def see(item: Item) -> Item:",
        [("breaking", "method look"), ("added", "method see")],
    ),
    ("@view\ndef look", "@call\ndef look", [("breaking", "method look")]),
    ("def move(item: str, to: str)", "def move(item: str, to: str, by: str)", [("breaking", "method move")]),
    (
        "def look(item: Item) -> Item:\n    return item",
        "def look(item: Item) -> str:\n    return item.note",
        [("breaking", "method look")],
    ),
    (
        "def look(item: Item) -> Item:\n    return item",
        "def look(thing: Item) -> Item:\n    return thing",
        [("changed", "method look")],
    ),
    ('"no_item"', '"item_missing"', [("changed", "method move"), ("changed", "method move")]),
    (
        "Moved = Event(item=str, to=str)",
        "Moved = Event(item=str, to=str)\nGone = Event(item=str)",
        [("added", "event Gone")],
    ),
    ("Item = Record(holder=str,", "Item = Record(holder=str, place=str,", [("breaking", "record Item")]),
    ("Item = Record(holder=str,", "Item = Record(holder=int,", [("breaking", "record Item")]),
    (
        'note=Field(str, default="")',
        'note=Field(str, default=""), n=Field(int, default=1, since=2)',
        [("added", "record Item")],
    ),
    ("FEE = 25", "FEE = 26", [("changed", "constant FEE")]),
    ("FEE = 25", "FEE = 25\nMORE = 1", [("added", "constant MORE")]),
    ("count = Var(int, default=0)", "count = Var(int, default=0)\nserial = Counter()", [("added", "storage serial")]),
    ("start: int", "start: int, more: int", []),
    ("@view", "# a comment\n@view", []),
]


@pytest.mark.parametrize(("before", "after", "expected"), CASES, ids=[after for _, after, _ in CASES])
def test_a_difference_is_found_and_weighed(before: str, after: str, expected: list[tuple[str, str]]) -> None:
    assert OLD.count(before) == 1
    found = abi_changes(derive_abi(OLD), derive_abi(OLD.replace(before, after)))
    assert [(change.weight.value, change.subject) for change in found] == expected
    assert all(change.detail for change in found)


def test_fields_of_events_that_change() -> None:
    new = OLD.replace("Event(item=str, to=str)", "Event(item=int, by=str)").replace("item=item, to=to", "item=1, by=to")
    found = [str(change) for change in abi_changes(derive_abi(OLD), derive_abi(new))]
    assert found == [
        "breaking: event Moved: its field item is int, no longer str",
        "breaking: event Moved: its field to is gone",
        "added: event Moved: has a new field by (str)",
    ]


def test_what_breaks_something_stands_first() -> None:
    new = OLD.replace("def look", "def see").replace("FEE = 25", "FEE = 26\nMORE = 1")
    weights = [change.weight for change in abi_changes(derive_abi(OLD), derive_abi(new))]
    assert weights == [Weight.BREAKING, Weight.CHANGED, Weight.ADDED, Weight.ADDED]
