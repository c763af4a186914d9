"""Looks for the first thing that an engine does otherwise than it has to; for `holes.py`, which plants them.

Imports the engine that is in place when it is imported itself, so that a planted one is the one that is looked at.
"""

import copy
from collections.abc import Callable, Iterator
from functools import partial

from attacks import Attack, Step, attacks_of
from corpus import CLASSES
from generator import Maker
from grammar_of import holes as grammar_holes
from laws import Broken, check_program, check_source
from observe import Program, decider
from signatures import discover
from steps import run_step

from chain.runtime import LocalFault
from contracts.engine import binding, code_check
from contracts.engine.compiler import compile_contract
from contracts.engine.errors import Rejected
from contracts.engine.gas import CURRENT
from contracts.engine.run import Run
from contracts.engine.testkit import Harness

SEARCH_GAS_LEAST = 200_000
"""For the dearest search of the corpus: it looks at fifty million characters and more."""


def first_deviation(generated: int, near: str) -> str | None:
    """Return what shows first that a rule is missing, looking at one place before the others."""
    detectors: dict[str, Callable[[], Iterator[str]]] = {"walls": _walls, "grammar": _grammar}
    for kind in CLASSES:
        detectors[kind] = partial(hostile, kind)
    detectors["generated"] = partial(_generated, generated)
    for name in sorted(detectors, key=lambda name: name != near):
        for deviation in detectors[name]():
            return deviation
    return None


def hostile(kind: str) -> Iterator[str]:
    """Yield what programs of one class show that they should not."""
    for attack in attacks_of(kind, CLASSES[kind]):
        what = _deviation(attack)
        if what is not None:
            yield f"hostile program '{attack.name}' ({attack.kind}): {what}"


def _deviation(attack: Attack) -> str | None:
    try:
        for source in attack.scenario.contracts.values():
            refusal = check_source(source)
            rule = None if refusal is None else refusal.rule
            if rule != attack.rule:
                return f"refused by {rule}, not {attack.rule}"
        ledger = Harness()
        if attack.rule is None:
            for name, source in attack.scenario.contracts.items():
                if ledger.deploy(name, source).code is not None:
                    return "not deployed"
            for step in attack.scenario.steps:
                what = _step(ledger, step)
                if what is not None:
                    return what
    except Broken as broken:
        return f"law: {str(broken)[:90]}"
    except (LocalFault, Rejected, ArithmeticError, LookupError, TypeError, ValueError) as error:
        return f"raised {type(error).__name__}"
    return None


def _step(ledger: Harness, step: Step) -> str | None:
    given = copy.deepcopy(step.args)
    outcome = run_step(ledger, step)
    if outcome.code != step.code:
        return f"ended with {outcome.code}, not {step.code}"
    if outcome.code is None and ascii(outcome.value) != ascii(step.value):
        return "returned something else"
    if outcome.code == "contract_error" and decider(ledger.failure):
        return "an error of Python's decided"
    announced = [(event.contract, event.name, dict(event.fields)) for event in outcome.events]
    if step.events is not None and announced != [(event.contract, event.name, event.fields) for event in step.events]:
        return "announced something else"
    return None if ascii(given) == ascii(step.args) else "changed its caller's arguments"


def _walls() -> Iterator[str]:
    """Look at what stands behind the first wall and is never reached while that stands."""
    bound = binding.bind(compile_contract("@call\ndef f() -> None:\n    pass\n"), Run(CURRENT), lambda: None)
    if bound.methods["f"].code.__globals__.get("__builtins__") != {}:
        yield "wall: contract code has Python's built-ins"
    try:
        code_check.check_code(compile("open", "<contract>", "exec"), (), ())
    except LocalFault:
        pass
    else:
        yield "wall: code with a foreign name passes the check of code"
    ledger = Harness()
    body = '    x = "a" * 32000\n    y = "a" * 15000 + "b" + "a" * 14999\n    z = y in x\n'
    ledger.deploy("c", f"@call\ndef f() -> None:\n{body}")
    if ledger.call("acme.alice", "c", "f").gas_used < SEARCH_GAS_LEAST:
        yield "wall: the dearest search is cheap"


def _grammar() -> Iterator[str]:
    for hole in grammar_holes():
        yield f"planted nodes: {hole}"


def _generated(count: int) -> Iterator[str]:
    signatures = discover()
    for seed in range(count):
        program: Program = Maker(seed, signatures).program()
        try:
            check_program(program)
        except Broken as broken:
            yield f"generated program {seed}: {str(broken)[:90]}"
        except (LocalFault, ArithmeticError, LookupError, TypeError, ValueError) as error:
            yield f"generated program {seed} raised {type(error).__name__}"
