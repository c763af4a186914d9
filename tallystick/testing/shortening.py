"""Makes a counterexample as short and plain as it can be: first fewer steps, then plainer values, one at a time.

hypothesis shrinks well but takes its time over long lists of steps; here each step that can go is dropped at once, and
hypothesis is asked only for the plainest value of one argument after another.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from tallystick.testing.steps import SPANS, Call, Pass
from tallystick.testing.stories import Fault, Plan, Teller

TRIES_MAX: Final = 100
"""Values that are tried for one argument before it stays as it is."""

Values = Callable[[Call, str], st.SearchStrategy[Any]]
"""The strategy for a parameter of a call."""


def shortened(fault: Fault, teller: Teller, values: Values, members: Sequence[str]) -> Fault:
    """Return the same fault after as few steps and with as plain values as were found."""
    fault = _fewer_steps(fault, teller)
    for place in range(len(fault.plan)):
        for simpler in _simpler_steps(fault, place, teller, values, members):
            fault = simpler
    # Values that were repeated need their steps no more.
    return _fewer_steps(fault, teller)


def _same(fault: Fault, plan: Plan, teller: Teller) -> Fault | None:
    """Return the fault that a plan leads to if it is the same and comes as soon."""
    try:
        teller.tell(plan)
    except Fault as other:
        return other if other.what == fault.what and len(other.plan) <= len(fault.plan) else None
    return None


def _fewer_steps(fault: Fault, teller: Teller) -> Fault:
    """Leave out runs of steps, long ones first, until none can be left out."""
    size = len(fault.plan)
    while size > 0:
        for start in range(len(fault.plan) - size, -1, -1):
            shorter = _same(fault, [*fault.plan[:start], *fault.plan[start + size :]], teller)
            if shorter is not None:
                fault = shorter
                size = min(size, len(fault.plan)) + 1
                break
        size -= 1
    return fault


def _simpler_steps(fault: Fault, place: int, teller: Teller, values: Values, members: Sequence[str]) -> Iterator[Fault]:
    """Yield the same fault with one step made plainer, again and again."""
    if place >= len(fault.plan):
        return

    def with_step(step: Call | Pass) -> Fault | None:
        return _same(fault, [*fault.plan[:place], step, *fault.plan[place + 1 :]], teller)

    step = fault.plan[place]
    if isinstance(step, Pass):
        shorter = [with_step(Pass(span)) for span in SPANS if span < step.milliseconds]
        yield from [found for found in shorter if found is not None][:1]
        return
    for member in members[: members.index(step.member)]:
        simpler = with_step(replace(step, member=member))
        if simpler is not None:
            step, fault = replace(step, member=member), simpler
            yield fault
            break
    for index, slot in enumerate(step.slots):
        holds = _Attempt(step, index, with_step)
        if _plainest(values(step, slot.name), holds):
            assert holds.last is not None
            step, fault = holds.last
            yield fault


class _Attempt:
    """Tells whether the fault is the same with another value of one argument, and keeps the last time that it was."""

    def __init__(self, step: Call, index: int, with_step: Callable[[Call | Pass], Fault | None]) -> None:
        self._step = step
        self._index = index
        self._with_step = with_step
        self.last: tuple[Call, Fault] | None = None

    def __call__(self, value: Any) -> bool:
        slots = list(self._step.slots)
        slots[self._index] = replace(slots[self._index], value=value, seen=None)
        changed = replace(self._step, slots=tuple(slots))
        fault = self._with_step(changed)
        if fault is not None:
            self.last = changed, fault
        return fault is not None


def _plainest(strategy: st.SearchStrategy[Any], condition: Callable[[Any], bool]) -> bool:
    """Try plainer and plainer values, the plainest that fulfils the condition last; tell whether any does."""
    quiet = settings(
        max_examples=TRIES_MAX,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        condition(find(strategy, condition, settings=quiet, random=Random(0)))  # noqa: S311
    except NoSuchExample:
        return False
    return True
