"""The state database: one block after another, with proofs, history and damage that does not pass unnoticed."""

import pytest

from chain.database_keys import STATE_ROOT_KEY, TABLE_LIVE, leaf_key, node_key, version_key
from chain.state import BlockState, StateUpdate
from chain.state_database import StateDatabase, StateGapError, StateHead, VersionMissingError
from chain.state_leaf import encode_leaf
from chain.state_proof import verify_proof
from chain.state_tree import EMPTY_STATE_ROOT
from chain.storage import MemoryStore, StoreDamaged
from chain.types import Digest, Height


def hash_of(height: int) -> Digest:
    return Digest(bytes([height]) * 32)


def update_of(database: StateDatabase, height: int, **values: str | None) -> StateUpdate:
    state = BlockState(database, Height(height))
    own = state.begin_transaction()
    for key, value in values.items():
        own.put("c", key.encode(), None if value is None else value.encode())
    state.commit_transaction(own, 0)
    return state.finish()


def put(database: StateDatabase, height: int, **values: str | None) -> None:
    database.apply(update_of(database, height, **values), Height(height), hash_of(height))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def database(store: MemoryStore) -> StateDatabase:
    database = StateDatabase(store)
    put(database, 0, **{f"key{number}": "genesis" for number in range(300)})
    put(database, 1, key5="changed", key6=None)
    return database


def test_an_empty_database_has_no_head() -> None:
    database = StateDatabase(MemoryStore())
    assert database.head is None and database.root == EMPTY_STATE_ROOT


def test_the_head_names_block_and_root(store: MemoryStore, database: StateDatabase) -> None:
    assert database.head == StateHead(Height(1), hash_of(1), database.root)
    assert StateDatabase(store).head == database.head


def test_a_reopened_database_answers_and_goes_on_alike(store: MemoryStore, database: StateDatabase) -> None:
    reopened = StateDatabase(store)
    assert reopened.get("c", b"key5") == b"changed" and reopened.get("c", b"key6") is None
    assert update_of(reopened, 2, key9="x") == update_of(database, 2, key9="x")


@pytest.mark.parametrize("height", [0, 1, 3])
def test_a_block_that_does_not_follow_is_refused(database: StateDatabase, height: int) -> None:
    update = update_of(database, height, key1="x")
    with pytest.raises(StateGapError):
        database.apply(update, Height(height), hash_of(height))
    assert database.get("c", b"key1") == b"genesis"


def test_an_update_of_another_state_is_refused(database: StateDatabase) -> None:
    stale = update_of(database, 2, key1="x")
    put(database, 2, key2="y")
    with pytest.raises(StateGapError, match="does not follow"):
        database.apply(stale, Height(3), hash_of(3))


def test_extra_entries_travel_with_the_block(store: MemoryStore, database: StateDatabase) -> None:
    database.apply(update_of(database, 2), Height(2), hash_of(2), [(b"result", b"bytes")])
    assert StateDatabase(store).extra(b"result") == b"bytes"
    database.apply(update_of(database, 3), Height(3), hash_of(3), [(b"result", None)])
    assert database.extra(b"result") is None


@pytest.mark.parametrize(("key", "value"), [(b"key5", b"changed"), (b"key6", None), (b"key7", b"genesis")])
def test_leaves_are_proven_against_the_head(database: StateDatabase, key: bytes, value: bytes | None) -> None:
    proven = database.get_with_proof("c", key)
    assert proven.leaf is not None and proven.leaf.value == value and proven.head == database.head
    assert verify_proof(database.root, "c", key, proven.proof) == proven.leaf == database.leaf("c", key)


def test_absence_is_proven_against_the_head(database: StateDatabase) -> None:
    proven = database.get_with_proof("c", b"never")
    assert proven.leaf is None and verify_proof(database.root, "c", b"never", proven.proof) is None


def test_history_walks_from_the_newest_to_the_first(database: StateDatabase) -> None:
    versions = [(leaf.height, leaf.value) for leaf in database.history("c", b"key6")]
    assert versions == [(1, None), (0, b"genesis")]
    assert list(database.history("c", b"never")) == []


def test_a_version_that_is_not_held_is_named(store: MemoryStore, database: StateDatabase) -> None:
    newest = next(database.history("c", b"key5"))
    assert newest.previous is not None
    store.write([(version_key(newest.previous), None)])
    with pytest.raises(VersionMissingError, match=newest.previous.hex()):
        list(database.history("c", b"key5"))


def test_scan_returns_live_keys_in_order(database: StateDatabase) -> None:
    assert database.scan("c", b"key5", b"key51", 10) == [(b"key5", b"changed"), (b"key50", b"genesis")]
    assert [key for key, _ in database.scan("c", b"key5", b"key8", 2, reverse=True)] == [b"key79", b"key78"]
    assert b"key6" not in [key for key, _ in database.scan("c", b"", b"\xff", 1000)]
    assert database.scan("other", b"", b"\xff", 10) == []


def test_a_head_without_a_root_is_damage(store: MemoryStore, database: StateDatabase) -> None:
    store.write([(STATE_ROOT_KEY, None)])
    with pytest.raises(StoreDamaged, match="no root"):
        StateDatabase(store)


@pytest.mark.usefixtures("database")
def test_a_leaf_that_contradicts_the_tree_is_damage(store: MemoryStore) -> None:
    forged = encode_leaf("c", b"key5", b"forged", 1, 0, None)
    store.write([(leaf_key(TABLE_LIVE, "c", b"key5"), forged)])
    with pytest.raises(StoreDamaged, match="contradict"):
        StateDatabase(store).get_with_proof("c", b"key5")


@pytest.mark.usefixtures("database")
def test_a_missing_tree_node_is_damage(store: MemoryStore) -> None:
    store.write([(node_key(b"%x" % digit), None) for digit in range(16)])
    with pytest.raises(StoreDamaged, match="is missing"):
        StateDatabase(store).get_with_proof("c", b"key5")
