"""Golden vectors of encoding, signatures and the ledger's structures; tests/vectors/README.md explains their fields."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from chain.block import decode_block, decode_header
from chain.certificate import CertificateError, check_certificate, decode_certificate
from chain.crypto import InvalidKeyError, check_public_key, public_key_of, tagged_hash, verify
from chain.encoding import DEPTH_MAX, DecodeError, decode, encode
from chain.genesis import GenesisError, decode_genesis
from chain.identity import (
    ContractVersion,
    decode_contract,
    decode_contract_version,
    member_key,
    organisation_key,
    source_hash,
)
from chain.json_values import fields_to_json, from_json, to_json
from chain.merkle import merkle_root
from chain.proposals import (
    PROPOSAL_COUNT_KEY,
    decode_motion,
    decode_open,
    decode_proposal,
    encode_open,
    motion_key,
    open_proposals_key,
    proposal_key,
)
from chain.receipt import decode_receipt, decode_result, receipt_bytes_max
from chain.recorded_block import RecordedBlock, decode_range, decode_recorded_block, encode_range
from chain.state_keys import contract_key, contract_version_key, decode_key, encode_key, source_key
from chain.transaction import decode_transaction, verify_transaction
from chain.validators import validator_set_from_value

Case = dict[str, Any]


def load(name: str) -> Any:
    return json.loads((Path(__file__).parent / name).read_text())


def why(case: Case) -> str:
    return str(case["why"])


def encoded(case: Case) -> bytes:
    return bytes.fromhex(case["encoded"])


ENCODING = load("encoding.json")
CRYPTO = load("crypto.json")
STATE_KEYS = load("state_keys.json")
PROPOSALS = load("proposals.json")
CONTRACT = load("contract.json")
GENESIS = load("genesis.json")
TRANSACTION = load("transaction.json")
RECEIPT = load("receipt.json")
BLOCK = load("block.json")
CERTIFICATE = load("certificate.json")
VALIDATORS = validator_set_from_value(decode(bytes.fromhex(CERTIFICATE["validator_set"])))


@pytest.mark.parametrize("case", ENCODING["valid"], ids=lambda case: case["encoded"][:24])
def test_encoding(case: Case) -> None:
    value = from_json(case["value"])
    assert encode(value) == encoded(case)
    assert to_json(decode(encoded(case))) == case["value"]
    assert ENCODING["depth_max"] == DEPTH_MAX


@pytest.mark.parametrize("case", ENCODING["invalid"], ids=why)
def test_encoding_refused(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode(encoded(case))


def test_hashes_and_keys() -> None:
    for case in CRYPTO["hashes"]:
        assert tagged_hash(case["tag"], *map(bytes.fromhex, case["parts"])).hex() == case["digest"]
    for case in CRYPTO["seeds"]:
        assert public_key_of(bytes.fromhex(case["seed"])).hex() == case["public_key"]


@pytest.mark.parametrize("case", CRYPTO["keys"], ids=why)
def test_usable_keys(case: Case) -> None:
    key = bytes.fromhex(case["key"])
    if case["valid"]:
        assert check_public_key(key) == key
    else:
        with pytest.raises(InvalidKeyError):
            check_public_key(key)


@pytest.mark.parametrize("case", CRYPTO["signatures"], ids=why)
def test_signatures(case: Case) -> None:
    key, payload, signature = (bytes.fromhex(case[name]) for name in ("key", "payload", "signature"))
    assert verify(key, case["tag"], payload, signature) == case["valid"]


def test_state_keys() -> None:
    for case in STATE_KEYS["valid"]:
        parts = tuple(from_json(case["parts"]))
        assert encode_key(parts) == encoded(case)
        assert repr(decode_key(encoded(case))) == repr(parts)
    order = [encoded(case) for case in STATE_KEYS["valid"]]
    assert order == sorted(order)
    system = {case["name"]: encoded(case) for case in STATE_KEYS["system"]}
    assert system["an organisation"] == organisation_key("acme")
    assert system["a contract"] == contract_key("token")
    assert system["the member with a key"] == member_key(bytes.fromhex(CRYPTO["seeds"][0]["public_key"]))
    assert system["the validators"] == encode_key(("validators",))


def test_keys_of_proposals() -> None:
    system = {case["name"]: encoded(case) for case in STATE_KEYS["system"]}
    assert system["the number of proposals"] == PROPOSAL_COUNT_KEY
    assert system["a proposal"] == proposal_key(7)
    assert system["its motion"] == motion_key(7)
    assert system["an organisation's open proposals"] == open_proposals_key("acme")


def _version_fields(version: ContractVersion) -> Case:
    return {**dataclasses.asdict(version), "source_hash": version.source_hash.hex()}


def test_records_of_contracts() -> None:
    system = {case["name"]: encoded(case) for case in STATE_KEYS["system"]}
    first = CONTRACT["sources"][0]
    assert system["a version of a contract"] == contract_version_key("token", 2)
    assert system["a source"] == source_key(source_hash(first["source"]))
    for case in CONTRACT["sources"]:
        assert source_hash(case["source"]).hex() == case["source_hash"]
        assert encode(case["source"]) == encoded(case)
    for case in CONTRACT["versions"]:
        version = decode_contract_version(encoded(case))
        assert version.encoded() == encoded(case)
        assert {**_version_fields(version), "encoded": case["encoded"]} == case
    for case in CONTRACT["contracts"]:
        record = decode_contract(encoded(case))
        assert record.encoded() == encoded(case)
        stated = (case["current"], case["frozen"], case["tokens"])
        assert (_version_fields(record.current), record.frozen, record.tokens) == stated


@pytest.mark.parametrize("case", CONTRACT["invalid_versions"], ids=why)
def test_contract_versions_refused(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_contract_version(encoded(case))


@pytest.mark.parametrize("case", CONTRACT["invalid_contracts"], ids=why)
def test_contract_records_refused(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_contract(encoded(case))


@pytest.mark.parametrize("case", PROPOSALS["proposals"], ids=why)
def test_proposals(case: Case) -> None:
    proposal = decode_proposal(encoded(case))
    assert proposal.encoded() == encoded(case)
    stated = {name: value for name, value in case.items() if name not in ("why", "encoded")}
    assert json.loads(json.dumps(dataclasses.asdict(proposal))) == stated


@pytest.mark.parametrize("case", PROPOSALS["motions"], ids=why)
def test_motions(case: Case) -> None:
    motion = decode_motion(encoded(case))
    assert motion.encoded() == encoded(case)
    assert (to_json(motion.args), motion.reason, list(motion.roles)) == (case["args"], case["reason"], case["roles"])


def test_lists_of_open_proposals() -> None:
    for case in PROPOSALS["open_proposals"]:
        assert [list(entry) for entry in decode_open(encoded(case))] == case["entries"]
        assert encode_open(decode_open(encoded(case))) == encoded(case)


@pytest.mark.parametrize("case", PROPOSALS["invalid_proposals"], ids=why)
def test_proposals_refused(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_proposal(encoded(case))


@pytest.mark.parametrize("case", PROPOSALS["invalid_motions"], ids=why)
def test_motions_refused(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_motion(encoded(case))


@pytest.mark.parametrize("case", STATE_KEYS["invalid"], ids=why)
def test_state_keys_refused(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_key(encoded(case))


@pytest.mark.parametrize("case", GENESIS["valid"], ids=lambda case: case["name"])
def test_genesis(case: Case) -> None:
    genesis = decode_genesis(encoded(case))
    assert genesis.encoded() == encoded(case)
    assert genesis.genesis_hash.hex() == case["genesis_hash"]
    assert encode(genesis.validators.as_value()).hex() == case["validators"]
    assert genesis.validators.validators_hash.hex() == case["validators_hash"]
    assert (genesis.name, genesis.time) == (case["name"], case["time"])
    for name, value in case["parameters"].items():
        assert getattr(genesis.parameters, name) == value
    for name, value in case["governance"].items():
        assert getattr(genesis.governance, name) == (tuple(value) if isinstance(value, list) else value)
    assert list(genesis.validators.ids) == case["validator_ids"]
    assert [[it.organisation_id, it.name, it.root_key.hex()] for it in genesis.organisations] == case["organisations"]
    assert [[it.member_id, it.key.hex(), list(it.roles)] for it in genesis.members] == case["members"]
    assert [[it.name, it.source, to_json(it.args)] for it in genesis.contracts] == case["contracts"]


@pytest.mark.parametrize("case", GENESIS["invalid"], ids=why)
def test_genesis_refused(case: Case) -> None:
    with pytest.raises((DecodeError, GenesisError)):
        decode_genesis(encoded(case))


def test_quorums() -> None:
    validator = VALIDATORS.validators[0]
    for case in GENESIS["quorums"]:
        entries = [[f"v{n:02d}", "acme", n.to_bytes(32, "big"), [b"c"]] for n in range(case["validators"])]
        current = validator_set_from_value([1, 0, entries])
        assert (current.faults_max, current.quorum) == (case["faults_max"], case["quorum"])
    assert VALIDATORS.find("v01") == validator


@pytest.mark.parametrize("case", TRANSACTION["valid"], ids=why)
def test_transactions(case: Case) -> None:
    transaction = decode_transaction(bytes.fromhex(case["raw"]), size_max=100_000)
    assert transaction.body.encoded().hex() == case["body"]
    assert transaction.transaction_id.hex() == case["id"]
    assert transaction.merkle_leaf.hex() == case["leaf"]
    assert verify_transaction(transaction) == case["signature_valid"]
    assert transaction.body.sender_key.hex() == TRANSACTION["sender"]["public_key"]


@pytest.mark.parametrize("case", TRANSACTION["invalid"], ids=why)
def test_transactions_refused(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_transaction(encoded(case), size_max=100_000)


@pytest.mark.parametrize("case", RECEIPT["valid"], ids=why)
def test_receipts(case: Case) -> None:
    receipt = decode_receipt(encoded(case))
    assert receipt.encoded() == encoded(case)
    assert receipt.transaction_id.hex() == case["transaction_id"]
    assert [str(number) for number in (receipt.height, receipt.index, receipt.gas_used)] == [
        *(case["height"], case["index"], case["gas_used"])
    ]
    assert receipt.code == case["code"]
    events = [[event.contract, event.name, {"map": fields_to_json(event.fields)}] for event in receipt.events]
    assert events == case["events"]
    assert to_json(receipt.values) == case["values"]


@pytest.mark.parametrize("case", RECEIPT["invalid"], ids=why)
def test_receipts_refused(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_receipt(encoded(case))


@pytest.mark.parametrize("case", RECEIPT["results"], ids=why)
def test_results(case: Case) -> None:
    result = decode_result(encoded(case))
    assert result.encoded() == encoded(case)
    assert result.result_hash.hex() == case["result_hash"]
    assert merkle_root(map(bytes.fromhex, case["receipts"])).hex() == case["receipts_root"]
    assert [digest.hex() for digest in (result.state_root, result.receipts_root, result.next_validators_hash)] == [
        *(case["state_root"], case["receipts_root"], case["next_validators_hash"])
    ]


@pytest.mark.parametrize("case", RECEIPT["malformed_results"], ids=why)
def test_results_refused(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_result(encoded(case))


def test_bounds_of_receipts() -> None:
    for case in RECEIPT["bounds"]:
        assert receipt_bytes_max(case["gas_limit"], case["block_gas_max"]) == case["receipt_bytes_max"]


@pytest.mark.parametrize("case", BLOCK["valid"], ids=why)
def test_blocks(case: Case) -> None:
    block = decode_block(encoded(case))
    assert block.block_hash.hex() == case["block_hash"]
    assert [raw.hex() for raw in block.transactions] == case["transactions"]
    assert block.header == decode_header(bytes.fromhex(case["encoded_header"]))
    assert block.header.encoded().hex() == case["encoded_header"]
    for name, value in case["header"].items():
        found = getattr(block.header, name)
        assert (found.hex() if isinstance(found, bytes) else found) == value
    leaves = [decode_transaction(raw, size_max=len(raw)).merkle_leaf for raw in block.transactions]
    assert merkle_root(leaves) == block.header.transactions_root


@pytest.mark.parametrize("case", BLOCK["invalid"], ids=why)
def test_blocks_refused(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_block(encoded(case))


@pytest.mark.parametrize("case", CERTIFICATE["cases"], ids=why)
def test_certificates(case: Case) -> None:
    certificate = decode_certificate(encoded(case))
    assert certificate.encoded() == encoded(case)
    assert certificate.subject.payload(certificate.phase).hex() == case["payload"]
    assert [name for name, _ in certificate.signatures] == case["signers"]
    found = (certificate.phase, certificate.subject.height, certificate.subject.view)
    assert found == (case["phase"], case["height"], case["view"])
    if case["valid"]:
        check_certificate(certificate, VALIDATORS)
    else:
        with pytest.raises(CertificateError):
            check_certificate(certificate, VALIDATORS)


@pytest.mark.parametrize("case", CERTIFICATE["malformed"], ids=why)
def test_certificates_refused(case: Case) -> None:
    with pytest.raises(DecodeError):
        decode_certificate(encoded(case))


def test_recorded_blocks() -> None:
    case = CERTIFICATE["recorded_block"]
    block, result, certificate = (bytes.fromhex(case[name]) for name in ("block", "result", "certificate"))
    record = RecordedBlock(block, result, certificate, tuple(map(bytes.fromhex, case["receipts"])))
    assert record.encoded() == encoded(case)
    assert decode_recorded_block(encoded(case)) == record
    whole = bytes.fromhex(case["range"]["encoded"])
    assert decode_range(whole) == (case["range"]["first"], (encoded(case),))
    assert encode_range(1, [encoded(case)]) == whole
