"""Damage on disk: whatever byte of whatever file changes, the store says so or still returns what was written."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from chain.storage import Head, StoreDamaged, StoreError, StoreFormatUnknown, StoreRolledBack
from chain.store import LevelStore, open_store
from chain.types import Digest, Height

CHAIN = b"c" * 32
BATCHES = 12
FLIPS_PER_FILE = 40
CUTS_PER_FILE = 20

Content = list[tuple[bytes, bytes]]


def head_at(height: int) -> Head:
    return Head(Height(height), Digest(bytes([height]) * 32))


def opened(folder: Path) -> LevelStore:
    return open_store(folder, "state", CHAIN, 1 << 20, create=True)


def value_of(height: int, number: int) -> bytes:
    """Bytes that do not compress away, so that flips hit them."""
    return b"".join((height * 7919 + number * 104_729 + part * 15_485_863).to_bytes(6, "big")[2:] for part in range(30))


def write_batch(store: LevelStore, height: int) -> None:
    store.write([(b"x%02d%02d" % (height, number), value_of(height, number)) for number in range(8)], head_at(height))


@dataclass(frozen=True)
class Written:
    """A closed store's folder with table files and a log, and what it holds."""

    folder: Path
    content: Content
    head: Head


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("damage") / "state"
    for heights in (range(BATCHES // 2), range(BATCHES // 2, BATCHES)):
        # Reopening turns the log of the first half into a table file.
        store = opened(folder)
        for height in heights:
            write_batch(store, height)
        content = list(store.scan(b"x", b"y"))
        store.close()
    assert list((folder / "leveldb").glob("*.ldb")) and len(content) == BATCHES * 8
    return Written(folder, content, head_at(BATCHES - 1))


@pytest.fixture
def copies(written: Written, tmp_path: Path) -> Callable[[], Path]:
    def copy() -> Path:
        folder = tmp_path / "state"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(written.folder, folder)
        return folder

    return copy


def read_all(folder: Path) -> tuple[Content, Head | None]:
    """Open the store and read everything in both directions and one by one."""
    store = opened(folder)
    try:
        content = list(store.scan(b"x", b"y"))
        assert list(store.scan(b"x", b"y", reverse=True)) == content[::-1]
        assert [(key, store.get(key)) for key, _ in content] == content
        return content, store.head
    finally:
        store.close()


def the_file(folder: Path, pattern: str) -> Path:
    """The largest file of a kind."""
    return max(folder.glob(pattern), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("pattern", ["leveldb/*.ldb", "leveldb/*.log", "leveldb/MANIFEST-*", "leveldb/CURRENT", "head"])
@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_no_flipped_byte_reads_as_something_else(
    written: Written, copies: Callable[[], Path], pattern: str, mask: int
) -> None:
    size = the_file(written.folder, pattern).stat().st_size
    detected = 0
    for at in sorted({size * step // FLIPS_PER_FILE for step in range(FLIPS_PER_FILE)}):
        folder = copies()
        path = the_file(folder, pattern)
        data = bytearray(path.read_bytes())
        data[at] ^= mask
        path.write_bytes(data)
        try:
            assert read_all(folder) == (written.content, written.head), f"byte {at} of {path.name}"
        except (StoreDamaged, StoreFormatUnknown):
            detected += 1
    assert detected > 0


@pytest.mark.parametrize("pattern", ["leveldb/*.ldb", "leveldb/*.log", "leveldb/MANIFEST-*", "leveldb/CURRENT"])
def test_a_lost_file_is_damage(copies: Callable[[], Path], pattern: str) -> None:
    folder = copies()
    the_file(folder, pattern).unlink()
    with pytest.raises(StoreDamaged):
        read_all(folder)


@pytest.mark.parametrize("pattern", ["leveldb/*.ldb", "leveldb/MANIFEST-*", "leveldb/CURRENT", "head"])
def test_a_file_whose_end_was_cut_off_is_damage(written: Written, copies: Callable[[], Path], pattern: str) -> None:
    """It is not taken for a disk that fails, after which nothing would be made again."""
    size = the_file(written.folder, pattern).stat().st_size
    for kept in sorted({size * step // CUTS_PER_FILE for step in range(CUTS_PER_FILE)}):
        folder = copies()
        path = the_file(folder, pattern)
        path.write_bytes(path.read_bytes()[:kept])
        try:
            assert read_all(folder) == (written.content, written.head) and "ldb" not in pattern, f"{kept} bytes"
        except (StoreDamaged, StoreFormatUnknown):
            continue


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_log_that_lost_its_end_is_a_rollback(written: Written, copies: Callable[[], Path], kept: int) -> None:
    folder = copies()
    log = the_file(folder, "leveldb/*.log")
    data = log.read_bytes()
    log.write_bytes(data[: len(data) * kept // 4])
    with pytest.raises(StoreRolledBack, match=f"but held block {written.head.height} "):
        read_all(folder)


def test_a_log_that_lost_one_byte_is_a_rollback_by_one_block(copies: Callable[[], Path]) -> None:
    folder = copies()
    log = the_file(folder, "leveldb/*.log")
    log.write_bytes(log.read_bytes()[:-1])
    with pytest.raises(StoreRolledBack, match=f"holds block {BATCHES - 2} .* held block {BATCHES - 1} "):
        read_all(folder)


def test_an_emptied_database_folder_is_damage(copies: Callable[[], Path]) -> None:
    folder = copies()
    shutil.rmtree(folder / "leveldb")
    with pytest.raises(StoreDamaged, match="CURRENT"):
        read_all(folder)


def test_an_older_copy_of_the_database_is_a_rollback(written: Written, copies: Callable[[], Path]) -> None:
    folder = copies()
    store = opened(folder)
    write_batch(store, BATCHES)
    store.close()
    shutil.rmtree(folder / "leveldb")
    shutil.copytree(written.folder / "leveldb", folder / "leveldb")
    with pytest.raises(StoreRolledBack):
        read_all(folder)


def test_another_block_at_the_same_height_is_a_rollback(copies: Callable[[], Path], tmp_path: Path) -> None:
    folder = copies()
    other = tmp_path / "other"
    store = opened(other)
    store.write([], Head(Height(BATCHES - 1), Digest(b"z" * 32)))
    store.close()
    shutil.copy(other / "head", folder / "head")
    with pytest.raises(StoreRolledBack):
        read_all(folder)


def test_a_crash_between_batch_and_copy_is_no_damage(written: Written, copies: Callable[[], Path]) -> None:
    folder = copies()
    behind = (folder / "head").read_bytes()
    store = opened(folder)
    write_batch(store, BATCHES)
    store.close()
    (folder / "head").write_bytes(behind)
    content, head = read_all(folder)
    assert head == head_at(BATCHES) and content[: len(written.content)] == written.content


def test_damage_is_found_while_reading_too(copies: Callable[[], Path]) -> None:
    folder = copies()
    table = the_file(folder, "leveldb/*.ldb")
    store = opened(folder)
    data = bytearray(table.read_bytes())
    data[len(data) // 3] ^= 1
    table.write_bytes(data)
    with pytest.raises(StoreError) as caught:
        list(store.scan(b"x", b"y"))
    assert isinstance(caught.value, StoreDamaged) and str(folder) in str(caught.value)
    store.close()
