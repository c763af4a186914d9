"""Frozen dataclasses that are cheaper to define and to make are what the standard library would have made."""

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from typing import Any

import pytest

from chain.identity import Member
from chain.transaction import Transaction, TransactionBody
from chain.values import dataclass

Decorator = Any


def described(decorator: Decorator) -> dict[str, Any]:
    """Return the same classes by either decorator."""

    @decorator(frozen=True, slots=True)
    class Nothing:
        """Has no field."""

    @decorator(frozen=True, slots=True)
    class Two:
        """Is too small for a twin."""

        first: int
        second: str = "two"

    @decorator(frozen=True, slots=True)
    class Four:
        first: int
        second: str
        third: tuple[int, ...] = (1,)
        fourth: list[int] = field(default_factory=list, repr=False, compare=False)

        @property
        def sum(self) -> int:
            """A member that is no field."""
            return self.first + sum(self.third)

    @decorator(frozen=True, slots=True)
    class Checked:
        first: int
        second: int
        third: int

        def __post_init__(self) -> None:
            if self.first > self.second:
                raise ValueError(self.first)

        def __repr__(self) -> str:
            return "own words"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self)) and other.first == self.first

        def __hash__(self) -> int:
            return self.first

    @decorator(frozen=True, slots=True)
    class Derived:
        first: int
        second: int
        third: int = 3
        total: int = field(init=False, repr=False, compare=False)
        """Made of the others."""

        def __post_init__(self) -> None:
            object.__setattr__(self, "total", self.first + self.second + self.third)

    return {made.__name__: made for made in (Nothing, Two, Four, Checked, Derived)}


OURS, THEIRS = described(dataclass), described(dataclasses.dataclass)
ARGUMENTS: dict[str, list[tuple[Any, ...]]] = {
    "Nothing": [()],
    "Two": [(1,), (1, "two"), (1, "three")],
    "Four": [(1, "two"), (1, "two", (2,)), (1, "two", (1,), [5])],
    "Checked": [(1, 2, 3), (1, 3, 4), (2, 3, 4)],
    "Derived": [(1, 2), (1, 2, 4), (2, 2)],
}


def parameters(made: type) -> list[tuple[object, ...]]:
    """Return what a constructor takes; how a default that is made shows itself is nobody's business."""
    found = inspect.signature(made).parameters.values()
    return [(each.name, each.kind, each.annotation, each.default is each.empty) for each in found]


@pytest.mark.parametrize("name", list(OURS))
def test_a_value_is_what_the_standard_library_would_make(name: str) -> None:
    ours, theirs = OURS[name], THEIRS[name]
    assert parameters(ours) == parameters(theirs)
    assert ours.__match_args__ == theirs.__match_args__
    assert ours.__slots__ == theirs.__slots__
    assert [each.name for each in fields(ours)] == [each.name for each in fields(theirs)]
    mine, others = ([made(*given) for given in ARGUMENTS[name]] for made in (ours, theirs))
    for value, other in zip(mine, others, strict=True):
        assert type(value) is ours
        assert not hasattr(value, "__dict__")
        assert repr(value) == repr(other)
        assert hash(value) == hash(other)
        assert asdict(value) == asdict(other)
        assert copy.copy(value) == value == copy.deepcopy(value)
    assert [[a == b for a in mine] for b in mine] == [[a == b for a in others] for b in others]
    assert mine[0] != others[0]


@pytest.mark.parametrize("name", ["Two", "Four", "Checked"])
def test_a_value_is_frozen(name: str) -> None:
    value = OURS[name](*ARGUMENTS[name][0])
    for forbidden in ("first", "unknown"):
        with pytest.raises(FrozenInstanceError):
            setattr(value, forbidden, 2)
        with pytest.raises(FrozenInstanceError):
            delattr(value, forbidden)
    with pytest.raises(TypeError):
        OURS[name]()
    assert value == OURS[name](*ARGUMENTS[name][0])


def test_a_refused_value_names_its_class() -> None:
    with pytest.raises(TypeError, match=r"Four\.__init__\(\) missing 1 required positional argument: 'second'"):
        OURS["Four"](1)
    with pytest.raises(ValueError, match="5"):
        OURS["Checked"](5, 2, 3)


def test_values_are_replaced_and_sent_to_other_processes() -> None:
    member = Member("acme.alice", "acme", ("clerk",), True)
    assert replace(member, active=False) == Member("acme.alice", "acme", ("clerk",), False)
    assert pickle.loads(pickle.dumps(member)) == member


def test_what_is_derived_is_derived_again() -> None:
    value = OURS["Derived"](1, 2)
    assert (value.total, replace(value, second=5).total) == (6, 9)
    with pytest.raises(TypeError):
        OURS["Derived"](1, 2, 3, 6)


def test_a_default_that_is_made_is_made_anew() -> None:
    first, second = OURS["Four"](1, "two"), OURS["Four"](1, "two")
    assert first.fourth == [] == second.fourth
    assert first.fourth is not second.fourth


def test_what_is_unusual_is_left_to_the_standard_library() -> None:
    @dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        first: int

    @dataclass(slots=True)
    class Changing:
        first: int

    assert Ordered(1) < Ordered(2)
    changing = Changing(1)
    changing.first = 2
    assert changing == Changing(2)


def test_transactions_are_made_by_assignment() -> None:
    for made in (TransactionBody, Transaction):
        assert "__twin__" in made.__init__.__code__.co_names
