"""Files that are small on disk and would be huge in memory are refused before anything is made of them."""

import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from chain.encoding import DecodeError, decode
from chain.genesis import decode_genesis
from chain.proof_file import PROOF_VALUES_MAX, PlacedTransaction, StoryEvidence, decode_proof_file
from chain.proofs import PROOF_BYTES_MAX, decode_state_proof, decode_transaction_proof
from chain.state_leaf import decode_leaf
from chain.state_proof import StateProofError, verify_proof
from chain.value_count import has_more_values
from tallystick.proof import ProofError
from tallystick.proof_checking import check_proof

ROOT: Final = Path(__file__).parents[2]
VECTORS: Final = json.loads((ROOT / "tests" / "vectors" / "proofs.json").read_text())
GENESIS: Final = decode_genesis(bytes.fromhex(VECTORS["genesis"]))


def empty_arrays(count: int) -> bytes:
    """Return an array of as many empty arrays."""
    return b"\xdd" + count.to_bytes(4, "big") + b"\x90" * count


def with_headers(count: int) -> bytes:
    """Return what begins like a proof file and has empty arrays for headers."""
    return b"\x97\x01\xabtransaction\xc4\x20" + bytes(32) + b"\xc0\x90" + empty_arrays(count) + b"\x90"


HUGE: Final = empty_arrays(2_000_000)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (b"\x01", 1),
        (b"\xe0", 1),
        (b"\xc0", 1),
        (b"\xcf" + bytes(8), 1),
        (b"\x92\xcd\x01\x00\xd3" + bytes(8), 3),
        (b"\x92\xa2ab\xd9\x20" + b"x" * 32, 3),
        (b"\x92\xc4\x03abc\xc5\x00\x01a", 3),
        (b"\x82\xa1a\x91\x01\xa1b\xc3", 6),
        (b"\xde\x00\x01\xa1a\xdc\x00\x01\x01", 4),
        (empty_arrays(1000), 1001),
    ],
)
def test_what_is_a_value(value: bytes, count: int) -> None:
    assert not has_more_values(value, count)
    assert has_more_values(value, count - 1)


def test_what_an_array_announces_counts_before_it_is_there() -> None:
    assert has_more_values(b"\xdd\x00\x10\x00\x00", 0x0F_FFFF)
    assert has_more_values(b"\x91" * 300, 256)


@pytest.mark.parametrize("cut", [b"", b"\xcf\x00", b"\xdd\x00", b"\xd9", b"\xc6\x00\x00\x00\xff", b"\xc1", b"\x91"])
def test_cut_off_bytes_are_for_the_decoder_to_refuse(cut: bytes) -> None:
    assert not has_more_values(cut, 256)
    with pytest.raises(DecodeError):
        decode(cut, values_max=256)


def test_a_whole_file_of_empty_arrays() -> None:
    assert len(decode_proof_file(bytes.fromhex(VECTORS["valid"][0]["file"])).headers) == 1
    for count in (PROOF_VALUES_MAX - 7, PROOF_BYTES_MAX - 60):
        with pytest.raises(DecodeError, match=f"more than {PROOF_VALUES_MAX} values"):
            decode_proof_file(with_headers(count))
    with pytest.raises(DecodeError, match="1 to 1024 headers"):
        decode_proof_file(with_headers(PROOF_VALUES_MAX - 8))


def test_what_stands_inside_as_bytes() -> None:
    for decoded in (decode_transaction_proof, decode_state_proof):
        with pytest.raises(DecodeError, match="more than 256 values"):
            decoded(HUGE)
    with pytest.raises(StateProofError, match="more than 256 values"):
        verify_proof(bytes(32), "c", b"k", HUGE)
    with pytest.raises(DecodeError, match="more than 8 values"):
        decode_leaf(HUGE)


def forged() -> list[tuple[str, bytes, str]]:
    """Return files with huge arrays in bytes that only a hash vouches for, and what is said of them."""
    files = {case["name"]: decode_proof_file(bytes.fromhex(case["file"])) for case in VECTORS["valid"]}
    placed = next(each for each in files.values() if isinstance(each.evidence, PlacedTransaction))
    story = next(each for each in files.values() if isinstance(each.evidence, StoryEvidence))
    changed = next(each for each in files.values() if each.changes)
    place: Any = placed.evidence
    told: Any = story.evidence
    tampered = (replace(told.transactions[0], receipt=HUGE), *told.transactions[1:])
    in_story = replace(told, transactions=tampered)
    return [
        ("genesis", replace(placed, genesis=HUGE).encoded(), "the genesis in the file has the hash"),
        ("receipt", replace(placed, evidence=replace(place, receipt=HUGE)).encoded(), "is not in block"),
        ("receipt of a story", replace(story, evidence=in_story).encoded(), "is not in block"),
        (
            "validators",
            replace(changed, changes=(replace(changed.changes[0], validators=HUGE), *changed.changes[1:])).encoded(),
            "announces others than these validators",
        ),
    ]


@pytest.mark.parametrize(("name", "data", "says"), forged(), ids=lambda each: each if isinstance(each, str) else "")
def test_hashes_are_checked_first(name: str, data: bytes, says: str) -> None:
    with pytest.raises(ProofError, match=says):
        check_proof(data, GENESIS)


def test_the_verifier_of_one_file_refuses_them_in_little_memory(tmp_path: Path) -> None:
    genesis, script = tmp_path / "genesis", str(ROOT / "docs" / "verify_proof.py")
    genesis.write_bytes(bytes.fromhex(VECTORS["genesis"]))
    # Unbounded, the first takes a gigabyte and the others 150 MB each.
    for name, data, _ in [("whole file", with_headers(PROOF_BYTES_MAX - 60), ""), *forged()]:
        (tmp_path / "huge.proof").write_bytes(data)
        found = subprocess.run(
            [sys.executable, "-I", script, str(tmp_path / "huge.proof"), "--genesis", str(genesis)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (96 << 20, 96 << 20)),
        )
        assert (found.returncode, found.stderr.startswith("NOT PROVEN")) == (3, True), (name, found.stderr)
