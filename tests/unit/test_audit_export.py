"""Exports: written in numbered files, continued where they stopped, and covered to the last byte."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chain_maker import ChainMaker, MemorySource, certify, make_genesis

from audit.auditor import run_audit
from audit.export_blocks import HEADER, Damage, compress_block, compress_blocks, read_blocks, read_on
from audit.export_format import (
    GENESIS_FILE,
    MANIFEST_FILE,
    Manifest,
    ManifestError,
    block_file_name,
    decode_manifest,
    sha256_of,
)
from audit.export_source import ExportSource
from audit.export_writer import ExportError, write_export
from audit.mismatch import Level, Mismatch, SourceUnreadable
from audit.ranges import check_light
from audit.verdict import Outcome
from chain.encoding import DecodeError
from chain.recorded_block import RECORDED_BLOCK_BYTES_MAX, decode_recorded_block

FILE_BYTES = 2_000
"""Small files, so that a few blocks fill several."""


def export(folder: Path, source: MemorySource) -> Manifest:
    return write_export(folder, source, lambda height, head: None, FILE_BYTES)


def mismatch_of(folder: Path) -> Mismatch:
    verdict = run_audit(ExportSource(folder))
    assert verdict.outcome is Outcome.MISMATCH
    assert verdict.first_mismatch is not None
    return verdict.first_mismatch


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    maker = ChainMaker()
    maker.decide_many(5)
    return maker


@pytest.fixture
def folder(maker: ChainMaker, tmp_path: Path) -> Path:
    export(tmp_path / "export", maker.source)
    return tmp_path / "export"


def test_an_export_is_audited(maker: ChainMaker, folder: Path) -> None:
    assert set(content(folder)) == {GENESIS_FILE, MANIFEST_FILE, *(block_file_name(number) for number in (1, 2, 3))}
    verdict = run_audit(ExportSource(folder), genesis_hash=maker.genesis.genesis_hash)
    assert (verdict.outcome, verdict.blocks, verdict.transactions) == (Outcome.OK, 5, 10)
    assert verdict.head_hash == maker.head.block_hash.hex()


def test_the_manifest_tells_what_is_where(maker: ChainMaker, folder: Path) -> None:
    document = json.loads((folder / MANIFEST_FILE).read_bytes())
    assert document["format"] == "tallystick-export/2"
    assert document["genesis"]["genesis_hash"] == maker.genesis.genesis_hash.hex()
    assert document["head"] == {"height": 5, "hash": maker.head.block_hash.hex()}
    assert [(entry["first"], entry["last"]) for entry in document["files"]] == [(1, 2), (3, 4), (5, 5)]
    for entry in document["files"]:
        data = (folder / entry["file"]).read_bytes()
        assert (entry["bytes"], entry["sha256"]) == (len(data), sha256_of(data))
        assert entry["last"] - entry["first"] + 1 == len(list(read_blocks(data)))
        assert gzip.decompress(data) == b"".join(maker.source.records[entry["first"] - 1 : entry["last"]])


def test_an_export_without_blocks(tmp_path: Path) -> None:
    maker = ChainMaker()
    manifest = export(tmp_path / "export", maker.source)
    assert (manifest.head_height, manifest.head_hash) == (0, maker.genesis.genesis_hash.hex())
    assert run_audit(ExportSource(tmp_path / "export")).outcome is Outcome.OK


def test_an_export_is_continued_without_touching_its_files(tmp_path: Path) -> None:
    maker = ChainMaker()
    maker.decide_many(3)
    export(tmp_path, maker.source)
    before = content(tmp_path)
    assert export(tmp_path, maker.source).head_height == 3
    assert content(tmp_path) == before
    maker.decide_many(3)
    assert export(tmp_path, maker.source).head_height == 6
    after = content(tmp_path)
    assert all(after[name] == data for name, data in before.items() if name != MANIFEST_FILE)
    assert len(after) > len(before)
    verdict = run_audit(ExportSource(tmp_path), genesis_hash=maker.genesis.genesis_hash)
    assert (verdict.outcome, verdict.blocks) == (Outcome.OK, 6)


def test_an_interrupted_export_is_continued(maker: ChainMaker, tmp_path: Path) -> None:
    class Breaking(MemorySource):
        def blocks(self, first: int, last: int) -> Iterator[bytes]:
            yield from self.records[first - 1 : 4]
            raise SourceUnreadable("the node is gone")

    with pytest.raises(SourceUnreadable):
        export(tmp_path, Breaking(maker.genesis.encoded(), maker.source.records))
    assert run_audit(ExportSource(tmp_path)).blocks == 4
    # What else an interruption may leave behind: a file that the manifest does not name yet, and half a file.
    (tmp_path / block_file_name(3)).write_bytes(b"not named yet")
    (tmp_path / f"{MANIFEST_FILE}.partial").write_bytes(b"half")
    export(tmp_path, maker.source)
    verdict = run_audit(ExportSource(tmp_path))
    assert (verdict.outcome, verdict.blocks) == (Outcome.OK, 5)


def test_an_interruption_before_the_first_manifest(maker: ChainMaker, tmp_path: Path) -> None:
    (tmp_path / GENESIS_FILE).write_bytes(b"half")
    (tmp_path / f"{GENESIS_FILE}.partial").write_bytes(b"half")
    export(tmp_path, maker.source)
    assert run_audit(ExportSource(tmp_path)).outcome is Outcome.OK


@pytest.mark.parametrize("name", [GENESIS_FILE, block_file_name(1), block_file_name(3)])
def test_a_damaged_export_is_not_continued(maker: ChainMaker, folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ExportError, match="not what the manifest says"):
        export(folder, maker.source)


def test_what_cannot_be_continued(maker: ChainMaker, folder: Path, tmp_path: Path) -> None:
    other = ChainMaker(make_genesis(name="another"))
    with pytest.raises(ExportError, match="of chain"):
        export(folder, other.source)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match="does not belong"):
        export(folder, maker.source)
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match="holds no export"):
        export(strange, maker.source)
    (folder / MANIFEST_FILE).write_bytes(b"{}")
    with pytest.raises(ExportError, match="not a manifest"):
        export(folder, maker.source)


def test_another_history_of_the_same_chain_is_not_mixed_in(maker: ChainMaker, folder: Path) -> None:
    fork = ChainMaker()
    fork.decide_many(7, transactions=1)
    with pytest.raises(ExportError, match="audit it, or export from another node"):
        export(folder, fork.source)
    shorter = MemorySource(fork.genesis.encoded(), fork.source.records[:4])
    with pytest.raises(ExportError, match="block 4 is"):
        export(folder, shorter)


def test_a_source_that_gives_no_blocks(maker: ChainMaker, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no block"):
        export(tmp_path, MemorySource(maker.genesis.encoded(), [b"\xc0"]))
    with pytest.raises(ExportError, match="where block 2"):
        export(tmp_path / "other", MemorySource(maker.genesis.encoded(), [maker.source.records[0]] * 2))


def test_a_folder_that_cannot_be_written(maker: ChainMaker, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError, match="cannot be written"):
        export(tmp_path / "file" / "export", maker.source)


def test_no_export_at_all(tmp_path: Path) -> None:
    for missing in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SourceUnreadable):
            run_audit(ExportSource(missing))


def test_flipping_any_byte_is_a_mismatch(tmp_path: Path) -> None:
    """Each byte of each file in turn: the manifest, the genesis and a block, as small as they can be."""
    maker = ChainMaker(make_genesis(validators=1, contracts=[]))
    maker.decide(maker.transfer())
    export(tmp_path, maker.source)
    for name, original in content(tmp_path).items():
        for position in range(len(original)):
            altered = bytearray(original)
            altered[position] ^= 1 << position % 8
            (tmp_path / name).write_bytes(altered)
            assert run_audit(ExportSource(tmp_path)).outcome is Outcome.MISMATCH, f"byte {position} of {name}"
        (tmp_path / name).write_bytes(original)
    assert run_audit(ExportSource(tmp_path)).outcome is Outcome.OK


def test_appending_or_cutting_a_byte_is_a_mismatch(folder: Path) -> None:
    for name, original in content(folder).items():
        for altered in (original + b"\n", original + b"\x00", original[:-1], b""):
            (folder / name).write_bytes(altered)
            mismatch_of(folder)
        (folder / name).write_bytes(original)


def test_a_missing_or_an_additional_file_is_a_mismatch(folder: Path) -> None:
    for name, height in ((MANIFEST_FILE, 0), (GENESIS_FILE, 0), (block_file_name(2), 3), (block_file_name(3), 5)):
        original = (folder / name).read_bytes()
        (folder / name).unlink()
        found = mismatch_of(folder)
        assert (found.level, found.height, found.field) == (Level.FORM, height, name)
        (folder / name).write_bytes(original)
    (folder / "notes.txt").write_text("mine")
    assert mismatch_of(folder).field == "notes.txt"


def test_an_altered_block_is_named_rather_than_its_file(maker: ChainMaker, folder: Path) -> None:
    path = folder / block_file_name(2)
    records = list(read_blocks(path.read_bytes()))
    altered = bytearray(records[1])
    altered[-1] ^= 1
    path.write_bytes(compress_blocks([records[0], bytes(altered)]))
    found = mismatch_of(folder)
    assert (found.level, found.height, found.field) == (Level.RECEIPTS, 4, "receipt.values[0]")


def test_behind_a_file_that_is_another_one_the_audit_goes_on_with_the_next(maker: ChainMaker, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    write_export(folder, maker.source, lambda height, head: None, 900)
    manifest = decode_manifest((folder / MANIFEST_FILE).read_bytes())
    assert len(manifest.files) == 5
    for number in (1, 3):
        entry = manifest.files[number - 1]
        path = folder / entry.file
        path.write_bytes(path.read_bytes() + compress_block(maker.records[entry.last].encoded()))
    altered = folder / manifest.files[3].file
    few = certify(maker.genesis, maker.records[3].decoded_block(), maker.records[3].decoded_result(), ["v01"])
    altered.write_bytes(compress_block(replace(maker.records[3], certificate=few.encoded()).encoded()))
    verdict = run_audit(ExportSource(folder))
    assert [(each.level, each.height, each.field) for each in verdict.mismatches] == [
        (Level.FORM, 2, "blocks-000001.gz heights"),
        (Level.FORM, 4, "blocks-000003.gz heights"),
        (Level.CERTIFICATES, 4, "certificate.signatures"),
        (Level.FORM, 4, f"manifest: bytes of {altered.name}"),
    ]
    assert verdict.execution_ended is None
    shown = check_light(ExportSource(folder), maker.genesis, 1, 5, Level.RECEIPTS)
    assert {(each.height, each.field) for each in shown.mismatches} == {
        (each.height, each.field) for each in verdict.mismatches
    }


def test_another_quorum_is_true_but_not_what_the_manifest_says(maker: ChainMaker, folder: Path) -> None:
    path = folder / block_file_name(3)
    records = list(read_blocks(path.read_bytes()))
    record = decode_recorded_block(records[0])
    other = certify(maker.genesis, record.decoded_block(), record.decoded_result(), ["v02", "v03", "v04"])
    path.write_bytes(
        compress_blocks([type(record)(record.block, record.result, other.encoded(), record.receipts).encoded()])
    )
    found = mismatch_of(folder)
    # Whether the other signatures compress to the same length is chance.
    names = [f"manifest: {what} of {block_file_name(3)}" for what in ("bytes", "sha256")]
    assert (found.level, found.height) == (Level.FORM, 5) and found.field in names


def test_blocks_in_other_files_than_the_manifest_says(folder: Path) -> None:
    one, two = folder / block_file_name(1), folder / block_file_name(2)
    first_records, second_records = (list(read_blocks(path.read_bytes())) for path in (one, two))
    one.write_bytes(compress_blocks([*first_records, second_records[0]]))
    found = mismatch_of(folder)
    assert (found.height, found.field) == (len(first_records) + 1, f"{block_file_name(1)} heights")


ALTERATIONS: list[tuple[str, Callable[[str], str]]] = [
    ("white space", lambda text: text.replace(": ", ":  ", 1)),
    ("a repeated name", lambda text: text.replace('"format"', '"format": "tallystick-export/2",\n "format"', 1)),
    ("an unknown name", lambda text: text.replace('"format"', '"more": 1,\n "format"', 1)),
    ("another format", lambda text: text.replace("export/2", "export/3", 1)),
    ("a number as text", lambda text: text.replace('"height": 5', '"height": "5"')),
    ("a fraction", lambda text: text.replace('"height": 5', '"height": 5.0')),
    ("infinity", lambda text: text.replace('"height": 5', '"height": 1e999')),
    ("a higher head", lambda text: text.replace('"height": 5', '"height": 6')),
    ("another file name", lambda text: text.replace("blocks-000001", "blocks-00001")),
    ("a path", lambda text: text.replace("blocks-000001", "../blocks-000001")),
    ("a gap", lambda text: text.replace('"first": 3', '"first": 4')),
    ("an empty range", lambda text: text.replace('"first": 5', '"first": 6')),
    ("no object", lambda text: "[]\n"),
    ("deep nesting", lambda text: "[" * 100_000),
]


@pytest.mark.parametrize(("_why", "alter"), ALTERATIONS, ids=[why for why, _ in ALTERATIONS])
def test_a_manifest_has_one_form(folder: Path, _why: str, alter: Callable[[str], str]) -> None:
    path = folder / MANIFEST_FILE
    altered = alter(path.read_text()).encode()
    assert altered != path.read_bytes()
    with pytest.raises(ManifestError):
        decode_manifest(altered)
    path.write_bytes(altered)
    assert mismatch_of(folder).field == MANIFEST_FILE


def test_each_field_of_the_manifest_is_computed_anew(maker: ChainMaker, folder: Path) -> None:
    path = folder / MANIFEST_FILE
    text = path.read_text()
    genesis = maker.genesis.encoded()
    lies = (
        (f'"bytes": {len(genesis)}', '"bytes": 1', "genesis bytes"),
        (sha256_of(genesis), "0" * 64, "genesis sha256"),
        (maker.genesis.genesis_hash.hex(), "0" * 64, "genesis_hash"),
        (maker.head.block_hash.hex(), "0" * 64, "head hash"),
    )
    for old, new, field in lies:
        assert old in text
        path.write_text(text.replace(old, new))
        assert mismatch_of(folder).field == f"manifest: {field}"


def test_a_part_of_an_export_can_be_read(maker: ChainMaker, folder: Path) -> None:
    assert list(ExportSource(folder).blocks(2, 4)) == maker.source.records[1:4]


def test_damage_is_named_by_the_block_that_it_hit(maker: ChainMaker, folder: Path) -> None:
    """Each byte of a file of two blocks in turn: in the first member it is block 1, in the second block 2."""
    path = folder / block_file_name(1)
    original = path.read_bytes()
    border = len(compress_block(maker.source.records[0]))
    for position in range(0, len(original), 7):
        path.write_bytes(original[:position] + bytes([original[position] ^ 0x10]) + original[position + 1 :])
        assert mismatch_of(folder).height == (1 if position < border else 2), position


def test_behind_damage_the_audit_goes_on_with_what_can_be_read(maker: ChainMaker, folder: Path) -> None:
    """Damage in the middle of a file, a file that is cut off, one that is missing: each is said once."""
    one, two, three = (folder / block_file_name(number) for number in (1, 2, 3))
    first = len(compress_block(maker.source.records[0]))
    data = one.read_bytes()
    one.write_bytes(data[:30] + bytes(5) + data[35:])
    verdict = run_audit(ExportSource(folder))
    found = [(each.level, each.height, each.field) for each in verdict.mismatches]
    assert found == [(Level.FORM, 1, one.name)]
    assert "compressed block at byte 0" in verdict.mismatches[0].found
    assert verdict.execution_ended == 1
    # A false certificate in the last file is found behind a damaged, a cut-off file.
    one.write_bytes(data[: first + 20])
    record = decode_recorded_block(next(read_blocks(three.read_bytes())))
    forged = type(record)(record.block, record.result, record.certificate[:-1] + b"\x00", record.receipts)
    three.write_bytes(compress_blocks([forged.encoded()]))
    places = [(each.level, each.height) for each in run_audit(ExportSource(folder)).mismatches]
    assert places[:2] == [(Level.FORM, 2), (Level.CERTIFICATES, 5)]
    two.unlink()
    lost = run_audit(ExportSource(folder)).mismatches
    assert [(each.height, each.field, each.found) for each in lost[1:2]] == [(3, two.name, "no such file")]
    assert (lost[2].level, lost[2].height) == (Level.CERTIFICATES, 5)


def test_damage_that_pretends_to_hold_many_blocks_costs_little(maker: ChainMaker) -> None:
    record = maker.source.records[0]
    data = compress_block(record) + HEADER * 5_000 + compress_block(maker.source.records[2])
    items = list(read_on(data, 1, 3))
    assert items[0] == (1, record)
    assert isinstance(items[1][1], Damage)
    assert (items[1][0], items[1][1].next_height, len(items)) == (2, None, 2)
    # Within the bound the third block is found, and the second one is lost.
    data = compress_block(record) + HEADER * 50 + compress_block(maker.source.records[2])
    items = list(read_on(data, 1, 3))
    assert [height for height, _ in items] == [1, 2, 3]
    assert items[2][1] == maker.source.records[2]


def test_a_manifest_names_no_more_blocks_of_a_file_than_there_may_be(folder: Path) -> None:
    path = folder / MANIFEST_FILE
    text = path.read_text().replace('"last": 5', '"last": 99999999').replace('"height": 5', '"height": 99999999')
    path.write_text(text)
    found = mismatch_of(folder)
    assert (found.height, found.field) == (0, MANIFEST_FILE)


def test_blocks_that_another_program_has_compressed_are_read_too(maker: ChainMaker) -> None:
    record = maker.source.records[0]
    stored = zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = stored.compress(record) + stored.flush()
    trailer = zlib.crc32(record).to_bytes(4, "little") + len(record).to_bytes(4, "little")
    assert list(read_blocks(HEADER + body + trailer)) == [record]


def test_a_block_that_grows_without_end_is_refused() -> None:
    with pytest.raises(DecodeError, match="larger than a block may be"):
        list(read_blocks(compress_block(bytes(RECORDED_BLOCK_BYTES_MAX + 1))))
