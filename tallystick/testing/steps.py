"""One step of an exploration: a call by a member, with values that were made up or seen before, or time that passes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from chain.runtime import CallOutcome
from chain.values import dataclass
from contracts.engine.module import CALL, Function, Module
from contracts.engine.values import Scalar, type_name
from tallystick.testing.explaining import show
from tallystick.testing.strategies import literals, values_of

SEEN_MAX: Final = 20
"""Values of each type that are remembered during one story; the oldest goes first."""
SPANS: Final = (1, 1_000, 60_000, 3_600_000, 86_400_000, 30 * 86_400_000)
"""Milliseconds that may pass between calls."""


@dataclass(frozen=True, slots=True)
class Slot:
    """An argument: a value, or one that occurred before in the story if there is any."""

    name: str
    """Of the parameter."""
    kind: str
    """Name of its type."""
    value: Any
    seen: int | None
    """None for the value; otherwise how far to go back among the values that occurred."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Time passes."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Call:
    """A member calls a method."""

    member: str
    contract: str
    method: str
    names: tuple[str, ...]
    slots: tuple[Slot, ...]


class Seen:
    """Scalar values that occurred in one story: arguments of calls that succeeded, results, events."""

    def __init__(self) -> None:
        self._of_name: dict[tuple[str, str], list[Any]] = {}
        """By the name of parameter, field or key, and type."""
        self._of_kind: dict[str, list[Any]] = {}

    def resolve(self, slot: Slot) -> Any:
        """Return what stands in a slot now; what occurred under the same name is most likely meant."""
        if slot.seen is None:
            return slot.value
        known = self._of_name.get((slot.name, slot.kind), []) if slot.seen % 3 else []
        known = known or self._of_kind.get(slot.kind, [])
        return known[-1 - slot.seen // 3 % len(known)] if known else slot.value

    def note(self, name: str, value: Any) -> None:
        """Remember a value under a name, and everything in it under the names that it has there."""
        if isinstance(value, list):
            for item in value:
                self.note(name, item)
        elif isinstance(value, dict):
            for key, item in value.items():
                self.note(key, item)
        elif isinstance(value, int | str | bytes) and not isinstance(value, bool):
            kind = type(value).__name__
            for known in (self._of_name.setdefault((name, kind), []), self._of_kind.setdefault(kind, [])):
                if value in known:
                    known.remove(value)
                known.append(value)
                del known[:-SEEN_MAX]


@dataclass(frozen=True, slots=True)
class Target:
    """A method that an exploration calls."""

    contract: str
    module: Module
    function: Function


Overrides = Mapping[str, st.SearchStrategy[Any]]
"""Strategy by "parameter", "method.parameter" or "contract.method.parameter"; the longest name counts."""


def targets_of(contract: str, module: Module) -> list[Target]:
    """Return the methods of a contract that change state."""
    return [Target(contract, module, function) for function in module.functions.values() if function.kind == CALL]


def calls_of(target: Target, members: Sequence[str], overrides: Overrides) -> st.SearchStrategy[Call]:
    """Return a strategy for the calls of a method."""
    function = target.function
    slots = [_slot(target, name, members, overrides) for name, _ in function.parameters]
    names = tuple(name for name, _ in function.parameters)
    return st.builds(
        Call,
        st.sampled_from(members),
        st.just(target.contract),
        st.just(function.name),
        st.just(names),
        st.tuples(*slots),
    )


def _slot(target: Target, name: str, members: Sequence[str], overrides: Overrides) -> st.SearchStrategy[Slot]:
    kind = dict(target.function.parameters)[name]
    values, given = argument_values(target, name, members, overrides)
    scalar = isinstance(kind, Scalar) and kind.name != "bool"
    again = st.none() | st.integers(0, 11) if scalar and not given else st.none()
    return st.builds(Slot, st.just(name), st.just(type_name(kind)), values, again)


def argument_values(
    target: Target, name: str, members: Sequence[str], overrides: Overrides
) -> tuple[st.SearchStrategy[Any], bool]:
    """Return the strategy for a parameter, and whether the test has given it."""
    for place in (f"{target.contract}.{target.function.name}.{name}", f"{target.function.name}.{name}", name):
        if place in overrides:
            return overrides[place], True
    kind = dict(target.function.parameters)[name]
    return values_of(kind, target.module, members), False


def passing_time(targets: Iterable[Target]) -> st.SearchStrategy[Pass]:
    """Return a strategy for time that passes: usual spans, and those that the contracts mention, just over."""
    mentioned = {number + 1 for target in targets for number in literals(target.module)["int"]}
    spans = [*SPANS, *sorted(span for span in mentioned if span >= SPANS[1] and span <= SPANS[-1])]
    return st.builds(Pass, st.sampled_from(SPANS) | st.sampled_from(spans[3:]))


def call_line(call: Call, args: Sequence[Any], outcome: CallOutcome) -> str:
    """Return a call that was made as a test would write it, and what came of it."""
    given = ", ".join(f"{name}={show(value)}" for name, value in zip(call.names, args, strict=True))
    result = f"fails: {outcome.code}" if outcome.code else show(outcome.value)
    return f"{call.contract}.by({call.member!r}).{call.method}({given})  # {result}"
