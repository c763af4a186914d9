"""Every hostile program is refused by the expected rule or ends as it has to, leaving no trace where it fails."""

import copy
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from attacks import GAS, NAME, Attack, Event, Step
from corpus import CLASSES, all_attacks
from observe import decider
from steps import run_step

from contracts.engine.compiler import compile_contract
from contracts.engine.errors import Rejected
from contracts.engine.rulebook import RULES
from contracts.engine.testkit import Harness

ATTACKS = all_attacks()
REFUSED = [attack for attack in ATTACKS if attack.rule is not None]
DEPLOYED = [attack for attack in ATTACKS if attack.rule is None]
CATALOGUE = Path(__file__).parents[1] / "adversarial" / "catalogue.py"


def _ids(attacks: list[Attack]) -> list[str]:
    return [f"{attack.kind}: {attack.name}" for attack in attacks]


@pytest.mark.parametrize("attack", REFUSED, ids=_ids(REFUSED))
def test_it_is_refused(attack: Attack) -> None:
    with pytest.raises(Rejected) as caught:
        compile_contract(attack.source)
    assert caught.value.rule == attack.rule, str(caught.value)
    assert caught.value.line >= 1 and caught.value.column >= 1
    assert caught.value.hint and caught.value.rule in RULES


def test_a_refused_contract_is_not_recorded() -> None:
    ledger = Harness()
    for attack in REFUSED[::20]:
        assert ledger.deploy(NAME, attack.source).code == "contract_rejected"
    assert ledger.state.items("system") == []
    assert ledger.deploy(NAME, DEPLOYED[0].source).code is None


@pytest.mark.parametrize("attack", DEPLOYED, ids=_ids(DEPLOYED))
def test_it_ends_as_it_has_to(attack: Attack) -> None:
    ledger = Harness()
    for name, source in attack.scenario.contracts.items():
        assert ledger.deploy(name, source).code is None, ledger.failure
    for step in attack.scenario.steps:
        _take(ledger, step, list(attack.scenario.contracts))


def _take(ledger: Harness, step: Step, contracts: list[str]) -> None:
    before = [ledger.state.items(name) for name in contracts]
    given = copy.deepcopy(step.args)
    outcome = run_step(ledger, step)
    assert outcome.code == step.code, ledger.failure
    assert step.args == given, "the caller's arguments have changed"
    if outcome.code is None:
        assert ascii(outcome.value) == ascii(step.value)
    else:
        assert [ledger.state.items(name) for name in contracts] == before
        assert outcome.events == () and outcome.value is None
        assert decider(ledger.failure) == "", "an error of Python's decided"
    if step.events is not None:
        assert tuple(Event(event.contract, event.name, event.fields) for event in outcome.events) == step.events
    assert 0 < outcome.gas_used <= step.gas
    assert (step.code == "out_of_gas") == (outcome.gas_used == step.gas)


def test_the_corpus_is_large_and_covers_all_classes() -> None:
    counts = Counter(attack.kind for attack in ATTACKS)
    assert counts.keys() == CLASSES.keys()
    assert min(counts.values()) >= 60 and len(ATTACKS) >= 850
    names = Counter((attack.kind, attack.name) for attack in ATTACKS)
    assert max(names.values()) == 1, "two programs have one name"
    assert len({tuple(attack.scenario.contracts.values()) for attack in ATTACKS}) > 850


def test_the_catalogue_counts_and_shows_them() -> None:
    def catalogue(*options: str) -> str:
        command = [sys.executable, str(CATALOGUE), *options]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    counts = Counter(attack.kind for attack in ATTACKS)
    summary = catalogue()
    assert all(f"{kind}: {count} programs\n" in summary for kind, count in counts.items())
    assert f"{len(ATTACKS)} programs: {len(REFUSED)} have to be refused" in summary
    shown = catalogue("--show", "coming back through two")
    assert "fails: reentrant_call" in shown and 'invoke("c", "attack")' in shown


def test_gas_is_bounded_for_all() -> None:
    assert all(step.gas <= GAS for attack in DEPLOYED for step in attack.scenario.steps)
