"""Values with a quicker constructor are what they would be without it."""

import copy
import inspect
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from chain.quick import quick
from chain.transaction import Call, Transaction, TransactionBody


@dataclass(frozen=True, slots=True)
class Slow:
    first: int
    second: str
    third: tuple[int, ...] = (1,)


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    first: int
    second: str
    third: tuple[int, ...] = (1,)


def test_a_quick_value_behaves_as_a_frozen_dataclass() -> None:
    quick_value, slow_value = Quick(1, second="two"), Slow(1, second="two")
    assert type(quick_value) is Quick
    assert repr(quick_value) == repr(slow_value).replace("Slow", "Quick")
    assert hash(quick_value) == hash(slow_value)
    assert quick_value == Quick(1, "two", (1,)) != Quick(1, "two", ())
    assert replace(quick_value, first=2) == Quick(2, "two")
    assert copy.copy(quick_value) == quick_value
    assert inspect.signature(Quick) == inspect.signature(Slow)


def test_a_quick_value_is_frozen() -> None:
    value = Quick(1, "two")
    with pytest.raises(FrozenInstanceError):
        value.first = 2  # type: ignore[misc]
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        del value.second
    with pytest.raises(TypeError):
        Quick(1)  # type: ignore[call-arg]
    assert value == Quick(1, "two")


def test_what_a_constructor_would_leave_out_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Two:
        first: int
        second: int

    @dataclass(frozen=True, slots=True)
    class Checked:
        first: int
        second: int
        third: int

        def __post_init__(self) -> None:
            assert self.first < self.second

    for made in (Two, Checked):
        with pytest.raises(AssertionError):
            quick(made)


def test_transactions_are_quick() -> None:
    for made in (Call, TransactionBody, Transaction):
        assert "turn" in made.__init__.__code__.co_freevars
