"""Carries out the sequences of calls that an exploration makes up, and shortens the one that showed a fault."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from tallystick.testing.ledger import Ledger, Snapshot
from tallystick.testing.steps import Call, Pass, Seen, call_line

Invariant = Callable[[], object]
"""Raises, or returns False, when something does not hold."""
Plan = Sequence[Call | Pass]


class Fault(AssertionError):
    """Something does not hold after a sequence of calls."""

    def __init__(self, what: str, told: str, plan: Plan) -> None:
        super().__init__(f"{what} {told}")
        self.what = what
        self.told = told
        """The calls, and why."""
        self.plan = plan


@dataclass(slots=True)
class Exploration:
    """What was tried."""

    succeeded: Counter[str] = field(default_factory=Counter)
    """contract.method -> calls that succeeded."""
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """contract.method and code -> calls that failed with it."""


class Teller:
    """Tells stories from the same beginning, and counts what was tried in all of them."""

    def __init__(self, ledger: Ledger, invariants: Sequence[Invariant], mistakes: frozenset[str]) -> None:
        """Take the codes that no call may fail with."""
        self._ledger = ledger
        self._start: Snapshot = ledger.snapshot()
        self._invariants = invariants
        self._mistakes = mistakes
        self.tried = Exploration()

    def rewind(self) -> None:
        """Go back to the beginning."""
        self._ledger.restore(self._start)

    def tell(self, plan: Plan) -> None:
        """Carry out a plan from the beginning.

        Raises:
            Fault: when something does not hold.
        """
        self.rewind()
        seen, lines = Seen(), list[str]()
        self._check(lines, plan[:0])
        for number, step in enumerate(plan, 1):
            if isinstance(step, Pass):
                self._ledger.advance(milliseconds=step.milliseconds)
                lines.append(f"ledger.advance(milliseconds={step.milliseconds})")
            else:
                self._call(step, seen, lines, plan[:number])
            self._check(lines, plan[:number])

    def _call(self, call: Call, seen: Seen, lines: list[str], told: Plan) -> None:
        args = [seen.resolve(slot) for slot in call.slots]
        outcome = self._ledger[call.contract].by(call.member)[call.method].outcome(*args)
        name = f"{call.contract}.{call.method}"
        lines.append(call_line(call, args, outcome))
        if outcome.code is None:
            self.tried.succeeded[name] += 1
            for slot, value in zip(call.slots, args, strict=True):
                seen.note(slot.name, value)
            seen.note(call.method, outcome.value)
            for event in outcome.events:
                seen.note(event.name, event.fields)
            return
        self.tried.failed[name, outcome.code] += 1
        if outcome.code in self._mistakes:
            _fail(
                f"{name} fails with {outcome.code}, which tells its caller nothing,", lines, self._ledger.failure, told
            )

    def _check(self, lines: list[str], told: Plan) -> None:
        for invariant in self._invariants:
            what = f"{getattr(invariant, '__name__', repr(invariant))} does not hold"
            try:
                holds = invariant()
            except AssertionError as error:
                _fail(what, lines, str(error), told, error)
            if holds is False:
                _fail(what, lines, "it returned False", told)


def _fail(what: str, lines: list[str], why: str, plan: Plan, cause: Exception | None = None) -> NoReturn:
    numbered = [f"  {number}. {line}" for number, line in enumerate(lines, 1)]
    told = "\n".join(["after:" if lines else "at the beginning:", *numbered, *why.splitlines()])
    raise Fault(what, told, plan) from cause
