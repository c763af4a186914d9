"""Carries out one call against the state of a test's ledger: undone if it fails, measured, and told of if it failed."""

from collections.abc import Callable
from dataclasses import replace

from chain.abi import AbiError, arguments_in_order, check_value, method_of
from chain.runtime import SYSTEM, CallOutcome, StateAccess
from contracts.engine.abi import abi_of
from contracts.engine.compiler import find_problems
from contracts.engine.errors import CONTRACT_REJECTED, INVALID_ARGUMENTS
from contracts.engine.problem_text import problems_text
from contracts.engine.runtime import Engine
from contracts.engine.testkit import MemoryState
from tallystick.testing.deployed import Deployed
from tallystick.testing.failures import CallFailed, failure_text
from tallystick.testing.handles import Request
from tallystick.testing.session import Session
from tallystick.testing.sources import Source
from tallystick.testing.stored import entry_text
from tallystick.testing.watching import WatchedState

Action = Callable[[Engine, StateAccess, int], CallOutcome]
"""One call of the engine, with the state and the gas limit."""


class Runner:
    """Owns the way from a ledger to the engine."""

    def __init__(self, memory: MemoryState, session: Session) -> None:
        self._memory = memory
        self._session = session
        self._state = WatchedState(memory)

    def run(self, contract: str, method: str, gas_limit: int, action: Action) -> CallOutcome:
        """Carry out a call under a name; after a failure the state is what it was."""
        meter = self._session.meter
        before = self._memory.snapshot()
        self._state.reads.clear()
        if meter is not None:
            meter.begin(gas_limit)
        outcome = action(self._session.engine, self._state, gas_limit)
        if meter is not None:
            meter.end(contract, method, gas_limit, outcome)
        if outcome.code is not None:
            self._memory.restore(before)
        return outcome

    def failure(
        self, call: str, outcome: CallOutcome, deployed: Deployed, request: Request | None = None
    ) -> CallFailed:
        """Return the error of the last call, which failed."""
        explanation = self._session.explanation
        if request is not None and outcome.code == INVALID_ARGUMENTS:
            explanation = replace(explanation, reason=_wrong_argument(request, deployed) or explanation.reason)
        reads = [
            entry_text(deployed.module(contract), key, value)
            for contract, key, value in self._state.reads
            if contract != SYSTEM and explanation.frames and deployed.record(contract) is not None
        ]
        text = failure_text(call, explanation, self._session.sources, reads)
        return CallFailed(call, explanation, outcome.gas_used, text)

    def refusal(self, call: str, outcome: CallOutcome, source: Source, deployed: Deployed) -> CallFailed:
        """Return the error of a deployment that failed, with all problems of the source if it was refused for them."""
        if outcome.code != CONTRACT_REJECTED:
            return self.failure(call, outcome, deployed)
        problems = problems_text(source.label, source.text, find_problems(source.text))
        return CallFailed(
            call, self._session.explanation, outcome.gas_used, f"{call} failed: {outcome.code}\n\n{problems}"
        )


def _wrong_argument(request: Request, deployed: Deployed) -> str:
    """Return which argument of a call is wrong and why; the engine says only what was expected."""
    abi = abi_of(deployed.module(request.contract))
    try:
        entry = method_of(abi, request.contract, request.method, request.kind)
        for param, value in arguments_in_order(entry, request.args, {}):
            check_value(abi, param["type"], value, param["name"])
    except AbiError as error:
        return str(error)
    return ""
