"""A history is held against heads that members have signed, kept from nodes or by witnesses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from audit_support import write_data_folder
from chain_maker import ChainMaker, make_genesis, seed_of
from click.testing import CliRunner, Result

from audit.consistency import Comparison
from audit.signed_heads import compare_with_head
from chain.checkpoint import checkpoint_of, cosign, head_note, parse_note
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


def compare(maker: ChainMaker, data: bytes, live: bool = False) -> Comparison:
    return compare_with_head(maker.source, maker.genesis, data, "note", live=live)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(tally, ["audit", *map(str, arguments)])


def test_a_head_of_this_history_says_what_it_excludes() -> None:
    maker = grown(5)
    found = compare(maker, note_of(maker, 4))
    assert found.mismatch is None
    assert found.agreed == 3
    assert found.statement == "note: a head of size 4, signed by v01, which is part of this history"
    assert found.excluded == "that v01, who signed note, had another history up to block 3"


def test_witnesses_on_a_note_are_named_and_not_believed() -> None:
    maker = grown(3)
    note = parse_note(note_of(maker, 3), maker.genesis.genesis_hash)
    own = cosign(note.checkpoint, "witness.example/acme", bytes(32), 1_700_000_000)
    statement = compare(maker, replace(note, signatures=(*note.signatures, own)).text.encode()).statement
    assert statement.endswith("part of this history; cosigned by witness.example/acme, whose keys were not checked")


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
def test_what_nobody_signed_proves_nothing(seed: str, why: str) -> None:
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
    assert (found.mismatch, found.agreed, found.excluded) == (None, None, "")
    assert "proves nothing" in found.statement
    assert why in found.statement


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
