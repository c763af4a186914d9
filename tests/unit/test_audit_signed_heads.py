"""A history is held against heads that members have signed, kept from nodes or by witnesses."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from audit_support import write_data_folder
from chain_maker import ChainMaker, make_genesis, seed_of
from click.testing import CliRunner, Result

from audit.consistency import Comparison
from audit.mismatch import Level
from audit.signed_heads import compare_with_head
from chain.checkpoint import (
    COSIGNATURE,
    ED25519,
    NoteError,
    WitnessKey,
    checkpoint_of,
    cosign,
    head_note,
    parse_note,
    parse_witness_key,
    verifier_key,
)
from chain.crypto import public_key_of
from chain.types import ValidatorId
from cli.main import tally


def grown(blocks: int, fork_at: int | None = None) -> ChainMaker:
    maker = ChainMaker()
    for height in range(1, blocks + 1):
        maker.decide(maker.transfer(amount=99 if height == fork_at else 1))
    return maker


def note_of(maker: ChainMaker, height: int, validator: str = "v01") -> bytes:
    header = maker.records[height - 1].decoded_block().header
    return head_note(header, ValidatorId(validator), seed_of(validator)).encode()


def compare(maker: ChainMaker, data: bytes, live: bool = False, witnesses: Sequence[WitnessKey] = ()) -> Comparison:
    return compare_with_head(maker.source, maker.genesis, data, "note", live=live, witnesses=witnesses)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(tally, ["audit", *map(str, arguments)])


def test_a_head_of_this_history_says_what_it_excludes() -> None:
    maker = grown(5)
    found = compare(maker, note_of(maker, 4))
    assert found.mismatch is None
    assert found.agreed == 3
    assert found.statement == "note: a head of size 4, signed by v01, which is part of this history"
    assert found.excluded == "that v01, who signed note, had another history up to block 3"


WITNESS = "witness.example/acme"
SECONDS = 1_700_000_000


def cosigned_note(maker: ChainMaker, size: int, seed: bytes = bytes(32), members: bool = True) -> bytes:
    """Return the head of a size, cosigned by a witness, with or without the member's own signature."""
    note = parse_note(note_of(maker, size), maker.genesis.genesis_hash)
    own = cosign(note.checkpoint, WITNESS, seed, SECONDS)
    return replace(note, signatures=(*(note.signatures if members else ()), own)).text.encode()


def witness_key(seed: bytes = bytes(32), name: str = WITNESS) -> WitnessKey:
    return WitnessKey(name, public_key_of(seed))


def test_cosignatures_are_checked_with_the_keys_at_hand_and_it_is_said_which() -> None:
    maker = grown(3)
    data = cosigned_note(maker, 3)
    unknown = compare(maker, data)
    assert unknown.statement.endswith(
        "signed by v01, which is part of this history; a cosignature in the name of witness.example/acme was not"
        " checked: no key was given (--witness)"
    )
    assert unknown.excluded == "that v01, who signed note, had another history up to block 2"
    known = compare(maker, data, witnesses=[witness_key()])
    assert known.statement.endswith(
        "signed by v01 and witness.example/acme, which is part of this history; cosigned by witness.example/acme on"
        " 2023-11-14 22:13:20.000 UTC, checked with the key given"
    )
    assert known.excluded == "that v01 and witness.example/acme, who signed note, had another history up to block 2"
    others = compare(maker, data, witnesses=[witness_key(bytes([9]) * 32), witness_key(name="witness.example/b")])
    assert "not cosigned by witness.example/acme; not cosigned by witness.example/b" in others.statement
    assert "in the name of witness.example/acme was not checked" in others.statement
    assert others.excluded == unknown.excluded


def test_a_bad_cosignature_is_a_finding() -> None:
    maker = grown(3)
    note = parse_note(cosigned_note(maker, 3), maker.genesis.genesis_hash)
    member, own = note.signatures
    broken = replace(own, signature=own.signature[:8] + bytes(64))
    later = replace(own, signature=(SECONDS + 1).to_bytes(8, "big") + own.signature[8:])
    for line in (broken, later):
        found = compare(maker, replace(note, signatures=(member, line)).text.encode(), witnesses=[witness_key()])
        assert found.mismatch is not None
        assert (found.mismatch.field, found.mismatch.found) == ("signed_head", f"a bad cosignature of {WITNESS}")
        assert (found.statement, found.excluded) == ("", "")


def test_a_head_that_a_known_witness_alone_has_signed_binds_the_witness() -> None:
    maker, other = grown(4), grown(4, 2)
    alone = cosigned_note(maker, 3, members=False)
    assert compare(maker, alone).mismatch is not None
    found = compare(maker, alone, witnesses=[witness_key()])
    assert found.excluded == f"that {WITNESS}, who signed note, had another history up to block 2"
    parted = compare(maker, cosigned_note(other, 4, members=False), witnesses=[witness_key()]).mismatch
    assert parted is not None
    assert (parted.height, parted.field) == (4, "header.history_root")
    assert f"{WITNESS} signed a head of size 4 with another root" in parted.detail


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("witness.example/acme", "NAME+ID+KEY is expected"),
        ("witness.example/acme+00000000+!!", "NAME+ID+KEY is expected"),
        ("witness.example/acme+00000000+BAAA", "NAME+ID+KEY is expected"),
        ("two words+00000000+" + "BAAA" * 11, "NAME+ID+KEY is expected"),
        (verifier_key(WITNESS, ED25519, bytes(32)), "not one for cosignatures: its type is 1, not 4"),
        (verifier_key(WITNESS, COSIGNATURE, bytes(32)).replace("acme", "acne"), "copied wrongly"),
    ],
)
def test_keys_of_witnesses_are_read_strictly(text: str, why: str) -> None:
    with pytest.raises(NoteError, match=re.escape(why)):
        parse_witness_key(text)
    assert parse_witness_key(verifier_key(WITNESS, COSIGNATURE, bytes(32))) == WitnessKey(WITNESS, bytes(32))


@pytest.mark.parametrize("fork_at", [1, 3])
def test_a_head_of_another_history_is_found(fork_at: int) -> None:
    maker, other = grown(5), grown(5, fork_at)
    found = compare(maker, note_of(other, 5, "v02")).mismatch
    assert found is not None
    assert (found.height, found.field) == (5, "header.history_root")
    assert "v02 signed a head of size 5 with another root" in found.detail
    # A fork above the head's blocks is none of the head's business.
    assert compare(maker, note_of(other, fork_at)).mismatch is None


def test_a_signed_head_tells_that_blocks_are_held_back() -> None:
    short, long = grown(2), grown(6)
    found = compare(short, note_of(long, 6)).mismatch
    assert found is not None
    assert (found.height, found.field, found.expected) == (2, "height", "at least 6")
    # A node that is asked just now is simply further.
    assert compare(short, note_of(long, 6), live=True).mismatch is None


def test_a_head_of_another_network_is_found() -> None:
    other = ChainMaker(make_genesis(name="another network"))
    other.decide(other.transfer())
    found = compare(grown(1), note_of(other, 1)).mismatch
    assert found is not None
    assert (found.height, found.field) == (0, "genesis_hash")


@pytest.mark.parametrize(
    ("seed", "why"), [("v02", "no validator has signed it"), ("v01", "a bad signature of"), ("", "not a checkpoint")]
)
def test_what_nobody_signed_proves_nothing_and_is_a_finding(seed: str, why: str) -> None:
    maker = grown(3)
    data = note_of(maker, 3, "v01")
    if seed == "v02":
        # Signed with a key that is not the one of the validator whom it names.
        data = head_note(maker.records[3 - 1].decoded_block().header, ValidatorId("v01"), seed_of(seed)).encode()
    elif seed == "v01":
        note = parse_note(data, maker.genesis.genesis_hash)
        (line,) = note.signatures
        data = replace(note, signatures=(replace(line, signature=bytes(64)),)).text.encode()
    else:
        data = data.replace(b"\n3\n", b"\n03\n")
    found = compare(maker, data)
    assert (found.statement, found.agreed, found.excluded) == ("", None, "")
    assert found.mismatch is not None
    assert (found.mismatch.level, found.mismatch.field) == (Level.CONSISTENCY, "signed_head")
    assert "proves nothing" in found.mismatch.detail
    assert why in found.mismatch.found


def test_the_command_takes_notes_and_says_what_they_exclude(tmp_path: Path) -> None:
    maker = grown(4)
    folder, note = write_data_folder(maker, tmp_path / "a"), tmp_path / "checkpoint"
    note.write_bytes(note_of(maker, 3))
    found = run(folder, "--other", note, "--json")
    assert found.exit_code == 0
    document = json.loads(found.stdout)
    assert document["excluded"] == [f"that v01, who signed {note}, had another history up to block 2"]
    assert any("behind block 2 nothing was compared" in each for each in document["not_excluded"])
    assert "excluded by what was compared" in run(folder, "--other", note).stdout
    note.write_bytes(note_of(grown(4, 2), 4))
    report = tmp_path / "report.html"
    assert run(folder, "--other", note, "--report", report).exit_code == 3
    assert "with another root" in report.read_text(encoding="utf-8")


def test_checkpoint_of_a_header_counts_the_blocks_before_it() -> None:
    maker = grown(2)
    assert checkpoint_of(maker.records[2 - 1].decoded_block().header).size == 2


def test_the_command_checks_witnesses_and_says_it_again_in_the_report(tmp_path: Path) -> None:
    maker = grown(4)
    folder, note, report = write_data_folder(maker, tmp_path / "a"), tmp_path / "checkpoint", tmp_path / "r.html"
    note.write_bytes(cosigned_note(maker, 3))
    vkey = verifier_key(WITNESS, COSIGNATURE, public_key_of(bytes(32)))
    found = run(folder, "--other", note, "--witness", vkey, "--report", report)
    assert (found.exit_code, "checked with the key given" in found.stdout) == (0, True)
    assert f"--witness {vkey}" in report.read_text(encoding="utf-8").replace("&#x27;", "")
    assert run(folder, "--other", note, "--witness", vkey[:-4]).exit_code == 2
    assert run(folder, "--witness", vkey).exit_code == 2


def test_a_forged_head_ends_with_3_and_is_not_listed_as_checked(tmp_path: Path) -> None:
    maker = grown(4)
    folder, note, report = write_data_folder(maker, tmp_path / "a"), tmp_path / "checkpoint", tmp_path / "r.html"
    forged = head_note(maker.records[2].decoded_block().header, ValidatorId("v01"), bytes(32))
    note.write_bytes(forged.encode())
    found = run(folder, "--other", note, "--json", "--report", report)
    assert found.exit_code == 3
    document = json.loads(found.stdout)
    assert [each for each in document["compared"] if str(note) in each] == []
    assert document["first_mismatch"]["field"] == "signed_head"
    assert document["blocks"] == 4
    assert "not signed by whom it names" in report.read_text(encoding="utf-8")
