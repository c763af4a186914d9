"""A node keeps what it can prove, once, within bounds, across restarts; and a disk that refuses does not end it."""

from dataclasses import replace
from pathlib import Path

import pytest
from test_evidence import (
    BAD,
    CHAIN,
    GENESIS,
    HERE,
    MAKER,
    NOT_SIGNED,
    ONE,
    OTHERS,
    TWO,
    VALIDATORS,
    bad_proposal,
    change,
    fresh_header,
    judged,
    two,
    vote,
)

from assembly import evidence_folder
from assembly.accuser import REFUSED_SECONDS, Accuser, findings_by_validator
from assembly.evidence_folder import EvidenceFolder
from chain.block import Block, make_block
from chain.block_store import BlockRecord, BlockStore
from chain.certificate import Phase
from chain.storage import MemoryStore
from chain.transaction import decode_transaction, transactions_root_of
from chain.types import Digest, Height
from consensus.pbft.events import BadProposal, Equivocation, HidPrepared

PROVEN = two(vote(ONE), vote(TWO))


def folder_at(path: Path) -> EvidenceFolder:
    return EvidenceFolder(path / "evidence", GENESIS)


def store() -> BlockStore:
    """Return the history of the test as a node has stored it."""
    blocks = BlockStore(MemoryStore())
    blocks.append(BlockRecord(Height(0), CHAIN, GENESIS.encoded(), b"", b"", (), (), b""))
    for record in MAKER.records:
        block = record.decoded_block()
        ids = [decode_transaction(raw, size_max=len(raw)).transaction_id for raw in block.transactions]
        header = block.header
        parts = (block.raw, record.certificate, record.result, record.receipts, tuple(ids), header.encoded())
        blocks.append(BlockRecord(header.height, block.block_hash, *parts))
    return blocks


def accuser_into(folder: EvidenceFolder, *bodies: Block, at: list[float] | None = None) -> Accuser:
    known = {block.block_hash: block for block in bodies}
    times = [0.0] if at is None else at
    return Accuser(GENESIS, store(), folder, lambda: VALIDATORS, known.get, lambda: times[-1])


def no_culprit(block_hash: Digest) -> int | None:
    return None


def test_what_is_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    assert not folder.held
    assert folder.keep(PROVEN, judged(PROVEN))
    (held,) = folder.held
    assert (held.data, held.digest, held.is_durable) == (PROVEN.encoded(), PROVEN.digest, True)
    (file,) = (tmp_path / "evidence").iterdir()
    assert file.read_bytes() == PROVEN.encoded()
    again = folder_at(tmp_path)
    assert again.held == folder.held
    assert again.find(PROVEN.digest) == held
    assert again.find(ONE) is None


def test_the_first_of_a_kind_is_enough(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    more = two(vote(ONE, view=4), vote(TWO, view=4))
    assert folder.keep(PROVEN, judged(PROVEN))
    assert not folder.keep(more, judged(more))
    other = two(vote(ONE, signer=OTHERS[0]), vote(TWO, signer=OTHERS[0]))
    other = replace(other, validator=OTHERS[0])
    assert folder.keep(other, judged(other))
    assert findings_by_validator(folder) == {BAD: 1, OTHERS[0]: 1}


def test_there_is_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = two(vote(ONE, phase=Phase.COMMIT), vote(TWO, phase=Phase.COMMIT))
    folder = folder_at(tmp_path)
    monkeypatch.setattr(evidence_folder, "FILES_MAX", 1)
    assert folder.keep(PROVEN, judged(PROVEN))
    assert not folder.keep(commits, judged(commits))
    monkeypatch.setattr(evidence_folder, "FILES_MAX", 9)
    monkeypatch.setattr(evidence_folder, "BYTES_MAX", len(PROVEN.encoded()) + 1)
    assert not folder.keep(commits, judged(commits))
    assert len(folder.held) == len(list((tmp_path / "evidence").iterdir())) == 1


def test_files_that_prove_nothing_are_left_alone_and_not_shown(tmp_path: Path) -> None:
    place = tmp_path / "evidence"
    place.mkdir()
    innocent = two(vote(ONE), vote(TWO, view=1)).encoded()
    (place / "a.evidence").write_bytes(innocent)
    (place / "b.evidence").write_bytes(b"rubbish")
    (place / "c.evidence").write_bytes(PROVEN.encoded())
    (place / "d.evidence").write_bytes(PROVEN.encoded())
    assert [held.digest for held in folder_at(tmp_path).held] == [PROVEN.digest]
    assert len(list(place.iterdir())) == 4


def test_a_disk_that_refuses_costs_the_file_and_not_the_node(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file where the folder should be")
    folder = folder_at(tmp_path)
    assert folder.keep(PROVEN, judged(PROVEN))
    (held,) = folder.held
    assert not held.is_durable


def test_what_the_replica_catches_is_kept(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    accuser = accuser_into(folder)
    accuser.accused(Equivocation(vote(ONE), vote(TWO)), no_culprit)
    accuser.accused(HidPrepared(change(view=3), vote(view=1, phase=Phase.COMMIT)), no_culprit)
    accuser.accused(bad_proposal(fresh_header(parent_hash=ONE)), no_culprit)
    assert [held.finding.code for held in folder.held] == ["hidden_prepared", "two_prepares", "wrong_parent"]


def test_the_transaction_that_makes_a_block_invalid_is_shown(tmp_path: Path) -> None:
    good, wrong = MAKER.transfer(amount=7), MAKER.transfer(valid_until=MAKER.head.time)
    raws = [good.raw, wrong.raw]
    header = fresh_header(transactions_root=transactions_root_of(raws))
    block = make_block(header, raws)
    folder = folder_at(tmp_path)
    accuser_into(folder).accused(bad_proposal(header), lambda block_hash: 1)
    assert not folder.held, "the body is not here"
    accuser_into(folder, block).accused(bad_proposal(header), lambda block_hash: 0)
    assert not folder.held, "the first is a good one"
    accuser_into(folder, block).accused(bad_proposal(header), lambda block_hash: 1)
    assert [held.finding.code for held in folder.held] == ["expired_transaction"]


def test_nobody_is_accused_of_what_cannot_be_shown(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    accuser = accuser_into(folder)
    accuser.accused(BadProposal(HERE, vote().view, BAD, "clock_drift", None), no_culprit)
    accuser.accused(bad_proposal(fresh_header()), no_culprit)
    accuser.accused(Equivocation(replace(vote(ONE), signature=NOT_SIGNED), vote(TWO)), no_culprit)
    assert not folder.held
    assert not (tmp_path / "evidence").exists()


def test_refused_messages_are_looked_at_only_so_often(tmp_path: Path) -> None:
    """Who floods a node with forgeries does not make it check them all twice."""
    folder, times = folder_at(tmp_path), [100.0]
    accuser = accuser_into(folder, at=times)
    forged = replace(change(view=0), signer=OTHERS[0])
    accuser.refused(forged)
    assert not folder.held, "nobody is convicted by what somebody else has signed"
    accuser.refused(change(view=0))
    assert not folder.held, "too soon"
    times.append(100.0 + REFUSED_SECONDS)
    accuser.refused(change(view=0))
    (held,) = folder.held
    assert (held.finding.validator, held.finding.code) == (BAD, "view_change_to_view_0")
