"""Execution state: what transactions see of each other, which versions a block makes, what it asks to be written."""

from collections.abc import Iterable, Iterator

import pytest

from chain.database_keys import TABLE_LIVE, TABLE_NODE, TABLE_TOMBSTONE, TABLE_VERSION
from chain.state import BlockState, ReadOnlyStateError, ReadState, StateUpdate
from chain.state_database import StateDatabase
from chain.state_leaf import decode_leaf, encode_leaf, leaf_hash, path_of
from chain.state_tree import EMPTY_STATE_ROOT, update_tree
from chain.storage import MemoryStore
from chain.types import Digest, Height

Puts = dict[bytes, bytes | None]


def database_with(*blocks: list[Puts]) -> StateDatabase:
    """A database after blocks whose transactions put these values in contract c."""
    database = StateDatabase(MemoryStore())
    for height, transactions in enumerate(blocks):
        database.apply(block_of(database, height, transactions), Height(height), Digest(bytes([height]) * 32))
    return database


def block_of(database: StateDatabase, height: int, transactions: list[Puts]) -> StateUpdate:
    state = BlockState(database, Height(height))
    for index, puts in enumerate(transactions):
        own = state.begin_transaction()
        for key, value in puts.items():
            own.put("c", key, value)
        state.commit_transaction(own, index)
    return state.finish()


def tables(update: StateUpdate) -> dict[bytes, int]:
    """How many writes go to each table; deletions count separately, under the table's letter in upper case."""
    counts: dict[bytes, int] = {}
    for key, value in update.writes:
        table = key[:1].upper() if value is None else key[:1]
        counts[table] = counts.get(table, 0) + 1
    return counts


def test_a_transaction_sees_its_own_writes() -> None:
    database = database_with([{b"k": b"old"}])
    state = BlockState(database, Height(1))
    own = state.begin_transaction()
    own.put("c", b"k", b"new")
    own.put("c", b"gone", None)
    assert own.get("c", b"k") == b"new" and database.get("c", b"k") == b"old"
    assert own.get("d", b"k") is None and own.get("c", b"gone") is None


def test_a_dropped_transaction_leaves_no_trace() -> None:
    database = database_with([{b"k": b"old", b"l": b"kept"}])
    state = BlockState(database, Height(1))
    for key in (b"before", b"after"):
        dropped = state.begin_transaction()
        for value in (b"new", None, b"newer"):
            dropped.put("c", b"k", value)
        dropped.put("c", b"l", None)
        dropped.put("c", key, b"made")
        if key == b"after":
            assert dropped.scan("c", b"", b"\xff", 10, False) == [(b"after", b"made"), (b"k", b"newer")]
        state.drop_transaction(dropped)
        own = state.begin_transaction()
        assert own.get("c", b"k") == b"old" and own.get("c", key) is None
        assert own.scan("c", b"", b"\xff", 10, False) == [(b"k", b"old"), (b"l", b"kept")]
        state.drop_transaction(own)
    assert state.get("c", b"k") == b"old" and state.contracts_written == set()
    update = state.finish()
    assert update.root == update.parent_root == database.root and tables(update) == {b"s": 1}


def test_one_transaction_runs_at_a_time() -> None:
    state = BlockState(StateDatabase(MemoryStore()), Height(0))
    own = state.begin_transaction()
    for misuse in (state.begin_transaction, state.finish, lambda: state.get("c", b"k")):
        with pytest.raises(AssertionError):
            misuse()
    state.drop_transaction(own)
    for end in (state.drop_transaction, lambda ended: state.commit_transaction(ended, 0)):
        with pytest.raises(AssertionError, match="running"):
            end(own)


def test_later_transactions_see_committed_writes() -> None:
    state = BlockState(database_with([{b"a": b"1", b"b": b"2"}]), Height(1))
    first = state.begin_transaction()
    first.put("c", b"a", None)
    first.put("c", b"z", b"9")
    state.commit_transaction(first, 0)
    assert state.contracts_written == {"c"} and state.get("c", b"z") == b"9"
    second = state.begin_transaction()
    assert second.get("c", b"a") is None and second.get("c", b"z") == b"9"
    assert second.scan("c", b"", b"\xff", 10, False) == [(b"b", b"2"), (b"z", b"9")]


def test_scans_merge_all_layers_in_both_directions() -> None:
    state = BlockState(database_with([{b"a": b"1", b"c": b"3", b"e": b"5", b"g": b"7"}]), Height(1))
    first = state.begin_transaction()
    for key, value in {b"b": b"2", b"c": None, b"e": b"five"}.items():
        first.put("c", key, value)
    state.commit_transaction(first, 0)
    own = state.begin_transaction()
    for key, value in {b"c": b"three", b"e": None, b"f": b"6", b"h": None}.items():
        own.put("c", key, value)
    expected = [(b"a", b"1"), (b"b", b"2"), (b"c", b"three"), (b"f", b"6"), (b"g", b"7")]
    assert own.scan("c", b"", b"\xff", 10, False) == expected
    assert own.scan("c", b"", b"\xff", 10, True) == expected[::-1]
    assert own.scan("c", b"b", b"g", 2, False) == expected[1:3]
    assert own.scan("c", b"b", b"g", 2, True) == [expected[3], expected[2]]
    assert own.scan("c", b"b", b"b", 10, False) == [] == own.scan("c", b"a", b"z", 0, False)
    own.put("c", b"aa", b"new")
    assert own.scan("c", b"a", b"b", 10, False) == [(b"a", b"1"), (b"aa", b"new")]


def test_contracts_do_not_see_each_other() -> None:
    state = BlockState(StateDatabase(MemoryStore()), Height(0))
    own = state.begin_transaction()
    own.put("ab", b"c", b"1")
    own.put("a", b"bc", b"2")
    assert own.scan("a", b"", b"\xff", 10, False) == [(b"bc", b"2")]


def test_one_version_for_each_key_and_transaction() -> None:
    database = database_with([{b"k": b"1"}])
    update = block_of(database, 1, [{b"k": b"2"}, {b"other": b"x"}, {b"k": b"3"}])
    first = encode_leaf("c", b"k", b"1", 0, 0, None)
    second = encode_leaf("c", b"k", b"2", 1, 0, leaf_hash(first))
    third = encode_leaf("c", b"k", b"3", 1, 2, leaf_hash(second))
    other = encode_leaf("c", b"other", b"x", 1, 1, None)
    assert tables(update) == {TABLE_LIVE: 2, TABLE_VERSION: 2, TABLE_NODE: tables(update)[TABLE_NODE], b"s": 1}
    expected = update_tree(
        database.node, {path_of("c", b"k"): leaf_hash(third), path_of("c", b"other"): leaf_hash(other)}
    )
    assert update.root == expected.root


def test_repeated_puts_in_one_transaction_make_one_version() -> None:
    database = StateDatabase(MemoryStore())
    state = BlockState(database, Height(0))
    own = state.begin_transaction()
    own.put("c", b"k", b"1")
    own.put("c", b"k", b"2")
    state.commit_transaction(own, 0)
    database.apply(state.finish(), Height(0), Digest(bytes(32)))
    assert [leaf.value for leaf in database.history("c", b"k")] == [b"2"]


def test_writing_the_same_value_again_is_a_version() -> None:
    database = database_with([{b"k": b"1"}], [{b"k": b"1"}])
    assert [(leaf.value, leaf.height) for leaf in database.history("c", b"k")] == [(b"1", 1), (b"1", 0)]


def test_deleting_moves_the_leaf_to_the_tombstones_and_writing_moves_it_back() -> None:
    database = database_with([{b"k": b"1"}])
    deletion = block_of(database, 1, [{b"k": None}])
    assert tables(deletion) == {TABLE_LIVE.upper(): 1, TABLE_TOMBSTONE: 1, TABLE_VERSION: 1, TABLE_NODE: 1, b"s": 1}
    database.apply(deletion, Height(1), Digest(bytes(32)))
    assert database.get("c", b"k") is None and database.scan("c", b"", b"\xff", 10) == []
    revival = block_of(database, 2, [{b"k": b"2"}])
    assert tables(revival) == {TABLE_LIVE: 1, TABLE_TOMBSTONE.upper(): 1, TABLE_VERSION: 1, TABLE_NODE: 1, b"s": 1}
    database.apply(revival, Height(2), Digest(bytes(32)))
    assert [leaf.value for leaf in database.history("c", b"k")] == [b"2", None, b"1"]


def test_deleting_what_is_not_there_changes_nothing() -> None:
    database = database_with([{b"k": b"1"}], [{b"k": None}])
    for key in (b"never", b"k"):
        update = block_of(database, 2, [{key: None}])
        assert update.root == database.root and tables(update) == {b"s": 1}


def test_created_and_deleted_within_one_block_leaves_a_tombstone_and_a_version() -> None:
    database = database_with([{b"x": b"1"}])
    database.apply(block_of(database, 1, [{b"k": b"1"}, {b"k": None}]), Height(1), Digest(bytes(32)))
    versions = [(leaf.value, leaf.index) for leaf in database.history("c", b"k")]
    assert versions == [(None, 1), (b"1", 0)]
    assert database.get("c", b"k") is None


def test_finish_changes_nothing_and_can_be_repeated() -> None:
    database = database_with([{b"k": b"1"}])
    state = BlockState(database, Height(1))
    own = state.begin_transaction()
    own.put("c", b"k", b"2")
    state.commit_transaction(own, 0)
    assert state.finish() == state.finish()
    assert database.get("c", b"k") == b"1"


def test_the_empty_block_on_the_empty_state() -> None:
    update = BlockState(StateDatabase(MemoryStore()), Height(0)).finish()
    assert update.root == update.parent_root == EMPTY_STATE_ROOT


def test_commits_out_of_order_are_a_bug() -> None:
    state = BlockState(StateDatabase(MemoryStore()), Height(0))
    state.commit_transaction(state.begin_transaction(), 3)
    with pytest.raises(AssertionError, match="order of the block"):
        state.commit_transaction(state.begin_transaction(), 3)


def test_read_state_reads_and_refuses_writes() -> None:
    state = ReadState(database_with([{b"a": b"1", b"b": b"2"}]))
    assert state.get("c", b"a") == b"1" and state.get("c", b"z") is None
    assert state.scan("c", b"", b"\xff", 1, True) == [(b"b", b"2")]
    with pytest.raises(ReadOnlyStateError):
        state.put("c", b"a", b"3")


def test_what_the_database_has_at_hand_of_a_leaf_is_not_hashed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    without, database = StateDatabase(MemoryStore(), 0), database_with([{b"k": b"1", b"l": b"2"}])
    without.apply(block_of(without, 0, [{b"k": b"1", b"l": b"2"}]), Height(0), Digest(bytes(32)))
    expected = block_of(without, 1, [{b"k": b"2"}, {b"k": None}])

    def refuse(*arguments: object) -> Digest:
        raise AssertionError("the path, or the hash of the replaced leaf, was known")

    monkeypatch.setattr("chain.state_versions.path_of", refuse)
    monkeypatch.setattr("chain.state_versions.leaf_hash", refuse)
    found = block_of(database, 1, [{b"k": b"2"}, {b"k": None}])
    assert found.root == expected.root and sorted(found.writes, key=str) == sorted(expected.writes, key=str)


def test_history_entries_decode_from_what_was_written() -> None:
    update = block_of(StateDatabase(MemoryStore()), 0, [{b"k": b"1"}, {b"k": b"2"}])
    leaves = {decode_leaf(value) for key, value in update.writes if key[:1] in (TABLE_LIVE, TABLE_VERSION) and value}
    assert {(leaf.value, leaf.index) for leaf in leaves} == {(b"1", 0), (b"2", 1)}


class Counting(StateDatabase):
    """A state that counts the leaves that scans step over."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.leaves_read = 0

    def scan_leaves(self, contract: str, start: bytes, end: bytes, reverse: bool) -> Iterator[tuple[bytes, bytes]]:
        """Yield the leaves one by one."""
        for entry in super().scan_leaves(contract, start, end, reverse):
            self.leaves_read += 1
            yield entry


def numbered(numbers: Iterable[int], value: bytes | None) -> Puts:
    return {b"%04d" % number: value for number in numbers}


@pytest.mark.parametrize("reverse", [False, True])
def test_scans_step_over_what_was_deleted_once(reverse: bool) -> None:
    """Otherwise a block that deletes much and then scans again and again takes minutes."""
    database = Counting()
    database.apply(block_of(database, 0, [numbered(range(2_000), b"1")]), Height(0), Digest(bytes(32)))
    state = BlockState(database, Height(1))
    for index in range(40):
        own = state.begin_transaction()
        for key in numbered(range(100 + 40 * index, 140 + 40 * index), None):
            own.put("c", key, None)
        absent = numbered(range(5_000 + 40 * index, 5_040 + 40 * index), None)
        for key in absent:
            own.put("c", key, b"2")
            own.put("c", key, None)
        left = range(140 + 40 * index, 2_000)
        expected = [b"%04d" % number for number in (reversed(left) if reverse else left)][:2]
        for start in (100, 110 + 40 * index, 139 + 40 * index):
            assert [key for key, _ in own.scan("c", b"%04d" % start, b"9", 2, reverse)] == expected
        assert own.scan("c", b"0100", b"%04d" % left[0], 1, reverse) == []
        if index % 2:
            state.commit_transaction(own, index)
        else:
            state.drop_transaction(own)
            again = state.begin_transaction()
            for key in numbered(range(100 + 40 * index, 140 + 40 * index), None):
                assert again.get("c", key) == b"1" and again.scan("c", key, key + b"\x00", 1, reverse) == [(key, b"1")]
                again.put("c", key, None)
            state.commit_transaction(again, index)
    # Each of 1,600 leaves twice, those found, and a few at each new beginning.
    assert database.leaves_read < 2 * 1_600 + 40 * 60
