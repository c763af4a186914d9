"""What a hostile program is: its source, what it tries, and what has to happen. The programs are in `attacks_*.py`.

Four classes: escape to the host, denial of service, nondeterminism, leakage. `catalogue.py` counts and shows them;
tests/unit/test_engine_hostile.py runs them; test_engine_versions.py runs them on every Python.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Event:
    """An announcement that a step has to make."""

    contract: str
    name: str
    fields: Mapping[str, Any]


NAME: Final = "attack"
"""Name of the contract that is deployed first, and of its method that is called."""
GAS: Final = 2_000_000
ENDLESS_GAS: Final = 400_000
"""For what does not end otherwise."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a scenario, and how it has to end."""

    method: str = NAME
    args: tuple[Any, ...] = ()
    code: str | None = None
    value: Any = None
    contract: str = NAME
    sender: str = "acme.alice"
    roles: tuple[str, ...] = ()
    gas: int = GAS
    view: bool = False
    events: tuple[Event, ...] | None = None
    """What it has to announce; None if that does not matter."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Contracts that are deployed in this order, and calls in this order, all on one engine."""

    contracts: Mapping[str, str]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Programs that try the same, in four forms by what has to happen."""

    aim: str
    """What they try."""
    refused: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Name -> source, and the rule that refuses it."""
    stopped: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Name -> source, and the code with which `attack` ends, leaving nothing ("ok" where it ends well)."""
    results: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    """Name -> source, and what `attack` returns, on every Python."""
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)
    """Name -> contracts and calls."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One program of the corpus."""

    kind: str
    """escape, denial, nondeterminism or leakage."""
    group: str
    aim: str
    name: str
    rule: str | None
    """The rule that refuses it; None if it is deployed."""
    scenario: Scenario

    @property
    def source(self) -> str:
        return next(iter(self.scenario.contracts.values()))

    @property
    def must(self) -> str:
        """What has to happen, in words."""
        if self.rule is not None:
            return f"refused: {self.rule}"
        last = self.scenario.steps[-1]
        steps = len(self.scenario.steps)
        ending = f"fails: {last.code}" if last.code is not None else f"returns {last.value!a}"
        return ending if steps == 1 else f"{steps} calls, the last one {ending}"


def attacks_of(kind: str, groups: Mapping[str, Group]) -> list[Attack]:
    """Return the programs of a class, one after the other."""
    found: list[Attack] = []
    for title, group in groups.items():
        for name, (source, rule) in group.refused.items():
            found.append(Attack(kind, title, group.aim, name, rule, Scenario({NAME: source}, ())))
        for name, (source, code) in group.stopped.items():
            step = Step(code=None if code == "ok" else code, gas=ENDLESS_GAS if code == "out_of_gas" else GAS)
            found.append(Attack(kind, title, group.aim, name, None, Scenario({NAME: source}, (step,))))
        for name, (source, value) in group.results.items():
            found.append(Attack(kind, title, group.aim, name, None, Scenario({NAME: source}, (Step(value=value),))))
        for name, scenario in group.scenarios.items():
            found.append(Attack(kind, title, group.aim, name, None, scenario))
    return found


def method(body: str, *, result: str = "None", before: str = "") -> str:
    """Return a contract whose method `attack` has this body."""
    lines = "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))
    return f"{before}\n@call\ndef attack() -> {result}:\n{lines}\n"


def value(expression: str, **options: str) -> str:
    """Return a contract whose method `attack` computes an expression."""
    return method(f"x = {expression}", **options)


def returned(expression: str, kind: str, before: str = "") -> str:
    """Return a contract whose method `attack` returns an expression of a type."""
    return method(f"return {expression}", result=kind, before=before)
