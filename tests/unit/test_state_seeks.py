"""Reading the state by seeking: never over deleted keys, always the same values, and no reason to merge files."""

import random
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import pytest

from chain.database_keys import TABLE_LIVE, TABLE_NODE, TABLE_TOMBSTONE, leaf_key
from chain.state import BlockState
from chain.state_database import StateDatabase
from chain.state_keys import encode_key
from chain.state_seeks import StateSeeks
from chain.storage import Head, MemoryStore, StoreDamaged, Write
from chain.store import LevelStore, open_store
from chain.types import Digest, Height

CHAIN = b"c" * 32
KEYS_OF_TWO_FILES = 3_000


class WatchedStore(MemoryStore):
    """A store that knows what was deleted, as LevelDB does until it merges, and refuses to step over it."""

    def __init__(self) -> None:
        super().__init__()
        self.dead: set[bytes] = set()
        self.sought = 0

    def write(self, writes: object, head: Head | None = None) -> None:
        written: list[Write] = list(writes)  # type: ignore[call-overload]
        for key, value in written:
            (self.dead.add if value is None else self.dead.discard)(key)
        super().write(written, head)

    def seek(self, key: bytes) -> bytes | None:
        self.sought += 1
        ahead = chain(self.scan(key, b"m") if key < b"m" else (), self.scan(max(key, TABLE_NODE), b"o"))
        found = next(ahead, (b"o", b""))
        assert not any(key <= dead < found[0] for dead in self.dead), "a seek would step over deleted keys"
        return found[1] if found[0] == key else None

    def forget_deleted(self, start: bytes, end: bytes) -> None:
        raise AssertionError("nothing is slow here")


def put(database: StateDatabase, height: int, values: Mapping[tuple[str, bytes], bytes | None]) -> None:
    state = BlockState(database, Height(height))
    own = state.begin_transaction()
    for (contract, key), value in values.items():
        own.put(contract, key, value)
    state.commit_transaction(own, 0)
    database.apply(state.finish(), Height(height), Digest(bytes([height]) * 32))


@pytest.mark.parametrize("seed", range(12))
def test_seeks_find_what_is_there_and_never_step_over_deleted_keys(seed: int) -> None:
    chance = random.Random(seed)
    keys = [
        (contract, encode_key((storage, number)))
        for contract in ("a", "b", "bb")
        for storage in ("balances", "open")
        for number in range(8)
    ]
    store = WatchedStore()
    database = StateDatabase(store, 0, store)
    expected: dict[tuple[str, bytes], bytes | None] = {}
    for height in range(40):
        # Some storages are deleted from, some are not; that changes on the way.
        values = {
            place: None if chance.random() < 0.4 and place[1] > encode_key(("c",)) and height > 10 else b"%d" % height
            for place in chance.sample(keys, 5)
        }
        put(database, height, values)
        expected |= values
        if chance.random() < 0.1:
            database = StateDatabase(store, 0, store)
        for contract, key in chance.sample(keys, 12):
            assert database.get(contract, key) == expected.get((contract, key)), (seed, height, contract, key)
    assert store.sought > 100


def test_what_was_deleted_before_the_start_is_known() -> None:
    store = WatchedStore()
    database = StateDatabase(store, 0, store)
    place = {name: ("c", encode_key(("open", name))) for name in "abc"}
    put(database, 0, dict.fromkeys(place.values(), b"1") | {("c", encode_key(("shut", "z"))): b"1"})
    put(database, 1, {place["b"]: None})
    seeks = StateSeeks(store, store)
    for key in (leaf_key(TABLE_LIVE, *place["c"]), leaf_key(TABLE_LIVE, *place["b"])):
        assert seeks.live_leaf(key) == store.get(key)
    assert any(store.scan(TABLE_TOMBSTONE, b"u")) and store.dead


def level_store(folder: Path) -> LevelStore:
    return open_store(folder, "state", CHAIN, 1 << 20, create=True)


@pytest.fixture
def two_files(tmp_path: Path) -> Iterator[LevelStore]:
    """A store in which most keys lie under a file that does not hold them."""
    rows = [(b"n%06d" % number, bytes([number % 251]) * 100) for number in range(KEYS_OF_TWO_FILES)]
    # Reopening turns the log into a file.
    for part in (rows, rows[::100]):
        store = level_store(tmp_path / "state")
        store.write(part, Head(Height(0), Digest(bytes(32))))
        store.close()
    store = level_store(tmp_path / "state")
    yield store
    store.close()


def merges(folder: Path) -> int:
    return (folder / "leveldb" / "LOG").read_text(encoding="utf-8").count("Compacting")


@pytest.mark.parametrize("way", ["get", "seek"])
def test_only_questions_make_leveldb_merge_its_files(two_files: LevelStore, tmp_path: Path, way: str) -> None:
    read = getattr(two_files, way)
    for number in range(KEYS_OF_TWO_FILES):
        assert read(b"n%06d" % number) == bytes([number % 251]) * 100
    two_files.close()
    assert bool(merges(tmp_path / "state")) == (way == "get")


def test_a_seek_sees_what_was_written_and_nothing_else(two_files: LevelStore) -> None:
    assert two_files.seek(b"n000000x") is None and two_files.seek(b"z") is None
    two_files.write([(b"n000000x", b"new"), (b"n000001", None)])
    assert two_files.seek(b"n000000x") == b"new" and two_files.seek(b"n000001") is None


def test_a_seek_notices_damage(two_files: LevelStore, tmp_path: Path) -> None:
    two_files.close()
    tables = sorted((tmp_path / "state" / "leveldb").glob("*.ldb"), key=lambda path: path.stat().st_size)
    content = bytearray(tables[-1].read_bytes())
    content[len(content) // 2] ^= 1
    tables[-1].write_bytes(content)
    store = level_store(tmp_path / "state")
    with pytest.raises(StoreDamaged):
        for number in range(KEYS_OF_TWO_FILES):
            assert store.seek(b"n%06d" % number) == bytes([number % 251]) * 100
    with pytest.raises(StoreDamaged):
        store.seek(b"n000000")
    store.close()
