"""What holds for every program on every Python by itself: laws that need no second Python to compare with."""

import ast
import copy
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from integer_probe import compile_probed
from observe import Program, RecordingState, decider, literal, shown
from output_checker import Suspicious, check_output

from chain.runtime import CallOutcome
from contracts.engine.compiler import Draft, Instruments, compile_contract
from contracts.engine.errors import Rejected
from contracts.engine.rulebook import RULES
from contracts.engine.runtime import Engine
from contracts.engine.testkit import Harness

FILE_NAME = "<contract>"
NODES_PER_TOKEN_MAX = 16
NODES_FREE = 200
NANOSECONDS_PER_UNIT_MAX = 5_000
NANOSECONDS_FREE = 300_000_000
RUN_CODES = frozenset(
    {"out_of_gas", "contract_error", "invalid_arguments", "unknown_contract", "unknown_method", "reentrant_call"}
    | {"write_in_view", "call_depth"}
)


class Broken(Exception):
    """A law does not hold."""


def check_source(source: str) -> Rejected | None:
    """Any text either compiles to code that the description of the output allows, or is refused at a place by a rule.

    Returns:
        The refusal, or None for a contract.

    Raises:
        Broken: when neither is so.
    """
    nodes = 0

    def inspect(draft: Draft) -> dict[str, Any]:
        nonlocal nodes
        nodes = check_output(draft.tree)
        return {}

    try:
        compiled = compile_contract(source, instruments=Instruments(FILE_NAME, inspect))
    except Rejected as rejected:
        _check_refusal(source, rejected)
        return rejected
    except Suspicious as suspicious:
        raise Broken(f"the compiler's output: {suspicious}") from suspicious
    except Exception as error:
        raise Broken(f"compiling raised {error!r}") from error
    if nodes > NODES_FREE + NODES_PER_TOKEN_MAX * compiled.tokens:
        raise Broken(f"{compiled.tokens} tokens were paid for {nodes} nodes")
    _check_silence(source)
    return None


def _check_refusal(source: str, rejected: Rejected) -> None:
    lines = source.split("\n")
    if rejected.rule not in RULES:
        raise Broken(f"the rule {rejected.rule} is not listed")
    if not rejected.hint or not 1 <= rejected.line <= len(lines) + 1:
        raise Broken(f"a refusal without a hint, or outside of the source: {rejected}")
    width = len(lines[rejected.line - 1]) if rejected.line <= len(lines) else 0
    if not 1 <= rejected.column <= width + 2:
        raise Broken(f"a refusal outside of its line: {rejected}")
    if rejected.rule == "syntax" and rejected.hint == "this is no contract":
        raise Broken("Python's parser refused what the grammar accepts")


def _check_silence(source: str) -> None:
    """Check that Python parses a contract without a warning: one becomes an error in some later version."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            ast.parse(source)
        except (SyntaxError, Warning) as error:
            raise Broken(f"Python warns of what is accepted: {error}") from error


@dataclass
class Bench:
    """A ledger on which the calls of a program are tried under several limits."""

    ledger: Harness
    state: RecordingState

    def call(self, call: list[Any], gas_limit: int) -> tuple[CallOutcome, list[str]]:
        contract, method, arguments, _, is_view, sender, roles = call
        values = [literal(text) for text in arguments]
        before = copy.deepcopy(values)
        if is_view:
            outcome = self.ledger.view(contract, method, *values, sender=sender, roles=roles, gas_limit=gas_limit)
        else:
            self.ledger.height -= 1
            outcome = self.ledger.call(sender, contract, method, *values, roles=roles, gas_limit=gas_limit)
        if ascii(values) != ascii(before):
            raise Broken(f"{method} changed its caller's arguments")
        return outcome, self.state.taken()


def check_program(program: Program) -> None:
    """Gas is exact, a failure leaves nothing, the time is bounded by the gas, and doing it again is doing the same.

    What is compared without a guard is an integer each time.

    Raises:
        Broken: when a law does not hold.
    """
    for source in program.contracts.values():
        check_source(source)
    ledger = Harness(Engine(compiler=compile_probed))
    state = ledger.state = RecordingState()
    bench = Bench(ledger, state)
    for name, source in program.contracts.items():
        ledger.deploy(name, source, gas_limit=program.deploy_gas)
    state.taken()
    for call in program.calls:
        for law in _broken(bench, call, list(program.contracts)):
            raise Broken(law)


def _broken(bench: Bench, call: list[Any], contracts: list[str]) -> Iterator[str]:
    gas_limit: int = call[3]
    state = bench.state
    before = [state.items(name) for name in contracts]
    start = state.snapshot()
    started = time.process_time_ns()
    outcome, writes = bench.call(call, gas_limit)
    spent = time.process_time_ns() - started
    after = [state.items(name) for name in contracts]
    if spent > NANOSECONDS_FREE + outcome.gas_used * NANOSECONDS_PER_UNIT_MAX:
        yield f"{spent} ns for {outcome.gas_used} units"
    if outcome.code is not None:
        if outcome.events or outcome.value is not None or before != after:
            yield f"a failure with {outcome.code} leaves something"
        if outcome.code not in RUN_CODES and not outcome.code.startswith(("code_", "refused_by_")):
            yield f"an unknown code {outcome.code}"
        if outcome.code == "contract_error" and decider(bench.ledger.failure):
            yield f"Python decided: {bench.ledger.failure}"
    if (outcome.code == "out_of_gas") != (outcome.gas_used == gas_limit) and outcome.code is not None:
        yield f"{outcome.code} after {outcome.gas_used} of {gas_limit} units"
    if call[4] and writes:
        yield "a view wrote"
    if outcome.code == "out_of_gas":
        return
    for limit, expected in ((outcome.gas_used, None), (outcome.gas_used - 1, "out_of_gas"), (gas_limit, None)):
        state.restore(start)
        again, written = bench.call(call, limit)
        alike = (again.code, again.gas_used, shown(again.value), shown(again.events), written)
        if expected is None and alike != (
            outcome.code,
            outcome.gas_used,
            shown(outcome.value),
            shown(outcome.events),
            writes,
        ):
            yield f"with {limit} units: {again.code}, {again.gas_used}; before: {outcome.code}, {outcome.gas_used}"
        if expected is not None and limit >= 0 and again.code != expected:
            yield f"one unit less ends with {again.code}, not {expected}"
