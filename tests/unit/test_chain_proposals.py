"""Proposals: who may open, vote and withdraw, when they are decided, and that each refusal has its code."""

from typing import Any

import pytest
from governed_chain import COUNTER_SOURCE, EXPIRY, Consortium, governed_genesis

from chain.proposals import decode_open, open_proposals_key
from chain.runtime import SYSTEM
from chain.types import Milliseconds


def names(receipt: Any) -> list[str]:
    return [event.name for event in receipt.events]


def test_a_proposal_is_carried_out_by_the_vote_that_reaches_the_threshold() -> None:
    ledger = Consortium()
    opened = ledger.system("alpha", "propose", "freeze", ["counter"], "it loses count")
    assert (opened.code, opened.values, names(opened)) == (None, (1,), ["ProposalOpened", "ProposalVote"])
    assert opened.events[0].fields == {
        "proposal": 1,
        "action": "freeze",
        "subject": "counter",
        "proposer": "alpha.admin",
        "expires": ledger.maker.head.time + EXPIRY,
    }
    proposal = ledger.proposal(1)
    assert (proposal.status, proposal.decided_height) == ("open", None)
    assert [(vote.organisation, vote.member_id, vote.approves) for vote in proposal.votes] == [
        ("alpha", "alpha.admin", True)
    ]
    assert (ledger.motion(1).args, ledger.motion(1).reason) == (("counter",), "it loses count")
    decided = ledger.system("beta", "approve", 1)
    assert (decided.values, names(decided)) == (("carried_out",), ["ProposalVote", "ProposalClosed", "ContractFrozen"])
    assert ledger.proposal(1).status == "carried_out"
    assert ledger.proposal(1).decided_height == ledger.maker.head.height
    call = ledger.transaction("alpha", ("counter", "add", (1,)))
    assert ledger.decide(call)[0].code == "contract_frozen"
    assert ledger.view("counter", "current") == 5


def test_each_action_has_its_own_threshold() -> None:
    ledger = Consortium()
    for action, args, votes in (
        ("freeze", ("counter",), 2),
        ("unfreeze", ("counter",), 3),
        ("deploy", ("other", COUNTER_SOURCE, [1]), 2),
    ):
        number = ledger.propose("alpha", action, *args)
        for voter in ("beta", "gamma", "delta")[: votes - 2]:
            assert ledger.system(voter, "approve", number).values == ("open",)
        assert ledger.system("delta", "approve", number).values == ("carried_out",)


def test_a_threshold_of_one_is_reached_by_proposing() -> None:
    ledger = Consortium(governed_genesis(suspension_approvals_required=1))
    receipt = ledger.system("beta", "propose", "freeze", ["counter"], "")
    assert receipt.values == (1,)
    assert names(receipt) == ["ProposalOpened", "ProposalVote", "ProposalClosed", "ContractFrozen"]
    assert ledger.proposal(1).status == "carried_out"
    assert ledger.state.get(SYSTEM, open_proposals_key("beta")) is None


def test_an_organisation_has_one_vote_and_may_change_it() -> None:
    ledger = Consortium()
    number = ledger.propose("alpha", "freeze", "counter")
    assert ledger.system("alpha.deputy", "approve", number).code == "vote_unchanged"
    assert ledger.system("alpha.deputy", "reject", number).values == ("open",)
    assert [(vote.member_id, vote.approves) for vote in ledger.proposal(number).votes] == [("alpha.deputy", False)]
    assert ledger.system("beta", "approve", number).values == ("open",)
    assert ledger.system("alpha", "approve", number).values == ("carried_out",)


def test_a_withdrawn_vote_does_not_count() -> None:
    ledger = Consortium()
    number = ledger.propose("alpha", "freeze", "counter")
    assert ledger.system("beta", "withdraw", number).code == "no_vote"
    ledger.system("beta", "reject", number)
    withdrawn = ledger.system("beta", "withdraw", number)
    assert (withdrawn.values, names(withdrawn)) == (("open",), ["ProposalVote"])
    assert withdrawn.events[0].fields == {"proposal": number, "organisation": "beta", "vote": "withdraw"}
    assert [vote.organisation for vote in ledger.proposal(number).votes] == ["alpha"]


def test_a_proposal_is_rejected_once_it_can_no_longer_pass() -> None:
    ledger = Consortium()
    number = ledger.propose("alpha", "freeze", "counter")
    assert ledger.system("beta", "reject", number).values == ("open",)
    assert ledger.system("gamma", "reject", number).values == ("open",)
    last = ledger.system("delta", "reject", number)
    assert (last.values, names(last)) == (("rejected",), ["ProposalVote", "ProposalClosed"])
    assert ledger.system("beta", "approve", number).code == "proposal_closed"
    assert ledger.decide(ledger.transaction("alpha", ("counter", "add", (1,))))[0].values == (6,)


def test_the_organisation_that_proposed_withdraws_the_proposal_itself() -> None:
    ledger = Consortium()
    number = ledger.propose("alpha", "freeze", "counter")
    receipt = ledger.system("alpha.deputy", "withdraw", number)
    assert (receipt.values, names(receipt)) == (("withdrawn",), ["ProposalVote", "ProposalClosed"])
    assert ledger.proposal(number).status == "withdrawn"
    for method in ("approve", "reject", "withdraw"):
        assert ledger.system("beta", method, number).code == "proposal_closed"


def test_a_proposal_expires_by_block_time() -> None:
    ledger = Consortium()
    number = ledger.propose("alpha", "freeze", "counter")
    expires = ledger.proposal(number).expires
    late = ledger.transaction("beta", (SYSTEM, "approve", (number,)))
    assert ledger.decide(late, time=Milliseconds(expires + 1))[0].code == "proposal_expired"
    proposal = ledger.proposal(number)
    assert (proposal.status, proposal.status_at(expires)) == ("open", "open")
    assert proposal.status_at(Milliseconds(expires + 1)) == "expired"


def test_the_last_millisecond_still_counts() -> None:
    ledger = Consortium()
    number = ledger.propose("alpha", "freeze", "counter")
    vote = ledger.transaction("beta", (SYSTEM, "approve", (number,)))
    assert ledger.decide(vote, time=ledger.proposal(number).expires)[0].values == ("carried_out",)


def test_open_proposals_of_an_organisation_are_bounded() -> None:
    ledger = Consortium()
    numbers = [ledger.propose("alpha", "freeze", "counter") for _ in range(3)]
    refused = ledger.system("alpha.deputy", "propose", "freeze", ["counter"], "")
    assert (refused.code, refused.events) == ("too_many_proposals", ())
    assert ledger.propose("beta", "freeze", "counter") == 4
    ledger.system("alpha", "withdraw", numbers[1])
    assert ledger.propose("alpha", "freeze", "counter") == 5
    stored = ledger.state.get(SYSTEM, open_proposals_key("alpha")) or b""
    assert [number for number, _ in decode_open(stored)] == [1, 3, 5]
    expires = ledger.proposal(5).expires
    again = ledger.transaction("alpha", (SYSTEM, "propose", ("freeze", ["counter"], "")))
    assert ledger.decide(again, time=Milliseconds(expires + 1))[0].values == (6,)
    stored = ledger.state.get(SYSTEM, open_proposals_key("alpha")) or b""
    assert [number for number, _ in decode_open(stored)] == [6]


REFUSALS: list[tuple[str, str, tuple[Any, ...], str]] = [
    ("omega", "propose", ("freeze", ["counter"], ""), "not_authorised"),
    ("alpha.clerk", "propose", ("freeze", ["counter"], ""), "not_authorised"),
    ("alpha", "propose", ("dissolve", ["counter"], ""), "unknown_action"),
    ("alpha", "propose", ("freeze", [], ""), "invalid_arguments"),
    ("alpha", "propose", ("freeze", ["Counter"], ""), "invalid_arguments"),
    ("alpha", "propose", ("freeze", [5], ""), "invalid_arguments"),
    ("alpha", "propose", ("freeze", ["counter"]), "invalid_arguments"),
    ("alpha", "propose", ("freeze", ["counter"], "x" * 1025), "invalid_arguments"),
    ("alpha", "propose", ("freeze", "counter", ""), "invalid_arguments"),
    ("alpha", "propose", ("freeze", ["nothing"], ""), "unknown_contract"),
    ("alpha", "propose", ("unfreeze", ["counter"], ""), "not_frozen"),
    ("alpha", "propose", ("deploy", ["other", "import os", []], ""), "contract_rejected"),
    ("alpha", "propose", ("deploy", ["counter", COUNTER_SOURCE, [1]], ""), "contract_exists"),
    ("alpha", "propose", ("deploy", ["other", COUNTER_SOURCE, ["1"]], ""), "invalid_arguments"),
    ("alpha", "propose", ("deploy", ["other", COUNTER_SOURCE, []], ""), "invalid_arguments"),
    ("alpha", "propose", ("deploy", ["system", COUNTER_SOURCE, [1]], ""), "invalid_arguments"),
    ("alpha", "propose", ("deploy", ["other", COUNTER_SOURCE, ["x" * 200_000]], ""), "proposal_too_large"),
    ("alpha", "deploy", ("other", COUNTER_SOURCE, [1]), "proposal_required"),
    ("alpha", "approve", (7,), "unknown_proposal"),
    ("alpha", "approve", (True,), "invalid_arguments"),
    ("alpha", "approve", ("1",), "invalid_arguments"),
    ("alpha", "approve", (), "invalid_arguments"),
    ("omega", "approve", (1,), "not_authorised"),
    ("alpha.clerk", "reject", (1,), "not_authorised"),
    ("omega", "withdraw", (1,), "not_authorised"),
]


@pytest.mark.parametrize(("sender", "method", "args", "code"), REFUSALS)
def test_a_refused_call_changes_nothing(sender: str, method: str, args: tuple[Any, ...], code: str) -> None:
    ledger = Consortium()
    root = ledger.maker.ledger.database.root
    receipt = ledger.system(sender, method, *args)
    assert (receipt.code, receipt.events, receipt.values) == (code, (), ())
    assert ledger.maker.ledger.database.root == root


def test_what_a_motion_leaves_in_the_state_is_paid_for() -> None:
    short, long = ("y", "y" * 1_000)
    costs = [Consortium().system("alpha", "propose", "freeze", ["counter"], text).gas_used for text in (short, long)]
    # The text and its length in the motion; in the transaction the length of its body takes one more.
    assert costs[1] - costs[0] == 4 * (999 + 2) + 10 * (999 + 3)
    # A limit of this size takes two bytes less than the default one.
    enough = costs[1] - 2 * 10
    for gas, code in ((enough, None), (enough - 1, "out_of_gas")):
        receipt = Consortium().system("alpha", "propose", "freeze", ["counter"], long, gas=gas)
        assert (receipt.code, receipt.gas_used) == (code, gas)


def test_a_decision_that_fails_was_not_taken() -> None:
    ledger = Consortium()
    first = ledger.propose("alpha", "freeze", "counter")
    second = ledger.propose("gamma", "freeze", "counter")
    assert ledger.system("beta", "approve", first).values == ("carried_out",)
    root = ledger.maker.ledger.database.root
    failed = ledger.system("beta", "approve", second)
    assert (failed.code, failed.events) == ("already_frozen", ())
    assert ledger.maker.ledger.database.root == root
    assert [vote.organisation for vote in ledger.proposal(second).votes] == ["gamma"]


def test_a_decision_runs_as_the_one_who_proposed_it() -> None:
    source = COUNTER_SOURCE.replace(
        "    count.value = start",
        '    require(ctx.sender == "alpha.deputy", "sender")\n    require("teller" in ctx.roles, "roles")',
    )
    ledger = Consortium()
    opened = ledger.system("alpha.deputy", "propose", "deploy", ["other", source, [1]], "")
    assert opened.values == (1,)
    decided = ledger.system("beta", "approve", 1)
    assert decided.code is None
    assert decided.events[-1].fields == {"contract": "other", "version": 1, "deployer": "alpha.deputy"}


def test_votes_within_one_block_and_one_transaction_see_each_other() -> None:
    ledger = Consortium()
    opened, approved, called = ledger.decide(
        ledger.transaction("alpha", (SYSTEM, "propose", ("freeze", ["counter"], ""))),
        ledger.transaction("beta", ("counter", "add", (1,)), (SYSTEM, "approve", (1,))),
        ledger.transaction("gamma", ("counter", "add", (1,))),
    )
    assert (opened.values, approved.values, called.code) == ((1,), (6, "carried_out"), "contract_frozen")
    undone = ledger.transaction("alpha", (SYSTEM, "propose", ("unfreeze", ["counter"], "")), ("counter", "add", (1,)))
    assert ledger.decide(undone)[0].code == "contract_frozen"
    assert ledger.propose("alpha", "unfreeze", "counter") == 2
