"""New versions of contracts: who decides, what becomes of the state, and that a failed one leaves no trace."""

from typing import Any

import pytest
from chain_maker import entry_gas
from governed_chain import COUNTER_SOURCE, GAS, Consortium, governed_genesis

from chain.encoding import decode
from chain.identity import decode_contract, decode_contract_version, source_hash
from chain.receipt import decode_receipt
from chain.runtime import SYSTEM
from chain.state_keys import contract_key, contract_version_key, source_key

SECOND = (
    COUNTER_SOURCE.replace('"""Counts."""', '"""Counts in steps of two."""')
    .replace(
        "count = Var(int, default=0)\n",
        "count = Var(int, default=0)\nmoves = Var(int, default=0)\nMigrated = Event(to=int)\n",
    )
    .replace("    count.value += step\n", "    count.value += 2 * step\n    moves.value += 1\n")
    + """

@migrate
def double(floor: int) -> None:
    require(count.value >= floor, "below_floor")
    count.value *= 2
    Migrated(to=count.value)


@view
def moved() -> int:
    return moves.value
"""
)


def upgrade(version: int = 2, source: str = SECOND, args: tuple[Any, ...] = (1,)) -> tuple[Any, ...]:
    return ("upgrade", "counter", version, source, list(args))


def add(ledger: Consortium, step: int = 1) -> Any:
    (receipt,) = ledger.decide(ledger.transaction("omega", ("counter", "add", (step,))))
    return receipt.values[0] if receipt.code is None else receipt.code


def two_votes(ledger: Consortium, *action: Any) -> int:
    """Open a proposal that lacks one vote, and return its number."""
    number = ledger.propose("alpha", *action)
    assert ledger.system("beta", "approve", number).values == ("open",)
    return number


def test_a_new_version_with_a_migration() -> None:
    ledger = Consortium()
    assert add(ledger) == 6
    receipt = ledger.carry(*upgrade())
    assert receipt.code is None
    assert [(event.contract, event.name) for event in receipt.events] == [
        (SYSTEM, "ProposalVote"),
        (SYSTEM, "ProposalClosed"),
        (SYSTEM, "ContractUpgraded"),
        ("counter", "Migrated"),
    ]
    assert receipt.events[2].fields == {"contract": "counter", "version": 2, "deployer": "alpha.admin"}
    assert receipt.events[3].fields == {"to": 12}
    assert (add(ledger), ledger.view("counter", "moved")) == (14, 1)


def test_every_version_and_its_source_stay_readable() -> None:
    ledger = Consortium()
    ledger.carry(*upgrade())
    third = SECOND.replace("in steps of two", "anew")
    ledger.carry(*upgrade(3, third))
    record = decode_contract(ledger.state.get(SYSTEM, contract_key("counter")) or b"")
    assert record.current.version == 3
    for number, source in ((1, COUNTER_SOURCE), (2, SECOND), (3, third)):
        version = decode_contract_version(ledger.state.get(SYSTEM, contract_version_key("counter", number)) or b"")
        assert (version.version, version.source_hash) == (number, source_hash(source))
        assert version.deployer == ("genesis" if number == 1 else "alpha.admin")
        assert decode(ledger.state.get(SYSTEM, source_key(version.source_hash)) or b"") == source


FAILURES = [
    (SECOND, (100,), "below_floor"),
    (SECOND.replace("    count.value *= 2\n", "    count.value = 1 // 0\n"), (1,), "contract_error"),
    (SECOND.replace("count.value *= 2", 'invoke("counter", "current")'), (1,), "reentrant_call"),
    (SECOND.replace("count.value *= 2", 'invoke("nothing", "current")'), (1,), "unknown_contract"),
]


@pytest.mark.parametrize(("source", "args", "code"), FAILURES)
def test_a_migration_that_fails_leaves_everything_as_it_was(source: str, args: tuple[Any, ...], code: str) -> None:
    ledger = Consortium()
    number = two_votes(ledger, *upgrade(2, source, args))
    root = ledger.maker.ledger.database.root
    receipt = ledger.system("gamma", "approve", number)
    assert (receipt.code, receipt.events, receipt.values) == (code, (), ())
    assert ledger.maker.ledger.database.root == root
    assert ledger.proposal(number).status == "open"
    assert (ledger.view("counter", "current"), add(ledger)) == (5, 6)


def test_a_migration_that_ran_out_of_gas_may_be_tried_again() -> None:
    ledger = Consortium()
    number = two_votes(ledger, *upgrade())
    needed = Consortium().carry(*upgrade()).gas_used
    short = ledger.system("gamma", "approve", number, gas=needed - 1)
    assert (short.code, short.gas_used) == ("out_of_gas", needed - 1)
    assert ledger.view("counter", "current") == 5
    enough = ledger.system("gamma", "approve", number, gas=needed)
    assert (enough.code, enough.gas_used, ledger.view("counter", "current")) == (None, needed, 10)


REFUSED = [
    (upgrade(2, COUNTER_SOURCE.replace("count", "total")), "incompatible_version"),
    (upgrade(2, COUNTER_SOURCE.replace("Var(int, default=0)", "Var(str)"), (1,)), "incompatible_version"),
    (upgrade(2, COUNTER_SOURCE, (1,)), "invalid_arguments"),
    (upgrade(2, SECOND, ()), "invalid_arguments"),
    (upgrade(2, SECOND, ("1",)), "invalid_arguments"),
    (upgrade(2, "import os\n", ()), "contract_rejected"),
    (upgrade(3), "version_conflict"),
    (upgrade(1), "invalid_arguments"),
    (upgrade(0), "invalid_arguments"),
    (upgrade(True), "invalid_arguments"),
    (("upgrade", "nothing", 2, SECOND, [1]), "unknown_contract"),
    (("upgrade", "system", 2, SECOND, [1]), "invalid_arguments"),
    (("upgrade", "counter", 2, SECOND.encode(), [1]), "invalid_arguments"),
    (("upgrade", "counter", 2, SECOND), "invalid_arguments"),
]


@pytest.mark.parametrize(("action", "code"), REFUSED)
def test_what_cannot_become_a_version_is_not_even_voted_on(action: tuple[Any, ...], code: str) -> None:
    ledger = Consortium()
    root = ledger.maker.ledger.database.root
    name, *args = action
    assert ledger.system("alpha", "propose", name, args, "").code == code
    assert ledger.maker.ledger.database.root == root


def test_of_two_proposals_for_one_version_one_is_carried_out() -> None:
    ledger = Consortium()
    other = SECOND.replace("in steps of two", "otherwise")
    first, second = two_votes(ledger, *upgrade()), two_votes(ledger, *upgrade(2, other))
    assert ledger.system("gamma", "approve", first).values == ("carried_out",)
    assert ledger.system("gamma", "approve", second).code == "version_conflict"
    record = decode_contract(ledger.state.get(SYSTEM, contract_key("counter")) or b"")
    assert record.current.source_hash == source_hash(SECOND)


def test_proposing_pays_for_the_check_and_the_deciding_vote_for_the_change() -> None:
    ledger = Consortium()
    opened = ledger.system("alpha", "propose", "upgrade", list(upgrade()[1:]), "")
    vote = ledger.system("beta", "approve", 1)
    deciding = ledger.system("gamma", "approve", 1)
    assert vote.gas_used == 2_000 + entry_gas(ledger.transaction("beta", (SYSTEM, "approve", (1,))))
    assert min(opened.gas_used, deciding.gas_used) > 20 * len(SECOND) + 60_000


def test_later_transactions_of_the_block_and_later_calls_see_the_new_version() -> None:
    ledger = Consortium()
    number = two_votes(ledger, *upgrade())
    call = ("counter", "add", (1,))
    before, deciding, after = ledger.decide(
        ledger.transaction("omega", call),
        ledger.transaction("gamma", call, (SYSTEM, "approve", (number,)), call),
        ledger.transaction("omega", call),
    )
    assert (before.values, deciding.values, after.values) == ((6,), (7, "carried_out", 16), (18,))


def test_what_fails_behind_an_upgrade_undoes_it() -> None:
    ledger = Consortium()
    number = two_votes(ledger, *upgrade())
    call = ("counter", "add", (1,))
    failed, after = ledger.decide(
        ledger.transaction("gamma", (SYSTEM, "approve", (number,)), call, ("counter", "no_such_method", ())),
        ledger.transaction("omega", call),
    )
    assert (failed.code, after.values) == ("unknown_method", (6,))
    assert ledger.system("gamma", "approve", number).values == ("carried_out",)
    assert add(ledger) == 14


def test_undecided_blocks_do_not_see_each_others_versions() -> None:
    """The engine keeps compiled contracts across the executions of proposals of which at most one is decided."""
    ledger = Consortium()
    number = two_votes(ledger, *upgrade())
    maker = ledger.maker
    deciding = ledger.transaction("gamma", (SYSTEM, "approve", (number,)), ("counter", "add", (1,)))
    plain = ledger.transaction("omega", ("counter", "add", (1,)))
    with_upgrade, without = maker.block(deciding, plain), maker.block(plain)

    def execute(block: Any) -> Any:
        return maker.ledger.execute(block, lambda transaction: True)

    first = [execute(block).result for block in (with_upgrade, without)]
    again = [execute(block).result for block in (without, with_upgrade)]
    assert first == again[::-1]
    assert maker.decide(plain)[1][0].values == (6,)
    assert maker.decide(deciding)[1][0].values == ("carried_out", 14)


def test_a_callee_is_what_it_is_at_that_moment_of_the_transaction() -> None:
    """Replaced, frozen and thawed between two calls of one transaction, each seen by invoke at once."""
    caller = '''"""Calls the counter."""

@call
def add(step: int) -> int:
    return invoke("counter", "add", step)

@call
def look() -> int:
    return invoke("counter", "current")
'''
    genesis = governed_genesis(approvals_required=1, suspension_approvals_required=1, deployment_approvals_required=1)
    ledger = Consortium(genesis)
    assert ledger.system("alpha", "deploy", "caller", caller, []).code is None

    def propose(*action: Any) -> tuple[str, str, tuple[Any, ...]]:
        return (SYSTEM, "propose", (action[0], list(action[1:]), ""))

    through, look = ("caller", "add", (1,)), ("caller", "look", ())
    done = ledger.decide(
        ledger.transaction("alpha", through, propose(*upgrade()), through, propose("freeze", "counter"), look),
        ledger.transaction("beta", through),
        ledger.transaction("beta", propose("unfreeze", "counter"), through),
        ledger.transaction("beta", propose("freeze", "counter"), through),
        ledger.transaction("beta", through),
    )
    # 5 in genesis, 6 by the old version, 12 by the migration, 14 by the new one.
    assert (done[0].values[0], done[0].values[2], done[0].values[4]) == (6, 14, 14)
    assert [receipt.code for receipt in done] == [None, "contract_frozen", None, "contract_frozen", None]
    assert (done[2].values[1], done[4].values) == (16, (18,))


def test_rival_blocks_may_make_different_versions_of_one_number() -> None:
    ledger = Consortium()
    other = SECOND.replace("2 * step", "50 * step")
    first, second = (two_votes(ledger, *upgrade(2, source)) for source in (SECOND, other))
    maker = ledger.maker
    decided = ledger.transaction("gamma", (SYSTEM, "approve", (first,)))
    undecided = ledger.transaction("gamma", (SYSTEM, "approve", (second,)), ("counter", "add", (1,)))
    # The block that is decided is executed first, so that the rival's version is what the engine saw last.
    execution = maker.ledger.execute(maker.block(decided), lambda transaction: True)
    rival = maker.ledger.execute(maker.block(undecided), lambda transaction: True)
    assert decode_receipt(rival.receipts[0]).values == ("carried_out", 60)
    maker.ledger.apply(execution)
    assert add(ledger) == 12


def test_a_frozen_contract_is_repaired_before_it_goes_on() -> None:
    ledger = Consortium()
    assert ledger.carry("freeze", "counter").values == ("carried_out",)
    assert add(ledger) == "contract_frozen"
    assert ledger.carry(*upgrade()).code is None
    assert (add(ledger), ledger.view("counter", "current")) == ("contract_frozen", 10)
    assert ledger.carry("unfreeze", "counter").values == ("carried_out",)
    assert add(ledger) == 12


def test_deploying_with_votes_costs_nobody_the_name() -> None:
    ledger = Consortium()
    first = ledger.propose("alpha", "deploy", "other", COUNTER_SOURCE, [1])
    second = ledger.propose("beta", "deploy", "other", COUNTER_SOURCE, [2])
    assert ledger.system("beta", "approve", first).values == ("carried_out",)
    assert ledger.system("gamma", "approve", second).code == "contract_exists"
    assert ledger.view("other", "current") == 1


def test_gas_of_an_upgrade_does_not_depend_on_what_the_engine_has_kept() -> None:
    fresh = Consortium().carry(*upgrade())
    used = Consortium()
    for name in ("one", "two"):
        used.carry("deploy", name, SECOND, [1])
    used.carry("deploy", "three", COUNTER_SOURCE, [1])
    number = two_votes(used, *upgrade())
    assert used.system("gamma", "approve", number, gas=GAS).gas_used == fresh.gas_used
