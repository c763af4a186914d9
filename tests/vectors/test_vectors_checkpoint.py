"""Golden vectors of signed heads: the note, who has signed it, and what is none."""

import json
from pathlib import Path
from typing import Any

import pytest

from chain.checkpoint import Checkpoint, Note, NoteError, cosign, cosigned_at, is_signed, member_key_name, parse_note
from chain.types import Digest

CASES = json.loads((Path(__file__).parent / "checkpoint.json").read_text())
CHAIN = Digest(bytes.fromhex(CASES["chain_id"]))
NOTE = bytes.fromhex(CASES["note"])
MEMBER, WITNESS = CASES["member"], CASES["witness"]


def test_the_note() -> None:
    note = parse_note(NOTE, CHAIN)
    assert note.checkpoint == Checkpoint(CHAIN, CASES["size"], Digest(bytes.fromhex(CASES["root"])))
    assert note.text.encode() == NOTE
    assert member_key_name(note.checkpoint, "node-1") == MEMBER["key_name"]
    assert is_signed(note, MEMBER["key_name"], bytes.fromhex(MEMBER["public_key"]))
    assert cosigned_at(note, WITNESS["key_name"], bytes.fromhex(WITNESS["public_key"])) == WITNESS["seconds"]
    made = cosign(note.checkpoint, WITNESS["key_name"], bytes.fromhex(WITNESS["seed"]), WITNESS["seconds"])
    assert made == note.signatures[1]
    assert [each.key_id.hex() for each in note.signatures] == [MEMBER["key_id"], WITNESS["key_id"]]
    assert Note(note.checkpoint, (note.signatures[0], made)) == note


@pytest.mark.parametrize("case", CASES["invalid"], ids=lambda case: str(case["why"]))
def test_what_is_no_note(case: Any) -> None:
    with pytest.raises(NoteError):
        parse_note(bytes.fromhex(case["note"]), CHAIN)


@pytest.mark.parametrize("case", CASES["bad_signatures"], ids=lambda case: str(case["why"]))
def test_bad_signatures(case: Any) -> None:
    note = parse_note(bytes.fromhex(case["note"]), CHAIN)
    with pytest.raises(NoteError, match="bad signature"):
        is_signed(note, MEMBER["key_name"], bytes.fromhex(MEMBER["public_key"]))
    with pytest.raises(NoteError, match="bad cosignature"):
        cosigned_at(note, WITNESS["key_name"], bytes.fromhex(WITNESS["public_key"]))
