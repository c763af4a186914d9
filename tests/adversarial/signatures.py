"""Learns from the engine's own tables and guards which built-ins and methods there are and what they take and give.

Each guard is called with samples of all types; what it accepts is its signature. So a built-in that is added to the
engine's tables is in the generated programs without a line here.
"""

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from contracts.engine.builtins import BUILTIN_CALLS
from contracts.engine.errors import Failed
from contracts.engine.gas import CURRENT
from contracts.engine.guards import value_guards
from contracts.engine.methods import METHOD_CALLS
from contracts.engine.run import Run

SAMPLES: dict[str, tuple[Any, ...]] = {
    "int": (2, 0, -7),
    "str": ("ab", "12", "0aff", "", "2026-03-01T12:30:00Z"),
    "bytes": (b"ab", b"\x01" * 32, b""),
    "bool": (True,),
    "list[int]": ([3, 1, 2],),
    "list[str]": (["b", "a"],),
    "list[bool]": ([True, False],),
    "dict[str, int]": ({"ab": 1, "12": 2},),
}
"""Type -> values to try."""
ARGUMENTS_MAX = 3


@dataclass(frozen=True, slots=True)
class Signature:
    """A way to call something that the engine accepts."""

    name: str
    receiver: str | None
    """Type of the value whose method it is; None for a built-in function."""
    arguments: tuple[str, ...]
    result: str | None
    """None if it gives None or something that has no name among the samples."""
    safe: bool
    """It accepted all samples of these types."""
    rounds: bool = False
    """A way of rounding follows behind the arguments."""


def type_of(value: Any) -> str | None:
    """Return the name of a value's type, if it is among the samples; empty lists and maps have none."""
    if type(value) is list and value:
        inner = {type_of(item) for item in value}
        name = f"list[{inner.pop()}]" if len(inner) == 1 else None
    elif type(value) is dict and value:
        name = "dict[str, int]" if all(type(item) is int for item in value.values()) else None
    else:
        name = type(value).__name__
    return name if name in SAMPLES else None


def discover() -> list[Signature]:
    """Return every signature of every built-in function and method."""
    run = Run(CURRENT)
    guards = value_guards(run)
    found: dict[Signature, None] = {}
    for name, builtin in BUILTIN_CALLS.items():
        guard = guards[builtin.guard]
        fewest, most = builtin.fewest - builtin.rounds, builtin.most - builtin.rounds
        if builtin.rounds:
            guard = _rounded(guard)
        for signature in _probe(run, guard, name, None, fewest, most):
            found[replace(signature, rounds=builtin.rounds)] = None
    for name, (fewest, most) in METHOD_CALLS.items():
        for receiver in SAMPLES:
            for signature in _probe(run, guards[f"do_{name}"], name, receiver, fewest, most):
                found[signature] = None
    return list(found)


def _rounded(guard: Any) -> Any:
    return lambda *values: guard(*values, "floor")


def _probe(run: Run, guard: Any, name: str, receiver: str | None, fewest: int, most: int) -> Iterator[Signature]:
    own = () if receiver is None else (receiver,)
    for count in range(fewest, max(fewest, min(most, ARGUMENTS_MAX)) + 1):
        for types in itertools.product(SAMPLES, repeat=count):
            results, failed = _results(run, guard, (*own, *types))
            for result in sorted(results - {None}, key=str) or results:
                yield Signature(name, receiver, types, result, not failed)


def _results(run: Run, guard: Any, types: tuple[str, ...]) -> tuple[set[str | None], int]:
    """Return the types of results for samples of types, and how many samples were refused."""
    found: set[str | None] = set()
    failed = 0
    # All samples of a few arguments, two of many.
    samples = [SAMPLES[name] if len(types) < ARGUMENTS_MAX else SAMPLES[name][:2] for name in types]
    for values in itertools.product(*samples):
        run.gas = 10**9
        try:
            found.add(type_of(guard(*copy.deepcopy(values))))
        except Failed:
            failed += 1
    return found, failed
