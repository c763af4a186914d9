"""Takes the steps of a hostile program, and says what each one costs."""

import gc
import time
from collections.abc import Iterator
from typing import Any, Final

from attacks import Attack, Step

from chain.runtime import CallOutcome
from contracts.engine.testkit import Harness
from contracts.executor.memory import GC_THRESHOLDS

GAS_MIN: Final = 100_000
"""Of calls that count: what is done once a call would hide the rest."""


def run_step(ledger: Harness, step: Step) -> CallOutcome:
    """Call or view as the step says."""
    options: dict[str, Any] = {"roles": step.roles, "gas_limit": step.gas}
    if step.view:
        return ledger.view(step.contract, step.method, *step.args, sender=step.sender, **options)
    return ledger.call(step.sender, step.contract, step.method, *step.args, **options)


def costs(attacks: list[Attack]) -> list[tuple[float, str]]:
    """Return nanoseconds of processor time a unit of gas and the name of each deployed program, the dearest first."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        return sorted((cost for attack in attacks if attack.rule is None for cost in _costs(attack)), reverse=True)
    finally:
        gc.set_threshold(*thresholds)


def _costs(attack: Attack) -> Iterator[tuple[float, str]]:
    ledger = Harness()
    for name, source in attack.scenario.contracts.items():
        ledger.deploy(name, source)
    for step in attack.scenario.steps:
        gc.collect()
        started = time.process_time_ns()
        outcome = run_step(ledger, step)
        spent = time.process_time_ns() - started
        if outcome.gas_used >= GAS_MIN:
            yield spent / outcome.gas_used, f"{attack.kind}, {attack.group}: {attack.name}"
