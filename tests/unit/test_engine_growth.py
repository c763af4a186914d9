"""Storage may only grow: what a new version may declare, and the rule that each other change breaks."""

import pytest

from contracts.engine.compiler import compile_contract
from contracts.engine.growth import RULES, Obstacle, obstacles

OLD = """
Place = Record(city=str, code=Field(int, default=7))
Item = Record(holder=str, tags=list[str], place=Place,
    note=Field(str, default=""))
Loose = Record(a=int)
owner = Var(str)
issued = Var(int, default=0)
open_now = Var(bool, default=True)
items = Map(str, Item)
limits = Map((str, int), int)
lists = Map(int, list[Item | None])
maps = Map(bytes, dict[str, int])
serials = Counter()
per_day = Counter(int, start=5)
Moved = Event(item=str)

@view
def peek(loose: Loose) -> str:
    return owner.value
"""


def found(old: str, new: str) -> list[Obstacle]:
    return obstacles(compile_contract(old).module, compile_contract(new).module)


def changed(old: str, new: str) -> str:
    assert OLD.count(old) == 1, old
    return OLD.replace(old, new)


GROWTH = [
    ("the same source", OLD),
    ("new storage", changed("owner = Var(str)\n", "owner = Var(str)\nextra = Map(str, int)\n")),
    (
        "a field more at the end",
        changed('note=Field(str, default="")', 'note=Field(str, default=""), n=Field(int, default=1, since=2)'),
    ),
    (
        "a field more in a nested record",
        changed("code=Field(int, default=7)", "code=Field(int, default=7), x=Field(str | None, default=None, since=2)"),
    ),
    (
        "a default where there was none",
        changed("limits = Map((str, int), int)", "limits = Map((str, int), int, default=5)"),
    ),
    ("a default for a field", changed("Record(city=str,", 'Record(city=Field(str, default=""),')),
    ("a record that is not stored", changed("Loose = Record(a=int)", "Loose = Record(b=str, a=int)")),
    ("another event", changed("Moved = Event(item=str)", "Moved = Event(item=int, by=str)")),
    (
        "another order of declarations",
        changed("owner = Var(str)\nissued = Var(int, default=0)", "issued = Var(int, default=0)\nowner = Var(str)"),
    ),
    ("other methods", changed("def peek(loose: Loose) -> str:", "def look(loose: Loose, more: int) -> str:")),
]


@pytest.mark.parametrize(("why", "new"), GROWTH, ids=[why for why, _ in GROWTH])
def test_growth_is_accepted(why: str, new: str) -> None:
    assert found(OLD, new) == []


SHRINKING = [
    (changed("serials = Counter()", "serials = Var(int, default=0)"), "storage_kind", "serials"),
    (changed("issued = Var(int, default=0)", "issued = Counter()"), "storage_kind", "issued"),
    (changed("serials = Counter()", "serials = Counter(int)"), "storage_kind", "serials"),
    (changed("Counter(int, start=5)", "Counter(str, start=5)"), "storage_key", "per_day"),
    (changed("Counter(int, start=5)", "Counter(int)"), "storage_default", "per_day"),
    (
        changed('note=Field(str, default="")', 'note=Field(str, default=""), n=Field(int, default=1)'),
        "field_version",
        "items: Item.n",
    ),
    (
        changed('note=Field(str, default="")', 'note=Field(str, default="", since=2)'),
        "field_version",
        "items: Item.note",
    ),
    (changed("limits = Map((str, int), int)\n", ""), "storage_removed", "limits"),
    (changed("issued = Var(int, default=0)", "issued = Map(str, int, default=0)"), "storage_kind", "issued"),
    (changed("limits = Map((str, int), int)", "limits = Var(int)"), "storage_kind", "limits"),
    (changed("limits = Map((str, int), int)", "limits = Map((int, str), int)"), "storage_key", "limits"),
    (changed("limits = Map((str, int), int)", "limits = Map(str, int)"), "storage_key", "limits"),
    (changed("limits = Map((str, int), int)", "limits = Map((str, int), str)"), "storage_type", "limits"),
    (changed("limits = Map((str, int), int)", "limits = Map((str, int), int | None)"), "storage_type", "limits"),
    (changed("list[Item | None]", "list[Item]"), "storage_type", "lists"),
    (changed("dict[str, int]", "dict[str, str]"), "storage_type", "maps"),
    (changed("dict[str, int]", "list[int]"), "storage_type", "maps"),
    (changed("items = Map(str, Item)", "items = Map(str, Place)"), "storage_type", "items"),
    (changed("issued = Var(int, default=0)", "issued = Var(int, default=1)"), "storage_default", "issued"),
    (changed("issued = Var(int, default=0)", "issued = Var(int)"), "storage_default", "issued"),
    (changed("open_now = Var(bool, default=True)", "open_now = Var(bool)"), "storage_default", "open_now"),
    (changed("tags=list[str], ", ""), "field_removed", "items: Item.tags"),
    (changed("holder=str, tags=list[str]", "tags=list[str], holder=str"), "field_order", "items: Item.holder"),
    (changed("holder=str,", "new=str, holder=str,"), "field_order", "items: Item.holder"),
    (changed("tags=list[str]", "tags=list[int]"), "storage_type", "items: Item.tags"),
    (changed("tags=list[str]", "labels=list[str]"), "field_removed", "items: Item.tags"),
    (changed("code=Field(int, default=7)", "code=Field(int, default=8)"), "field_default", "items: Place.code"),
    (changed("code=Field(int, default=7)", "code=int"), "field_default", "items: Place.code"),
    (changed("city=str", "city=str | None"), "storage_type", "items: Place.city"),
    (
        changed('place=Place,\n    note=Field(str, default="")', "place=Place, note=str, more=int"),
        "field_default",
        "items: Item.note",
    ),
]


@pytest.mark.parametrize(
    ("new", "rule", "subject"), SHRINKING, ids=[f"{rule} {subject}" for _, rule, subject in SHRINKING]
)
def test_anything_else_is_named(new: str, rule: str, subject: str) -> None:
    reasons = found(OLD, new)
    assert (rule, subject) in [(reason.rule, reason.subject) for reason in reasons], list(map(str, reasons))
    assert all(reason.hint and reason.storage in ("items", "lists", subject) for reason in reasons)


def test_a_field_without_default_is_refused_where_it_is_stored() -> None:
    old = "Item = Record(a=int)\nitems = Map(str, Item)\n@view\ndef f() -> int:\n    return 1\n"
    (reason,) = found(old, old.replace("a=int", "a=int, b=int"))
    assert (reason.rule, reason.subject) == ("field_without_default", "items: Item.b")
    assert "Field(int, default=..., since=2)" in reason.hint


def test_a_record_grows_version_by_version() -> None:
    second = changed('note=Field(str, default="")', 'note=Field(str, default=""), n=Field(int, default=1, since=2)')
    third = second.replace("since=2)", "since=2), m=Field(int, default=1, since=3)")
    assert found(second, third) == []
    assert {reason.rule for reason in found(second, third.replace("since=3", "since=2"))} == {"field_version"}
    assert [reason.subject for reason in found(OLD, third)] == ["items: Item.m", "lists: Item.m"]


def test_every_rule_has_been_broken_here() -> None:
    rules = {rule for _, rule, _ in SHRINKING} | {"field_without_default"}
    assert rules == set(RULES)


def test_every_reason_is_reported_once_per_storage() -> None:
    new = changed("limits = Map((str, int), int)\n", "").replace("issued = Var(int, default=0)", "issued = Var(int)")
    assert [reason.rule for reason in found(OLD, new)] == ["storage_default", "storage_removed"]


def test_a_record_under_another_name_is_another_type() -> None:
    new = OLD.replace("Item", "Thing").replace("Place", "Site")
    assert {reason.rule for reason in found(OLD, new)} == {"storage_type"}
