"""Decisions and versions against naive twins: a model that counts votes, and an engine that remembers nothing.

Every example is a history of its own; hypothesis prints the shortest one that fails.
"""

from dataclasses import dataclass, field
from typing import Any

from governed_chain import COUNTER_SOURCE, ELECTORATE, Consortium, governed_genesis
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.block import Block
from chain.execution import Execution
from chain.genesis import GenesisContract
from chain.identity import decode_contract
from chain.ledger import open_ledger
from chain.runtime import SYSTEM
from chain.state_database import StateDatabase
from chain.state_keys import contract_key
from chain.storage import MemoryStore
from chain.types import Milliseconds
from contracts.engine.runtime import Engine

VOTERS = (*ELECTORATE, "omega", "alpha.clerk")
REQUIRED = {"freeze": 2, "unfreeze": 3}
OPEN_MAX = 3
EXPIRY = 60_000


@dataclass
class Made:
    """A proposal as the model sees it."""

    action: str
    by: str
    expires: int
    votes: dict[str, bool]
    status: str = "open"


@dataclass
class Model:
    """Counts votes in the plainest way."""

    frozen: bool = False
    made: list[Made] = field(default_factory=list)

    def propose(self, voter: str, action: str, now: int) -> str | None:
        if voter not in ELECTORATE:
            return "not_authorised"
        if sum(each.by == voter and each.status == "open" and now <= each.expires for each in self.made) >= OPEN_MAX:
            return "too_many_proposals"
        if self.frozen == (action == "freeze"):
            return "already_frozen" if self.frozen else "not_frozen"
        self.made.append(Made(action, voter, now + EXPIRY, {voter: True}))
        return None

    def vote(self, voter: str, method: str, number: int, now: int) -> str | None:
        if voter not in ELECTORATE:
            return "not_authorised"
        if not 1 <= number <= len(self.made):
            return "unknown_proposal"
        made = self.made[number - 1]
        if made.status != "open":
            return "proposal_closed"
        if now > made.expires:
            return "proposal_expired"
        if method == "withdraw":
            if voter != made.by and voter not in made.votes:
                return "no_vote"
            made.votes.pop(voter, None)
            made.status = "withdrawn" if voter == made.by else "open"
            return None
        if made.votes.get(voter) == (method == "approve"):
            return "vote_unchanged"
        votes = {**made.votes, voter: method == "approve"}
        if sum(votes.values()) >= REQUIRED[made.action]:
            if self.frozen == (made.action == "freeze"):
                return "already_frozen" if self.frozen else "not_frozen"
            self.frozen, made.status = made.action == "freeze", "carried_out"
        elif list(votes.values()).count(False) > len(ELECTORATE) - REQUIRED[made.action]:
            made.status = "rejected"
        made.votes = votes
        return None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("propose"), st.sampled_from(VOTERS), st.sampled_from(list(REQUIRED)), st.just(1_000)),
        st.tuples(
            st.sampled_from(["approve", "approve", "approve", "reject", "withdraw"]),
            st.sampled_from(VOTERS),
            st.integers(1, 4),
            st.sampled_from([1_000, 1_000, 1_000, 25_000]),
        ),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(STEPS)
def test_votes_are_counted_as_a_model_counts_them(steps: list[tuple[str, str, Any, int]]) -> None:
    ledger, model = Consortium(), Model()
    for method, voter, about, pause in steps:
        now = ledger.maker.head.time + pause
        if method == "propose":
            args: tuple[Any, ...] = (about, ["counter"], "")
            expected = model.propose(voter, about, now)
        else:
            args = (about,)
            expected = model.vote(voter, method, about, now)
        call = ledger.transaction(voter, (SYSTEM, method, args))
        (receipt,) = ledger.decide(call, time=Milliseconds(now))
        assert receipt.code == expected
    for number, made in enumerate(model.made, start=1):
        found = ledger.proposal(number)
        votes = {vote.organisation: vote.approves for vote in found.votes}
        assert (found.status, votes, found.organisation) == (made.status, made.votes, made.by)


SOURCES = [
    COUNTER_SOURCE,
    COUNTER_SOURCE.replace("count.value += step", "count.value += 10 * step"),
    COUNTER_SOURCE.replace("count.value += step", "count.value += 100 * step")
    + "\n\n@migrate\ndef grow(by: int) -> None:\n    count.value *= by\n",
]
CALLER = '''"""Calls the counter."""


@call
def add(step: int) -> int:
    return invoke("counter", "add", step)
'''
ALONE = {"approvals_required": 1, "suspension_approvals_required": 1, "deployment_approvals_required": 1}

OPERATIONS = st.sampled_from(
    ["add", "add", "upgrade 0", "upgrade 1", "upgrade 1", "upgrade 2", "through", "freeze", "unfreeze", "fail"]
)
BLOCK = st.lists(st.lists(OPERATIONS, min_size=1, max_size=3), min_size=1, max_size=2)
HISTORY = st.lists(st.tuples(st.lists(BLOCK, min_size=2, max_size=2), st.integers(0, 1)), min_size=2, max_size=3)


def calls_of(operations: list[str], version: int) -> list[tuple[str, str, tuple[Any, ...]]]:
    """Return the calls of a transaction; an upgrade is to the version behind `version`."""
    calls: list[tuple[str, str, tuple[Any, ...]]] = []
    for operation in operations:
        verb, _, place = operation.partition(" ")
        if verb == "upgrade":
            version += 1
            args = [2] if place == "2" else []
            calls.append((SYSTEM, "propose", ("upgrade", ["counter", version, SOURCES[int(place)], args], "")))
        elif verb in ("freeze", "unfreeze"):
            calls.append((SYSTEM, "propose", (verb, ["counter"], "")))
        elif verb == "fail":
            calls.append(("counter", "no_such_method", ()))
        else:
            calls.append(("caller" if verb == "through" else "counter", "add", (1,)))
    return calls


@settings(max_examples=60, deadline=None, derandomize=True)
@given(HISTORY)
def test_an_engine_that_remembers_serves_what_one_serves_that_forgets(
    history: list[tuple[list[list[list[str]]], int]],
) -> None:
    """At each height several blocks are executed on one engine, one of them is decided."""
    contracts = (GenesisContract("counter", SOURCES[0], (5,)), GenesisContract("caller", CALLER, ()))
    genesis = governed_genesis(contracts=contracts, open_proposals_max=100, **ALONE)
    ledger = Consortium(genesis)
    maker = ledger.maker
    database = StateDatabase(MemoryStore())
    for rivals, choice in history:
        executions: list[tuple[Block, Execution]] = []
        for batch in rivals:
            version = decode_contract(ledger.state.get(SYSTEM, contract_key("counter")) or b"").current.version
            signed = [ledger.transaction("alpha", *calls_of(operations, version)) for operations in batch]
            block = maker.block(*signed)
            executions.append((block, maker.ledger.execute(block, lambda transaction: True)))
        for rival, execution in executions:
            forgetful = open_ledger(genesis, database, Engine())
            again = forgetful.execute(rival, lambda transaction: True)
            assert (again.receipts, again.result) == (execution.receipts, execution.result)
        decided = executions[choice % len(executions)][1]
        maker.ledger.apply(decided)
        forgetful.apply(decided)
