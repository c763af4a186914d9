"""What a power cut may leave of a write that was under way never keeps a store from opening; damage still does."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from power_disk import Content, Disk, Entry, Write, apply

from chain.log_tail import BLOCK_BYTES, complete_bytes, crc32c
from chain.storage import Head, StoreDamaged, StoreRolledBack
from chain.store import LevelStore, open_store
from chain.types import Digest, Height

CHAIN = b"c" * 32
SECTOR = 512


def head_at(height: int) -> Head:
    return Head(Height(height), Digest(bytes([height]) * 32))


def opened(folder: Path) -> LevelStore:
    return open_store(folder, "state", CHAIN, 1 << 20, create=True)


def write(store: LevelStore, height: int, size: int) -> None:
    store.write([(b"k%d" % height, random.Random(height).randbytes(size))], head_at(height))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed store with two writes, and its log."""
    store = opened(tmp_path / "state")
    write(store, 1, 3_000)
    write(store, 2, 3_000)
    store.close()
    return tmp_path / "state"


def log_of(folder: Path) -> Path:
    (log,) = (folder / "leveldb").glob("*.log")
    return log


def test_the_checksum_is_crc32c() -> None:
    # RFC 3720, appendix B.4: 32 bytes of zeros have the CRC-32C aa36918a (there in the order of bytes sent).
    unmasked = (crc32c(bytes(32)) - 0xA282EAD8) & 0xFFFFFFFF
    assert ((unmasked >> 17) | (unmasked << 15)) & 0xFFFFFFFF == 0x8A9136AA


@pytest.mark.parametrize("size", [10, 3_000, 40_000, 120_000])
@pytest.mark.parametrize("seed", range(12))
def test_any_sectors_of_the_last_write_may_be_missing(folder: Path, size: int, seed: int) -> None:
    """The store opens with everything before it, or with all of it."""
    chance = random.Random(f"{size} {seed}")
    before = log_of(folder).read_bytes()
    copy = (folder / "head").read_bytes()
    store = opened(folder)
    write(store, 3, size)
    store.close()
    # Opening wrote a new log; what the cut write added to it is torn.
    log = log_of(folder)
    after = log.read_bytes()
    assert after and after != before
    torn = bytearray(after)
    for start in range(0, len(torn), SECTOR):
        if chance.random() < 0.5:
            torn[start : start + SECTOR] = bytes(len(torn[start : start + SECTOR]))
    log.write_bytes(bytes(torn[: chance.randint(0, len(torn))]))
    # The copy of the head is written behind the sync, so at this moment it is still the one before.
    (folder / "head").write_bytes(copy)
    store = opened(folder)
    whole = store.get(b"k3") is not None
    assert store.head == head_at(3 if whole else 2)
    assert store.get(b"k1") == random.Random(1).randbytes(3_000)
    assert store.get(b"k2") == random.Random(2).randbytes(3_000)
    write(store, 3, size)
    store.close()


def test_a_process_that_has_locked_itself_in_can_do_it_too(folder: Path) -> None:
    """The executor opens its state behind its walls, where nothing can be imported any more."""
    store = opened(folder)
    copy = (folder / "head").read_bytes()
    write(store, 3, 3_000)
    store.close()
    log = log_of(folder)
    log.write_bytes(log.read_bytes()[:1_000] + bytes(512))
    (folder / "head").write_bytes(copy)
    program = (
        "import sys; from pathlib import Path; from chain.store import open_store;"
        "from processes.lockdown import Walls, lock_down; folder = Path(sys.argv[1]);"
        "lock_down(Walls(folder, 1 << 30)); store = open_store(folder, 'state', b'c' * 32, 1 << 20, create=True);"
        "print(store.head.height)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, folder], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("2\n", "")


def test_a_bad_record_before_a_good_one_is_damage(folder: Path) -> None:
    store = opened(folder)
    write(store, 3, 3_000)
    write(store, 4, 3_000)
    store.close()
    log = log_of(folder)
    data = bytearray(log.read_bytes())
    data[1_000] ^= 1
    log.write_bytes(data)
    with pytest.raises(StoreDamaged, match="checksum"):
        opened(folder)
    assert log.read_bytes() == data, "nothing is cut off damage"


def test_damage_to_the_last_write_after_it_was_acknowledged_is_noticed(folder: Path) -> None:
    store = opened(folder)
    write(store, 3, 3_000)
    store.close()
    log = log_of(folder)
    data = bytearray(log.read_bytes())
    data[1_000] ^= 1
    log.write_bytes(data)
    with pytest.raises(StoreRolledBack, match="held block 3"):
        opened(folder)


def test_where_records_end(folder: Path) -> None:
    store = opened(folder)
    for height in (3, 4, 5):
        write(store, height, 50_000)
    store.close()
    data = log_of(folder).read_bytes()
    found = {complete_bytes(data[:size]) for size in (*range(0, len(data), 997), len(data))}
    assert None not in found
    ends = sorted(end for end in found if end is not None)
    assert ends[0] == 0 and ends[-1] == len(data) and len(ends) == 4
    assert complete_bytes(data + bytes(BLOCK_BYTES)) == len(data)


def test_a_staged_cut_keeps_what_was_synced_and_any_part_of_the_rest() -> None:
    """The model itself: names in order, contents by sector, both only behind the last fsync."""
    disk = Disk({"old": b"durable"})
    steps = [
        ("o", 3, 0, "new", b""),
        ("w", 3, 0, ".", b"a" * 1_000),
        ("s", 3, 0, ".", b""),
        ("w", 3, 1_000, ".", b"b" * 1_000),
        ("r", 0, 0, "old", b"renamed"),
        ("u", 0, 0, "new", b""),
    ]
    for kind, descriptor, offset, path, data in steps:
        disk.take(Entry(0, kind.encode(), 7, descriptor, offset, path, data))
    seen: set[tuple[str, ...]] = set()
    for seed in range(200):
        _, files = disk.after_power_cut(random.Random(seed))
        seen.add(tuple(sorted(files)))
        content = files.get("new", b"a" * 1_000)
        assert content[:1_000] == b"a" * 1_000 and set(content[1_000:]) <= {0, ord("b")}
        assert (files.get("old") or files.get("renamed")) == b"durable"
    assert seen == {("new", "old"), ("new", "renamed"), ("renamed",)}


def test_writes_apply_in_order() -> None:
    assert apply(b"abc", [Write(5, b"x"), Write(1, b"ZZ"), Write(4, None)]) == b"aZZ\x00"
    content = Content(b"", [Write(0, b"1")])
    content.sync()
    assert (content.durable, content.pending) == (b"1", [])
