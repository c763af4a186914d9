"""The system namespace: members join and leave, contracts are deployed, and everybody else is refused with a code."""

from dataclasses import replace
from typing import Any

import pytest
from chain_maker import TOKEN_SOURCE, ChainMaker, entry_gas, key_of, make_genesis

from chain.transaction import Transaction
from chain.validity import InvalidBlock


def codes(maker: ChainMaker, *transactions: Transaction) -> list[str | None]:
    """Decide a block of these transactions and return the receipts' codes."""
    return [receipt.code for receipt in maker.decide(*transactions)[1]]


def refused(maker: ChainMaker, *transactions: Transaction) -> str:
    with pytest.raises(InvalidBlock) as caught:
        maker.decide(*transactions)
    return caught.value.code


def test_a_sender_revoked_in_the_same_block_fails_and_afterwards_is_unknown() -> None:
    maker = ChainMaker()
    revoke = maker.transaction(("system", "revoke_member", (key_of("acme.alice"),)), member="acme.admin")
    assert codes(maker, maker.transfer(), revoke, maker.transfer()) == [None, None, "sender_revoked"]
    assert refused(maker, maker.transfer()) == "unknown_sender"
    member = maker.ledger.find_member(key_of("acme.alice"))
    assert member is not None and not member.active


def test_a_new_member_may_sign_from_the_next_block_on() -> None:
    maker = ChainMaker()
    register = maker.transaction(
        ("system", "register_member", ("carol", key_of("acme.carol"), ["teller", "auditor", "teller"])),
        member="acme.admin",
    )
    assert refused(maker, register, maker.transfer(member="acme.carol")) == "unknown_sender"
    _, (receipt,) = maker.decide(register)
    assert receipt.values == ("acme.carol",)
    assert receipt.events[0].fields == {
        "member": "acme.carol",
        "key": key_of("acme.carol"),
        "roles": ["auditor", "teller"],
    }
    assert codes(maker, maker.transfer(member="acme.carol")) == ["insufficient_balance"]


ADMIN, ALICE, BOB = "acme.admin", "acme.alice", "zenith.bob"
KEY = key_of("acme.carol")
SYSTEM_CALLS: list[tuple[str, str, tuple[Any, ...], str]] = [
    (ALICE, "register_member", ("carol", KEY, []), "not_authorised"),
    (ADMIN, "register_member", ("carol", b"\x01" + bytes(31), []), "unusable_key"),
    (ADMIN, "register_member", ("carol", b"short", []), "unusable_key"),
    (ADMIN, "register_member", ("Carol", KEY, []), "invalid_arguments"),
    (ADMIN, "register_member", ("", KEY, []), "invalid_arguments"),
    (ADMIN, "register_member", ("carol", KEY, ["Teller"]), "invalid_arguments"),
    (ADMIN, "register_member", ("carol", KEY, [1]), "invalid_arguments"),
    (ADMIN, "register_member", ("carol", KEY, [[]]), "invalid_arguments"),
    (ADMIN, "register_member", ("carol", KEY, [f"r{n}" for n in range(17)]), "invalid_arguments"),
    (ADMIN, "register_member", ("carol", KEY), "invalid_arguments"),
    (ADMIN, "register_member", ("carol", "key", []), "invalid_arguments"),
    (ADMIN, "register_member", (1, KEY, []), "invalid_arguments"),
    (ADMIN, "register_member", ("carol", key_of(BOB), []), "key_already_registered"),
    (ADMIN, "revoke_member", (KEY,), "unknown_member"),
    (ADMIN, "revoke_member", (key_of(BOB),), "not_authorised"),
    (ALICE, "revoke_member", (key_of(ALICE),), "not_authorised"),
    (ADMIN, "revoke_member", ("text",), "invalid_arguments"),
    (ADMIN, "revoke_member", (), "invalid_arguments"),
    (ALICE, "deploy", ("other", TOKEN_SOURCE, ["acme.alice", 1]), "not_authorised"),
    (ADMIN, "deploy", ("token", TOKEN_SOURCE, ["acme.alice", 1]), "contract_exists"),
    (ADMIN, "deploy", ("other", "import os", []), "contract_rejected"),
    (ADMIN, "deploy", ("other", TOKEN_SOURCE, []), "invalid_arguments"),
    (ADMIN, "deploy", ("system", TOKEN_SOURCE, ["acme.alice", 1]), "invalid_arguments"),
    (ADMIN, "deploy", ("other", b"source", []), "invalid_arguments"),
    (ADMIN, "no_such_method", (), "unknown_method"),
]


@pytest.mark.parametrize(("member", "method", "args", "code"), SYSTEM_CALLS)
def test_a_refused_system_call(member: str, method: str, args: tuple[Any, ...], code: str) -> None:
    maker = ChainMaker()
    root = maker.ledger.database.root
    transaction = maker.transaction(("system", method, args), member=member, gas_limit=10_000_000)
    assert codes(maker, transaction) == [code]
    assert maker.ledger.database.root == root


def test_revoking_twice_and_registering_again() -> None:
    maker = ChainMaker()
    revoke: Any = ("system", "revoke_member", (key_of("acme.alice"),))
    register: Any = ("system", "register_member", ("alice", key_of("acme.alice"), []))
    transactions = [maker.transaction(call, member=ADMIN) for call in (revoke, revoke, register)]
    assert codes(maker, *transactions) == [None, "already_revoked", "key_already_registered"]


def test_system_calls_cost_gas() -> None:
    maker = ChainMaker()
    call = ("system", "revoke_member", (key_of("acme.alice"),))
    # A limit of this size takes three bytes of the transaction.
    enough = entry_gas(maker.transaction(call, member=ADMIN, gas_limit=5_000)) + 2_000
    _, (receipt,) = maker.decide(maker.transaction(call, member=ADMIN, gas_limit=enough - 1))
    assert (receipt.code, receipt.gas_used) == ("out_of_gas", enough - 1)
    _, (receipt,) = maker.decide(maker.transaction(call, member=ADMIN, gas_limit=enough))
    assert (receipt.code, receipt.gas_used) == (None, enough)


def test_deploying_is_for_administrators_of_the_electorate() -> None:
    maker = ChainMaker()
    deploy = ("system", "deploy", ("other", TOKEN_SOURCE, ["acme.alice", 9]))
    assert codes(maker, maker.transaction(deploy, member=ADMIN, gas_limit=1_000_000)) == [None]
    assert maker.ledger.view("other", "balance_of", ["acme.alice"], None, 100_000).value == 9
    without_vote = make_genesis()
    members = tuple(
        replace(member, roles=("administrator",)) if member.member_id == BOB else member
        for member in without_vote.members
    )
    maker = ChainMaker(replace(without_vote, members=members))
    assert codes(maker, maker.transaction(deploy, member=BOB, gas_limit=1_000_000)) == ["not_authorised"]
