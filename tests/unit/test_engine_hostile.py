"""Every hostile program is refused by the expected rule or stops with the expected code, leaving no trace."""

import time

import pytest
from engine_hostile import REFUSED, STOPPED

from contracts.engine.compiler import compile_contract
from contracts.engine.errors import Rejected
from contracts.engine.limits import LANGUAGE_VERSION
from contracts.engine.storage import PYTHON_ERRORS
from contracts.engine.testkit import Harness

GAS = 2_000_000
NANOSECONDS_PER_UNIT_MAX = 1_000
"""Generous for busy machines; the price benchmark holds the real figure against 50."""


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name: str) -> None:
    source, rule = REFUSED[name]
    with pytest.raises(Rejected) as caught:
        compile_contract(source)
    assert caught.value.rule == rule, str(caught.value)
    assert caught.value.line >= 1 and caught.value.column >= 1
    assert caught.value.hint


def test_a_refused_contract_is_not_recorded() -> None:
    ledger = Harness()
    for source, _ in list(REFUSED.values())[:20]:
        assert ledger.deploy("attack", source).code == "contract_rejected"
    assert ledger.state.items("system") == []
    assert LANGUAGE_VERSION == 1


@pytest.mark.parametrize("name", STOPPED)
def test_it_stops_within_its_gas(name: str) -> None:
    source, code = STOPPED[name]
    ledger = Harness()
    deployed = ledger.deploy("attack", source)
    assert deployed.code is None, ledger.failure
    before = ledger.state.items("attack")
    started = time.process_time_ns()
    outcome = ledger.call("acme.alice", "attack", "attack", gas_limit=GAS)
    spent = time.process_time_ns() - started
    assert (outcome.code or "ok") == code, ledger.failure
    assert ledger.state.items("attack") == before
    assert outcome.events == () and (outcome.value is None or code == "ok")
    assert not any(f": {error.__name__}: " in ledger.failure for error in PYTHON_ERRORS if error is not ValueError)
    assert outcome.gas_used <= GAS
    assert (code == "out_of_gas") == (outcome.gas_used == GAS)
    assert spent < 50_000_000 + outcome.gas_used * NANOSECONDS_PER_UNIT_MAX


def test_the_corpus_is_large_enough() -> None:
    assert len(REFUSED) + len(STOPPED) >= 150
