"""Genesis: its canonical and its readable form, and every contradiction refused by name."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from chain_maker import key_of, make_genesis

from chain.block import BLOCK_BYTES_MAX
from chain.crypto import tagged_hash
from chain.encoding import DecodeError, decode, encode
from chain.genesis import (
    BLOCK_TRANSACTIONS_LIMIT,
    Genesis,
    GenesisContract,
    GenesisError,
    GenesisMember,
    Organisation,
    Parameters,
    check_genesis,
    decode_genesis,
    genesis_from_json,
    genesis_to_json,
)
from chain.types import Epoch, Milliseconds, PublicKey, ValidatorId
from chain.validators import VALIDATORS_LIMIT, Validator, ValidatorSet, validator_set

ARGS = (5, -(2**60), b"\x00\xff", "text", None, True, [1, [b"x"]], {"a": {"b": 2}})
GENESIS = make_genesis(contracts=[GenesisContract("token", "source\n", ARGS)])
SMALL_ORDER_KEY = PublicKey(b"\x01" + bytes(31))


def test_both_forms_survive() -> None:
    data = GENESIS.encoded()
    assert decode_genesis(data) == GENESIS
    assert GENESIS.genesis_hash == tagged_hash("genesis", data)
    assert genesis_from_json(genesis_to_json(GENESIS)) == GENESIS


def test_white_space_and_the_order_of_names_do_not_matter() -> None:
    document = json.loads(genesis_to_json(GENESIS))
    shuffled = json.dumps(dict(reversed(document.items())), separators=(",", ":"))
    assert genesis_from_json(shuffled).genesis_hash == GENESIS.genesis_hash


def test_every_field_changes_the_hash() -> None:
    changes: list[dict[str, Any]] = [
        {"name": "other"},
        {"time": GENESIS.time + 1},
        {"parameters": Parameters(block_gas_max=99_000_001)},
        {"governance": replace(GENESIS.governance, proposal_expiry=1)},
        {"validators": make_genesis(validators=3).validators},
        {"members": GENESIS.members[:-1]},
        {"contracts": ()},
    ]
    hashes = {replace(GENESIS, **change).genesis_hash for change in changes}
    assert len(hashes | {GENESIS.genesis_hash}) == len(changes) + 1


def wrong_governance(**changes: Any) -> Genesis:
    return replace(GENESIS, governance=replace(GENESIS.governance, **changes))


def with_validator(**changes: Any) -> Genesis:
    first, *rest = GENESIS.validators.validators
    return replace(GENESIS, validators=validator_set(Epoch(0), [replace(first, **changes), *rest]))


def with_member(member: GenesisMember) -> Genesis:
    return replace(GENESIS, members=(*GENESIS.members, member))


def with_contracts(*names: str) -> Genesis:
    return replace(GENESIS, contracts=tuple(GenesisContract(name, "", ()) for name in names))


MANY = validator_set(
    Epoch(0), [Validator(ValidatorId(f"v{n:02d}"), "acme", key_of(f"v{n}"), (b"c",)) for n in range(5)]
)
KEY = key_of("somebody")
ACME, ZENITH = GENESIS.organisations

PARAMETERS = [field.name for field in fields(Parameters)]
WRONG: list[tuple[Genesis, str]] = [
    *(
        (replace(GENESIS, parameters=replace(Parameters(), **{field.name: 0})), field.name)
        for field in fields(Parameters)
    ),
    (replace(GENESIS, parameters=Parameters(protocol_version=2)), "protocol_version"),
    (replace(GENESIS, parameters=Parameters(block_bytes_max=BLOCK_BYTES_MAX + 1)), "block_bytes_max"),
    (replace(GENESIS, parameters=Parameters(block_transactions_max=BLOCK_TRANSACTIONS_LIMIT + 1)), "transactions_max"),
    (replace(GENESIS, parameters=Parameters(transaction_bytes_max=2**21 + 1)), "transaction_bytes_max"),
    (replace(GENESIS, parameters=Parameters(block_gas_max=5, transaction_gas_max=6)), "transaction_gas_max"),
    (replace(GENESIS, parameters=Parameters(validators_max=VALIDATORS_LIMIT + 1)), "validators_max"),
    (replace(GENESIS, parameters=Parameters(validators_max=4), validators=MANY), "validators"),
    (with_validator(organisation="nobody"), "unknown organisation nobody"),
    (with_validator(consensus_key=SMALL_ORDER_KEY), "validators.v01"),
    (replace(GENESIS, organisations=(ZENITH, ACME)), "organisations"),
    (replace(GENESIS, organisations=(ACME, ACME, ZENITH)), "organisations"),
    (replace(GENESIS, organisations=(Organisation("Acme", "Acme", KEY), ACME, ZENITH)), "organisations"),
    (replace(GENESIS, organisations=(ACME, replace(ZENITH, root_key=SMALL_ORDER_KEY))), "organisations.zenith"),
    (with_member(GenesisMember("nobody.x", KEY, ())), "members.nobody.x"),
    (with_member(GenesisMember("acme", KEY, ())), "members.acme"),
    (with_member(GenesisMember("acme.", KEY, ())), "members.acme."),
    (with_member(GenesisMember("acme.x.y", KEY, ())), "members.acme.x.y"),
    (with_member(GenesisMember("acme.x", KEY, ("b", "a"))), "roles"),
    (with_member(GenesisMember("acme.x", KEY, ("a", "a"))), "roles"),
    (with_member(GenesisMember("acme.x", KEY, ("A",))), "roles"),
    (with_member(GenesisMember("acme.x", SMALL_ORDER_KEY, ())), "members.acme.x"),
    (with_member(GenesisMember("acme.x", GENESIS.members[0].key, ())), "share a key"),
    (with_contracts("a", "a"), "contracts"),
    (with_contracts("system"), "contracts"),
    (with_contracts("Token"), "contracts"),
    (wrong_governance(electorate=("zenith", "acme")), "electorate"),
    (wrong_governance(electorate=("acme", "acme")), "electorate"),
    (wrong_governance(electorate=("nobody",)), "electorate"),
    (wrong_governance(electorate=()), "approvals_required"),
    (wrong_governance(approvals_required=0), "approvals_required"),
    (wrong_governance(approvals_required=2), "approvals_required"),
    (wrong_governance(suspension_approvals_required=2), "suspension_approvals_required"),
    (wrong_governance(key_replacement_approvals_required=0), "key_replacement_approvals_required"),
    (wrong_governance(proposal_expiry=0), "proposal_expiry"),
    (replace(GENESIS, time=Milliseconds(-1)), "time"),
]


@pytest.mark.parametrize(("genesis", "message"), WRONG, ids=[f"{n} {why}" for n, (_, why) in enumerate(WRONG)])
def test_a_contradiction_is_refused_by_name(genesis: Genesis, message: str) -> None:
    with pytest.raises(GenesisError, match=message):
        check_genesis(genesis)
    with pytest.raises((GenesisError, DecodeError)):
        decode_genesis(genesis.encoded())
    with pytest.raises(GenesisError):
        genesis_from_json(genesis_to_json(genesis))


def test_genesis_begins_the_count_of_epochs() -> None:
    later = replace(GENESIS, validators=ValidatorSet(Epoch(1), GENESIS.validators.validators))
    with pytest.raises(GenesisError, match="epoch 0"):
        decode_genesis(later.encoded())


MALFORMED: list[tuple[list[int], Any]] = [
    ([0], 2),
    ([1], b"name"),
    ([2], "now"),
    ([3], [1, 2, 3]),
    ([3, 0], True),
    ([4, 0], ["acme", 1]),
    ([4, 0], [["acme"]]),
    ([4, 1], None),
    ([5, 0], 2),
    ([5, 2], []),
    ([5, 2, 0, 2], bytes(31)),
    ([5, 2, 0, 3], []),
    ([5, 2, 0, 3], [b"1", b"2", b"3"]),
    ([5, 2, 0, 3], ["text"]),
    ([5, 2, 0, 3], [bytes(4097)]),
    ([5, 2, 0, 0], "v03"),
    ([5, 2, 0, 2], GENESIS.validators.validators[1].consensus_key),
    ([6, 0], ["acme", "Acme"]),
    ([6, 0, 1], None),
    ([7, 0, 2], [1]),
    ([7, 0, 2], [["teller"]]),
    ([7, 0, 2], "teller"),
    ([7, 0, 1], "key"),
    ([8, 0, 1], b"source"),
    ([8, 0, 2], {}),
]


@pytest.mark.parametrize(("place", "value"), MALFORMED)
def test_malformed_bytes_are_refused(place: list[int], value: Any) -> None:
    whole = decode(GENESIS.encoded())
    inside = whole
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    with pytest.raises((DecodeError, GenesisError)):
        decode_genesis(encode(whole))


def changed(**changes: Any) -> str:
    return json.dumps({**json.loads(genesis_to_json(GENESIS)), **changes})


DOCUMENT = json.loads(genesis_to_json(GENESIS))
WRONG_DOCUMENTS = [
    "",
    "[]",
    "null",
    "{",
    "[" * 100_000,
    changed(format="tallystick-genesis/2"),
    changed(more=1),
    changed(name=5),
    changed(time="now"),
    changed(time=1.5),
    changed(parameters={}).replace("{}", '{"block_size": 1}'),
    changed(parameters={**DOCUMENT["parameters"], "block_gas_max": "many"}),
    changed(governance={}),
    changed(validators=[]),
    changed(validators=[{**DOCUMENT["validators"][0], "consensus_key": "xyz"}]),
    changed(validators=[{**DOCUMENT["validators"][0], "weight": 2}]),
    changed(validators=DOCUMENT["validators"][:1] * 2),
    changed(organisations=[{"id": "acme"}]),
    changed(members=[{"id": "acme.x", "key": "00", "roles": None}]),
    changed(contracts=[{"name": "token", "source": "", "args": [1.5]}]),
    changed(contracts=[{"name": "token", "source": "", "args": [{"a": 1}]}]),
    genesis_to_json(GENESIS).replace('"name": "made', '"name": "other", "name": "made'),
]


@pytest.mark.parametrize("text", WRONG_DOCUMENTS, ids=range(len(WRONG_DOCUMENTS)))
def test_a_document_that_is_no_genesis(text: str) -> None:
    with pytest.raises(GenesisError):
        genesis_from_json(text)
