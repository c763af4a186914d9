"""Golden vectors of proof files: each proves exactly its statement, and no forgery proves anything."""

import json
from pathlib import Path
from typing import Any

import pytest

from chain.encoding import DecodeError
from chain.genesis import decode_genesis
from chain.proof_file import decode_proof_file
from chain.types import Digest
from tallystick.proof import ProofError
from tallystick.proof_checking import GenesisMissing, check_proof
from tallystick.proof_facts import proven_json

PROOFS = json.loads((Path(__file__).parent / "proofs.json").read_text())
GENESIS = decode_genesis(bytes.fromhex(PROOFS["genesis"]))
HASH = Digest(bytes.fromhex(PROOFS["genesis_hash"]))


@pytest.mark.parametrize("case", PROOFS["valid"], ids=lambda case: str(case["name"]))
def test_what_is_proven(case: Any) -> None:
    data = bytes.fromhex(case["file"])
    assert proven_json(check_proof(data, GENESIS)) == case["proven"]
    assert decode_proof_file(data).encoded() == data


@pytest.mark.parametrize("case", PROOFS["valid"], ids=lambda case: str(case["name"]))
def test_the_hash_alone_is_enough_where_the_file_carries_the_genesis(case: Any) -> None:
    data = bytes.fromhex(case["file"])
    if decode_proof_file(data).genesis is None:
        with pytest.raises(GenesisMissing):
            check_proof(data, HASH)
    else:
        assert proven_json(check_proof(data, HASH)) == case["proven"]


@pytest.mark.parametrize("case", PROOFS["forged"], ids=lambda case: str(case["name"]))
def test_forgeries_are_refused(case: Any) -> None:
    with pytest.raises((DecodeError, ProofError)):
        check_proof(bytes.fromhex(case["file"]), GENESIS)


def test_another_ledger_is_none_of_its_business() -> None:
    for case in PROOFS["valid"]:
        with pytest.raises(ProofError, match="is about the ledger"):
            check_proof(bytes.fromhex(case["file"]), Digest(bytes(32)))
