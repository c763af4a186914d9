"""Golden vectors of evidence; tests/vectors/README.md explains their fields."""

import json
from pathlib import Path
from typing import Any

import pytest

from chain.encoding import DecodeError
from chain.evidence import decode_evidence
from chain.evidence_check import EvidenceError, check_evidence
from chain.genesis import decode_genesis

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "evidence.json").read_text())
GENESIS = decode_genesis(bytes.fromhex(VECTORS["genesis"]))


def named(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.mark.parametrize("case", VECTORS["valid"], ids=named)
def test_what_proves_something_proves_just_that(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["evidence"])
    evidence = decode_evidence(data)
    assert evidence.encoded() == data
    assert (evidence.digest.hex(), evidence.kind) == (case["digest"], case["kind"])
    finding = check_evidence(evidence, GENESIS, GENESIS.genesis_hash, GENESIS.validators)
    shown = (finding.validator, finding.code, finding.place.height, finding.place.view)
    assert shown == (case["validator"], case["code"], case["height"], case["view"])


@pytest.mark.parametrize("case", VECTORS["invalid"], ids=named)
def test_what_proves_nothing_says_why(case: dict[str, Any]) -> None:
    try:
        evidence = decode_evidence(bytes.fromhex(case["evidence"]))
    except DecodeError:
        code = "malformed"
    else:
        with pytest.raises(EvidenceError) as caught:
            check_evidence(evidence, GENESIS, GENESIS.genesis_hash, GENESIS.validators)
        code = caught.value.code
    assert code == case["error"]


def test_every_kind_of_evidence_has_a_vector() -> None:
    assert {case["kind"] for case in VECTORS["valid"]} == {1, 2, 3, 4}
