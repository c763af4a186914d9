"""Simulated peers pay for the signature checks that they cause, as the product's do, and floods are not read."""

from dataclasses import replace

from chain.certificate import Certificate, Phase, Subject
from chain.crypto import tagged_hash
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from consensus.gate import Gate, burst_of, share_of
from consensus.pbft.messages import NewView, ViewChange, Vote
from consensus.simulation.contract import genesis_of
from consensus.simulation.doorman import BUDGET, Doorman, checks_of
from consensus.simulation.liars.liar import FLOOD_MESSAGES
from consensus.simulation.liars.lies import Lie
from consensus.simulation.plan import DrawnPlan
from consensus.simulation.run import Run
from consensus.simulation.settings import Settings
from consensus.simulation.signatures import StandInSignatures

CHAIN = tagged_hash("test-chain")
BLANK = Signature(bytes(64))
ADA, BOB, CYD = ValidatorId("ada"), ValidatorId("bob"), ValidatorId("cyd")
SUBJECT = Subject(CHAIN, Epoch(0), Height(4), View(0), tagged_hash("block"), Digest(bytes(32)))
LAST = Certificate(Phase.COMMIT, SUBJECT, ((ADA, BLANK), (BOB, BLANK), (CYD, BLANK)))
PREPARED = replace(LAST, phase=Phase.PREPARE)


def change(signer: ValidatorId, prepared: Certificate | None = None) -> ViewChange:
    return ViewChange(CHAIN, Epoch(0), Height(5), View(1), LAST, prepared, signer, BLANK)


def test_what_a_message_costs_is_its_signatures_each_certificate_once() -> None:
    assert checks_of(Vote(Phase.COMMIT, SUBJECT, ADA, BLANK)) == 1
    assert checks_of(change(ADA)) == 1 + 3
    assert checks_of(change(ADA, PREPARED)) == 1 + 3 + 3
    changes = (change(ADA), change(BOB, PREPARED), change(CYD))
    assert checks_of(NewView(CHAIN, Epoch(0), Height(5), View(1), changes, BOB, BLANK)) == 1 + 3 + 3 + 3


def test_a_flood_overdraws_its_account_and_nobody_elses() -> None:
    for nodes in (4, 7):
        validators = genesis_of(nodes).validators
        doorman = Doorman(StandInSignatures(()))
        read = 0
        for number in range(FLOOD_MESSAGES):
            payload = number.to_bytes(200, "big")
            if doorman.admits(ADA, payload, validators, 0):
                doorman.charge(ADA, payload, change(ADA))
                read += 1
        assert 0 < read < FLOOD_MESSAGES
        assert doorman.is_overdrawn(ADA, validators) and not doorman.is_overdrawn(BOB, validators)
        assert doorman.admits(BOB, b"", validators, 0)
        assert doorman.admits(ADA, b"later", validators, 1_000_000), "it recovers"


def test_a_gate_with_a_budget_of_its_own_shares_that_one_out() -> None:
    validators = genesis_of(4).validators
    gate = Gate(lambda key, tag, payload, signature: True, BUDGET)
    assert share_of(validators, BUDGET) * 3 == BUDGET and burst_of(validators, BUDGET) == BUDGET / 3
    assert gate.admits(ADA, b"once", validators, 0.0)
    gate.charge(ADA, 0, BUDGET // 3 + 30)
    assert 0.05 < gate.wait_seconds(ADA, validators) < 0.2


def test_a_flooding_validator_is_dropped_in_a_run_and_the_others_go_on() -> None:
    settings = Settings(3, 4, 400, frozenset())
    plan = DrawnPlan(settings, [ADA, BOB, CYD, ValidatorId("dan")])
    plan.lies = {ADA: (Lie.FLOOD,)}
    outcome = Run(settings, plan, is_traced=False).carry_out()
    assert outcome.failure is None and outcome.faults["flood"] == 1
    assert outcome.faults["over the share"] > 0 and outcome.recovery_seconds is not None
