"""Any byte of a proof file that is changed leads to a refusal or to a true statement, and so do any bytes."""

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import nacl.bindings as sodium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.encoding import DecodeError
from chain.genesis import decode_genesis
from tallystick.proof import ProofError
from tallystick.proof_checking import check_proof
from tallystick.proof_facts import proven_json

PROOFS = json.loads((Path(__file__).parents[1] / "vectors" / "proofs.json").read_text())
GENESIS = decode_genesis(bytes.fromhex(PROOFS["genesis"]))
LONG = 3_500
"""Bytes of the longer files. Of short ones every third byte is changed here and of long ones every eleventh, so that
this takes seconds; PROOF_STEP=1 has every byte of all changed."""

CHANGES = (0x01, 0x80, 0xFF)
HISTORIES = {
    case["proven"]["key"]: case["proven"]["versions"] for case in PROOFS["valid"] if "versions" in case["proven"]
}


@pytest.fixture(scope="module", autouse=True)
def _signatures_once() -> Iterator[None]:
    """Have good signatures checked once: the same few stand in thousands of files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sodium, "crypto_sign_open", lru_cache(maxsize=None)(sodium.crypto_sign_open))
        yield


def is_true(proven: dict[str, Any], original: dict[str, Any]) -> bool:
    """Tell whether a statement is the original one, or a true one that the same proof shows about a neighbour.

    An empty place of the tree is empty for every key that belongs there, and a value is in force at several heights.
    """
    if proven == original:
        return True
    about = {"contract", "key", "at_height", "version"}
    if proven["kind"] != "key" or {name for name in proven if proven[name] != original[name]} - about:
        return proven["kind"] == "history" and not proven["versions"] and proven["key"] not in HISTORIES
    versions = [each for each in HISTORIES.get(proven["key"], []) if each["height"] <= proven["at_height"]]
    return bool(proven["version"] == (versions[-1] if versions else None))


@pytest.mark.parametrize("case", PROOFS["valid"], ids=lambda case: str(case["name"]))
def test_single_bytes(case: Any) -> None:
    data = bytes.fromhex(case["file"])
    refused = 0
    places = range(0, len(data), int(os.environ.get("PROOF_STEP", "3" if len(data) < LONG else "11")))
    for place in places:
        mutated = bytearray(data)
        mutated[place] ^= CHANGES[place % len(CHANGES)]
        try:
            assert is_true(proven_json(check_proof(bytes(mutated), GENESIS)), case["proven"]), place
        except (DecodeError, ProofError):
            refused += 1
    assert refused >= len(places) - (0 if case["proven"]["kind"] in ("validators", "story") else 40)


@pytest.mark.parametrize("case", PROOFS["valid"], ids=lambda case: str(case["name"]))
def test_cut_off_anywhere(case: Any) -> None:
    data = bytes.fromhex(case["file"])
    for size in range(0, len(data), 7):
        with pytest.raises(DecodeError):
            check_proof(data[:size], GENESIS)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(PROOFS["valid"]) - 1), st.data())
def test_any_bytes_in_any_place(piece: bytes, number: int, draw: st.DataObject) -> None:
    case = PROOFS["valid"][number]
    data = bytes.fromhex(case["file"])
    start = draw.draw(st.integers(0, len(data)))
    end = draw.draw(st.integers(start, len(data)))
    try:
        proven = check_proof(data[:start] + piece + data[end:], GENESIS)
    except (DecodeError, ProofError):
        return
    assert is_true(proven_json(proven), case["proven"])
