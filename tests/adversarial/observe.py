"""Runs a program and writes down everything that a ledger would see of it, in a form that every Python writes alike.

The module imports the engine and nothing of pytest, because it runs under Pythons that have no packages.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from contracts.engine.runtime import Engine
from contracts.engine.storage import PYTHON_ERRORS
from contracts.engine.testkit import Harness, MemoryState

WRITES_SHOWN = 40
TEXT_SHOWN = 4_000

Observation = list[Any]
"""Nested lists of text and numbers, as JSON writes them."""


@dataclass
class Program:
    """Contracts to deploy and calls to make, as data that goes through JSON."""

    contracts: dict[str, str]
    calls: list[list[Any]] = field(default_factory=list)
    """[contract, method, arguments, gas limit, is it a view, sender, roles]; arguments as `literal` reads them."""
    deploy_gas: int = 20_000_000


class RecordingState(MemoryState):
    """A state that remembers every write in its order, whatever becomes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def put(self, contract: str, key: bytes, value: bytes | None) -> None:
        """Set a value, or delete it with None, and remember it."""
        self.writes.append(f"{contract} {key.hex()} {'-' if value is None else value.hex()}")
        super().put(contract, key, value)

    def taken(self) -> list[str]:
        """Return the writes since the last time; many are shown as their hash."""
        writes, self.writes = self.writes, []
        text = "\n".join(writes)
        if len(writes) <= WRITES_SHOWN and len(text) <= TEXT_SHOWN:
            return writes
        return [f"{len(writes)} writes {hashlib.sha256(text.encode()).hexdigest()}"]


def observe(program: Program, engine: Engine | None = None) -> Observation:
    """Deploy and call, and return what came of each. An engine that has served other programs must not matter."""
    ledger = Harness(engine)
    state = ledger.state = RecordingState()
    seen: Observation = []
    for name, source in program.contracts.items():
        deployed = ledger.deploy(name, source, gas_limit=program.deploy_gas)
        # The reason of a refusal has to be the same as well, down to its place: people and tools read it.
        reason = ledger.failure if deployed.code == "contract_rejected" else ""
        seen.append(["deploy", deployed.code, deployed.gas_used, reason, state.taken()])
    for contract, method, arguments, gas_limit, is_view, sender, roles in program.calls:
        values = [literal(text) for text in arguments]
        if is_view:
            outcome = ledger.view(contract, method, *values, sender=sender, roles=roles, gas_limit=gas_limit)
        else:
            outcome = ledger.call(sender, contract, method, *values, roles=roles, gas_limit=gas_limit)
        events = shown([[event.contract, event.name, event.fields] for event in outcome.events])
        writes = state.taken()
        seen.append(["call", outcome.code, outcome.gas_used, shown(outcome.value), events, writes])
        if outcome.code == "contract_error":
            seen[-1].append(decider(ledger.failure))
    return seen


def shown(value: Any) -> str:
    """Return a value as text: types, order and all, in ASCII, the same on every Python."""
    text = ascii(value)
    if len(text) <= TEXT_SHOWN:
        return text
    return f"{text[:100]}... {len(text)} {hashlib.sha256(text.encode()).hexdigest()}"


def literal(text: str) -> Any:
    """Return the value of an argument, which our own side wrote as Python writes values."""
    return eval(text, {"__builtins__": {}})


def decider(reason: str) -> str:
    """Return the kind of Python's error that decided a failure, if one did; the guards should leave it nothing."""
    kinds = [kind for error in PYTHON_ERRORS for kind in (error, *error.__subclasses__())]
    return next((kind.__name__ for kind in kinds if reason.startswith(f"contract_error: {kind.__name__}: ")), "")
