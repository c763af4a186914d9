"""A small ledger with everything that proof files speak of: payments, items in containers, transfers, old versions.

Its contracts keep records of the same form as the library's, and are so small that the genesis is.
"""

from dataclasses import replace
from typing import Any, Final

from api_fake_node import ALICE, BOB, VALIDATOR_SEEDS, FakeNode, fake_genesis

from chain.block import Header
from chain.certificate import Certificate, Phase, Subject, sign_vote
from chain.crypto import public_key_of
from chain.encoding import encode
from chain.genesis import Genesis, GenesisContract
from chain.hashing import tagged_hash
from chain.proof_file import ProofFile, ValidatorChange, ValidatorsEvidence
from chain.proofs import CertifiedHeader
from chain.receipt import BlockResult
from chain.transaction import Call, Transaction, TransactionBody, sign_transaction
from chain.types import Epoch, Height, Milliseconds, ValidatorId, View
from chain.validators import Validator, ValidatorSet, validator_set
from contracts.engine.runtime import Engine

UETR: Final = "8a562c67-ca16-48ba-b074-65581be6f011"
VIAL: Final = "https://id.gs1.org/01/04012345111118/21/1"
CRATE: Final = "https://id.gs1.org/00/040123450000000018"
PALLET: Final = "https://id.gs1.org/00/040123450000000025"

GOODS: Final = '''"""Things, and what they are in."""

Item = Record(status=str, maker=str, holder=str, bound_for=str, carrier=str, parent=str, steps=int)
goods = Map(str, Item)


@call
def make(name: str) -> bool:
    goods[name] = Item(
        status="active", maker=ctx.sender, holder=ctx.sender, bound_for="", carrier="", parent="", steps=1
    )
    return True


@call
def pack(name: str, parent: str) -> bool:
    item = goods[name]
    goods[name] = item.replace(parent=parent, steps=item.steps + 1)
    outer = goods[parent]
    goods[parent] = outer.replace(steps=outer.steps + 1)
    return True
'''

MONEY: Final = '''"""Balances and transfers."""

Moved = Event(to=str, amount=int)
Transfer = Record(to=str, amount=int, state=str)
balances = Map(str, int, default=0)
transfers = Map(str, Transfer)


@init
def setup() -> None:
    balances["acme"] = 1000


@call
def move(to: str, amount: int) -> int:
    require(balances["acme"] >= amount, "insufficient_balance")
    balances["acme"] -= amount
    balances[to] += amount
    Moved(to=to, amount=amount)
    return balances[to]


@call
def close(name: str) -> None:
    del balances[name]


@call
def accept(uetr: str, to: str, amount: int) -> bool:
    transfers[uetr] = Transfer(to=to, amount=amount, state="accepted")
    return True


@call
def pay_out(uetr: str) -> bool:
    transfers[uetr] = transfers[uetr].replace(state="paid_out")
    return True
'''


def proof_genesis() -> Genesis:
    """Return the genesis of the small ledger."""
    contracts = (GenesisContract("remittance", MONEY, ()), GenesisContract("traceability", GOODS, ()))
    return replace(fake_genesis("proofs"), contracts=contracts)


def call(genesis: Genesis, nonce: int, *calls: tuple[str, str, list[Any]], seed: bytes = ALICE) -> Transaction:
    """Return a signed transaction."""
    body = TransactionBody(
        genesis.genesis_hash,
        public_key_of(seed),
        nonce.to_bytes(16, "big"),
        Milliseconds(genesis.time + 300_000),
        tuple(Call(contract, method, tuple(args)) for contract, method, args in calls),
        200_000,
    )
    return sign_transaction(body, seed)


async def proof_ledger() -> FakeNode:
    """Return a node that has played what the proofs are about: blocks of one, two and three transactions."""
    genesis = proof_genesis()
    node = FakeNode(genesis=genesis, runtime=Engine())
    money, goods = "remittance", "traceability"
    blocks: list[list[tuple[str, str, list[Any]]]] = [
        [(money, "move", ["bolt", 5])],
        [(goods, "make", [VIAL]), (goods, "make", [CRATE]), (goods, "make", [PALLET])],
        [(money, "accept", [UETR, "zenith", 70]), (money, "move", ["bolt", 2000])],
        [(goods, "pack", [VIAL, CRATE]), (money, "move", ["bolt", 7])],
        [(goods, "pack", [CRATE, PALLET]), (money, "pay_out", [UETR]), (money, "move", ["closed", 1])],
        [(money, "close", ["closed"]), (money, "move", ["bolt", 8])],
    ]
    for number, batch in enumerate(blocks):
        raws = [
            call(genesis, 10 * number + place, each, seed=BOB if place else ALICE).raw
            for place, each in enumerate(batch)
        ]
        for submission in await node.submit(raws):
            assert submission.state != "refused", submission
    return node


def other_set(epoch: int, *names: str) -> ValidatorSet:
    """Return a validator set of other members."""
    entries = [
        Validator(ValidatorId(name), "acme", public_key_of(other_seed(name)), (b"certificate",)) for name in names
    ]
    return validator_set(Epoch(epoch), entries)


def other_seed(name: str) -> bytes:
    """Return the consensus seed of a validator of genesis or of one in `other_set`."""
    return VALIDATOR_SEEDS.get(ValidatorId(name)) or name.encode().ljust(32, b".")


def certified_by(genesis: Genesis, validators: ValidatorSet, height: int, following: ValidatorSet) -> CertifiedHeader:
    """Return a header at a height, certified by one set, whose result announces another: for changes of validators."""
    filler = tagged_hash("block", height.to_bytes(8, "big"))
    header = Header(
        1,
        genesis.genesis_hash,
        Height(height),
        filler,
        filler,
        filler,
        Milliseconds(genesis.time + 1_000 * height),
        validators.ids[0],
        filler,
        validators.validators_hash,
        validators.epoch,
    )
    return certify_header(header, BlockResult(filler, filler, following.validators_hash), validators)


def certify_header(header: Header, result: BlockResult, validators: ValidatorSet, view: int = 0) -> CertifiedHeader:
    """Return a header and a result with a certificate by the first quorum of a set, whose keys these tests know."""
    subject = Subject(
        header.chain_id, validators.epoch, header.height, View(view), header.block_hash, result.result_hash
    )
    signatures = tuple(
        (name, sign_vote(other_seed(name), Phase.COMMIT, subject)) for name in validators.ids[: validators.quorum]
    )
    certificate = Certificate(Phase.COMMIT, subject, signatures)
    return CertifiedHeader(header.encoded(), result.encoded(), certificate.encoded())


def changed_validators() -> ProofFile:
    """Return the proof of a set that two changes lead to."""
    genesis = proof_genesis()
    first = genesis.validators
    second = other_set(1, "v01", "v02", "v03", "v04", "v05")
    third = other_set(2, "v02", "v03", "v04", "v05")
    changes = (
        ValidatorChange(certified_by(genesis, first, 10, second), encoded_set(second)),
        ValidatorChange(certified_by(genesis, second, 20, third), encoded_set(third)),
    )
    header = certified_by(genesis, third, 30, third)
    return ProofFile(genesis.genesis_hash, None, changes, (header,), ValidatorsEvidence())


def encoded_set(validators: ValidatorSet) -> bytes:
    """Return the canonical bytes of a set."""
    return encode(validators.as_value())
