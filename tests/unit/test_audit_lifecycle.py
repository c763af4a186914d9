"""The audit re-executes decisions: deployments, new versions with migrations, freezes, failures; and finds forged ones.

In each forgery all validators ran altered rules for one block and signed what came of it, so that every signature,
root and receipt belongs together. Only running the block again by the true rules tells.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from audit_support import audit, mismatch_of
from governed_chain import COUNTER_SOURCE, ELECTORATE, Consortium, governed_genesis

from audit.mismatch import Level
from audit.verdict import Outcome
from chain.genesis import Genesis
from chain.identity import decode_contract
from chain.runtime import SYSTEM, CallContext, CallOutcome, ContractRuntime, StateAccess
from chain.state_keys import contract_key
from contracts.engine.runtime import Engine

SECOND = (
    COUNTER_SOURCE.replace("count.value += step", "count.value += 2 * step")
    + """

@migrate
def lift(floor: int) -> None:
    require(floor < 1_000, "floor_too_high")
    count.value = max(count.value, floor)
"""
)
BACKDOOR = SECOND.replace("count.value = max(count.value, floor)", "count.value = max(count.value, floor) + 0 * floor")
ADD = ("counter", "add", (1,))


class AlteredRules:
    """Stands in front of the engine; the functions it is given take the place of the true ones."""

    def __init__(self, **changed: Callable[..., CallOutcome]) -> None:
        self.engine = Engine()
        self._changed = changed

    def __getattr__(self, name: str) -> Any:
        return self._changed.get(name, getattr(self.engine, name))


def proposed(ledger: Consortium) -> int:
    """Deploy, use, and bring a new version to one vote before its decision; return the proposal's number."""
    assert ledger.carry("deploy", "other", COUNTER_SOURCE, [1]).code is None
    ledger.decide(ledger.transaction("omega", ADD), ledger.transaction("omega", ("counter", "no_such_method", ())))
    number = ledger.propose("alpha", "upgrade", "counter", 2, SECOND, [50])
    ledger.system("beta", "approve", number)
    return number


def finish(ledger: Consortium) -> None:
    """Go on as if everything were right: use the contract, freeze it, and try a migration that fails."""
    ledger.decide(ledger.transaction("omega", ADD))
    assert ledger.carry("freeze", "counter").code is None
    ledger.decide(ledger.transaction("omega", ADD))
    failing = ledger.propose("alpha", "upgrade", "other", 2, SECOND, [1_000])
    ledger.system("beta", "approve", failing)
    assert ledger.system("gamma", "approve", failing).code == "floor_too_high"
    assert ledger.carry("unfreeze", "counter").code is None
    ledger.decide(ledger.transaction("omega", ADD))


def test_a_history_of_decisions_passes_with_every_outcome_reproduced() -> None:
    ledger = Consortium()
    assert ledger.system("gamma", "approve", proposed(ledger)).values == ("carried_out",)
    finish(ledger)
    verdict = audit(ledger.maker.source, genesis_hash=ledger.maker.genesis.genesis_hash)
    assert verdict.outcome is Outcome.OK
    assert verdict.blocks == ledger.maker.head.height
    assert verdict.state_root == ledger.maker.head.result.state_root.hex()


def with_rules(ledger: Consortium, rules: ContractRuntime, act: Callable[[], Any]) -> int:
    """Run a block by altered rules and go on by the true ones; return its height."""
    inner = cast(Any, ledger.maker.ledger)
    true_rules, inner._runtime = inner._runtime, rules
    act()
    inner._runtime = true_rules
    return int(ledger.maker.head.height)


def install_another_source(engine: Engine) -> Callable[..., CallOutcome]:
    """Carry the decision out with a source of the same behaviour that nobody voted for."""

    def upgrade(
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        return engine.upgrade(state, context, contract, version, BACKDOOR, args, gas_limit)

    return upgrade


def migrate_with_other_arguments(engine: Engine) -> Callable[..., CallOutcome]:
    """Run @migrate with another argument than the one that was proposed."""

    def upgrade(
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        return engine.upgrade(state, context, contract, version, source, [args[0] + 1], gas_limit)

    return upgrade


def skip_the_migration(engine: Engine) -> Callable[..., CallOutcome]:
    """Put the new version into force without running its @migrate."""

    def upgrade(
        state: StateAccess,
        context: CallContext,
        contract: str,
        version: int,
        source: str,
        args: Sequence[Any],
        gas_limit: int,
    ) -> CallOutcome:
        before = state.get(contract, COUNT)
        outcome = engine.upgrade(state, context, contract, version, source, args, gas_limit)
        state.put(contract, COUNT, before)
        return outcome

    return upgrade


COUNT = b"\x02count\x00"


@pytest.mark.parametrize("forgery", [install_another_source, migrate_with_other_arguments, skip_the_migration])
def test_a_version_that_was_not_decided_is_found_where_it_came_into_force(
    forgery: Callable[[Engine], Callable[..., CallOutcome]],
) -> None:
    ledger = Consortium()
    number = proposed(ledger)
    rules = AlteredRules(upgrade=forgery(Engine()))
    height = with_rules(ledger, rules, lambda: ledger.system("gamma", "approve", number))
    ledger.decide(ledger.transaction("omega", ADD))
    found = mismatch_of(ledger.maker.source)
    assert (found.level, found.height) == (Level.EXECUTION, height)


def test_a_call_of_a_frozen_contract_that_went_through_is_found() -> None:
    ledger = Consortium()
    ledger.carry("freeze", "counter")
    engine = Engine()

    def call(state: StateAccess, context: CallContext, contract: str, *rest: Any) -> CallOutcome:
        key = contract_key(contract)
        stored = state.get(SYSTEM, key) or b""
        record = decode_contract(stored)
        state.put(SYSTEM, key, replace(record, frozen=False).encoded())
        outcome = engine.call(state, context, contract, *rest)
        state.put(SYSTEM, key, stored)
        return outcome

    height = with_rules(ledger, AlteredRules(call=call), lambda: ledger.decide(ledger.transaction("omega", ADD)))
    found = mismatch_of(ledger.maker.source)
    assert (found.level, found.height, found.field) == (Level.EXECUTION, height, "receipt.status")
    assert found.contract == "counter"


def test_a_failed_migration_that_was_kept_is_found() -> None:
    ledger = Consortium()
    number = ledger.propose("alpha", "upgrade", "counter", 2, SECOND, [1_000])
    ledger.system("beta", "approve", number)
    engine = Engine()

    def upgrade(*args: Any) -> CallOutcome:
        outcome = engine.upgrade(*args)
        return CallOutcome(None, None, (), outcome.gas_used)

    height = with_rules(ledger, AlteredRules(upgrade=upgrade), lambda: ledger.system("gamma", "approve", number))
    found = mismatch_of(ledger.maker.source)
    assert (found.level, found.height, found.field) == (Level.EXECUTION, height, "receipt.status")
    assert (found.contract, found.expected, found.found) == (SYSTEM, "1", "0")


def lenient(genesis: Genesis) -> Genesis:
    """Return the genesis of somebody who takes fewer votes for enough; its hash is another one."""
    return governed_genesis(approvals_required=1, suspension_approvals_required=1)


def strange_electorate(genesis: Genesis) -> Genesis:
    """Return a genesis in which an outsider votes as well."""
    return governed_genesis(electorate=(*ELECTORATE, "omega"))


@pytest.mark.parametrize(("rules", "voter"), [(lenient, "alpha"), (strange_electorate, "omega")])
def test_a_decision_without_the_votes_for_it_is_found(rules: Callable[[Genesis], Genesis], voter: str) -> None:
    ledger = Consortium()
    number = 0 if voter == "alpha" else ledger.propose("alpha", "freeze", "counter")
    inner = cast(Any, ledger.maker.ledger)
    true_genesis, inner._genesis = inner._genesis, rules(inner._genesis)
    if voter == "alpha":
        forged = ledger.system("alpha", "propose", "freeze", ["counter"], "")
    else:
        forged = ledger.system("omega", "approve", number)
    inner._genesis = true_genesis
    assert "ContractFrozen" in [event.name for event in forged.events]
    found = mismatch_of(ledger.maker.source)
    assert (found.level, found.height) == (Level.EXECUTION, ledger.maker.head.height)
    assert found.contract == SYSTEM


def test_a_forged_receipt_of_a_decision_is_found_by_its_field() -> None:
    """A single lie in what a receipt says, with everything above it made to fit."""
    ledger = Consortium()
    engine = Engine()

    def upgrade(*args: Any) -> CallOutcome:
        outcome = engine.upgrade(*args)
        return CallOutcome(outcome.code, outcome.value, outcome.events, outcome.gas_used - 1)

    number = proposed(ledger)
    with_rules(ledger, AlteredRules(upgrade=upgrade), lambda: ledger.system("gamma", "approve", number))
    found = mismatch_of(ledger.maker.source)
    assert (found.field, found.contract) == ("receipt.gas_used", SYSTEM)
