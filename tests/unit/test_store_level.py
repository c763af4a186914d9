"""The store on disk: batches, ranges, identity of the folder, locking, a full disk."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.encoding import encode
from chain.storage import (
    Head,
    MemoryStore,
    Store,
    StoreDamaged,
    StoreForeign,
    StoreFormatUnknown,
    StoreLocked,
    StoreMissing,
    StoreUnusable,
)
from chain.store import FORMAT, FORMAT_KEY, LevelStore, open_store, set_aside
from chain.store_head import HEAD_COPY
from chain.types import Digest, Height

CHAIN = b"c" * 32
CACHE_BYTES = 1 << 20


def head_at(height: int) -> Head:
    return Head(Height(height), Digest(bytes([height]) * 32))


def opened(folder: Path, kind: str = "state", chain_id: bytes = CHAIN, create: bool = True) -> LevelStore:
    return open_store(folder, kind, chain_id, CACHE_BYTES, create)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "node" / "state"


@pytest.fixture(params=["memory", "level"])
def store(request: pytest.FixtureRequest, folder: Path) -> Iterator[Store]:
    store: Store = MemoryStore() if request.param == "memory" else opened(folder)
    yield store
    store.close()


def test_batches_put_delete_and_move_the_head(store: Store) -> None:
    before = store.head
    assert before is None and store.get(b"xa") is None
    store.write([(b"xa", b"1"), (b"xb", b"2")], head_at(1))
    assert store.head == head_at(1)
    store.write([(b"xa", None), (b"xb", b"3"), (b"xc", b""), (b"xmissing", None)])
    assert (store.get(b"xa"), store.get(b"xb"), store.get(b"xc")) == (None, b"3", b"")
    assert store.head == head_at(1)


def test_the_last_write_of_a_key_in_a_batch_wins(store: Store) -> None:
    store.write([(b"xa", b"1"), (b"xa", None), (b"xa", b"2")])
    assert store.get(b"xa") == b"2" and list(store.scan(b"x", b"y")) == [(b"xa", b"2")]


def test_ranges_are_half_open_and_run_both_ways(store: Store) -> None:
    store.write([(b"x%d" % number, b"v%d" % number) for number in (3, 1, 2, 5)] + [(b"w", b""), (b"y", b"")])
    assert [key for key, _ in store.scan(b"x1", b"x5")] == [b"x1", b"x2", b"x3"]
    assert list(store.scan(b"x2", b"y", reverse=True)) == [(b"x5", b"v5"), (b"x3", b"v3"), (b"x2", b"v2")]
    assert list(store.scan(b"x6", b"y")) == [] == list(store.scan(b"x5", b"x1"))
    assert next(store.scan(b"x", b"y")) == (b"x1", b"v1")


def test_a_frozen_view_does_not_see_later_writes(store: Store) -> None:
    assert isinstance(store, MemoryStore | LevelStore)
    store.write([(b"xa", b"1"), (b"xb", b"2")], head_at(1))
    view = store.freeze()
    store.write([(b"xa", b"9"), (b"xb", None), (b"xc", b"3")], head_at(2))
    assert (view.get(b"xa"), view.get(b"xb"), view.get(b"xc")) == (b"1", b"2", None)
    assert list(view.scan(b"x", b"y")) == [(b"xa", b"1"), (b"xb", b"2")]
    assert [key for key, _ in view.scan(b"x", b"y", reverse=True)] == [b"xb", b"xa"]
    view.close()
    view.close()
    assert store.get(b"xa") == b"9"


def test_the_memory_store_refuses_ranges_over_tables() -> None:
    for start, end in ((b"", b"z"), (b"a", b"z"), (b"a1", b"c")):
        with pytest.raises(ValueError, match="within one table"):
            list(MemoryStore().scan(start, end))


def test_everything_is_there_after_reopening(folder: Path) -> None:
    store = opened(folder)
    for height in range(3):
        store.write([(b"x%d" % height, b"v")], head_at(height))
    store.close()
    store.close()
    reopened = opened(folder, create=False)
    assert reopened.head == head_at(2) and len(list(reopened.scan(b"x", b"y"))) == 3
    reopened.write([(b"x3", b"v")], head_at(3))
    reopened.close()


def test_a_store_that_is_not_there_is_missing(folder: Path) -> None:
    with pytest.raises(StoreMissing):
        opened(folder, create=False)
    assert not folder.exists()


def test_another_chain_or_kind_is_foreign(folder: Path) -> None:
    opened(folder).close()
    with pytest.raises(StoreForeign, match="belongs to chain 6363"):
        opened(folder, chain_id=b"d" * 32)
    with pytest.raises(StoreForeign, match="holds state, not blocks"):
        opened(folder, kind="blocks")
    opened(folder).close()


@pytest.mark.parametrize("stored", [encode([FORMAT + 1, "state", CHAIN]), encode("format"), encode([]), b"\xc1", b""])
def test_an_unknown_format_is_refused(folder: Path, stored: bytes) -> None:
    store = opened(folder)
    store.write([(FORMAT_KEY, stored)])
    store.close()
    with pytest.raises(StoreFormatUnknown):
        opened(folder)


def test_a_database_without_a_format_is_refused(folder: Path) -> None:
    store = opened(folder)
    store.write([(FORMAT_KEY, None), (b"x", b"v")])
    store.close()
    with pytest.raises(StoreFormatUnknown, match="states no format"):
        opened(folder)


def test_a_store_opens_once_in_a_process(folder: Path) -> None:
    store = opened(folder)
    for _ in range(2):
        with pytest.raises(StoreLocked, match="open already"):
            opened(folder)
    store.write([(b"x", b"v")])
    store.close()
    opened(folder).close()


def test_a_store_opens_in_one_process_at_a_time(folder: Path) -> None:
    store = opened(folder)
    # The second attempt in this process must not let go of the lock that keeps out other processes.
    with pytest.raises(StoreLocked):
        opened(folder)
    assert in_child(folder, "pass") == {"error": "StoreLocked"}
    store.close()
    assert in_child(folder, "pass") == {"error": None}


def test_a_full_disk_ends_the_store_and_keeps_what_was_written(folder: Path) -> None:
    opened(folder).close()
    # A limit on file sizes fails the same write calls as a full disk does, without needing one.
    report = in_child(
        folder,
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        try:
            while True:
                store.write([(b"x%d" % report["written"], os.urandom(10_000))], head_at(report["written"]))
                report["written"] += 1
        except StoreError as error:
            report["write"] = type(error).__name__
        for name, call in {"again": lambda: store.write([]), "get": lambda: store.get(b"x0"),
                           "scan": lambda: next(store.scan(b"x", b"y"))}.items():
            try:
                call()
            except StoreError as error:
                report[name] = type(error).__name__
        """,
    )
    written = report.pop("written")
    assert isinstance(written, int) and 5 < written < 30
    assert report == {"error": None} | dict.fromkeys(["write", "again", "get", "scan"], "StoreFull")
    store = opened(folder)
    assert store.head == head_at(written - 1) and len(list(store.scan(b"x", b"y"))) == written
    store.close()


def test_a_folder_without_permission_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreUnusable):
        opened(tmp_path / "file" / "state")


def test_creation_that_was_cut_short_starts_anew(folder: Path) -> None:
    (folder / "leveldb.new").mkdir(parents=True)
    (folder / "leveldb.new" / "MANIFEST-000001").write_bytes(b"half")
    (folder / "leveldb.new" / "000003.log").touch()
    opened(folder).close()
    assert not (folder / "leveldb.new").exists()


def test_a_database_that_lost_all_its_files_is_damaged_not_new(folder: Path) -> None:
    (folder / "leveldb").mkdir(parents=True)
    with pytest.raises(StoreDamaged, match="is empty"):
        opened(folder)


def test_set_aside_makes_room_and_keeps_the_damaged_folder(folder: Path) -> None:
    for number in (1, 2):
        store = opened(folder)
        store.write([(b"x", b"v%d" % number)], head_at(number))
        store.close()
        assert set_aside(folder) == folder.with_name(f"state.damaged-{number}")
    fresh = opened(folder)
    assert fresh.head is None and fresh.get(b"x") is None
    fresh.close()
    kept = opened(folder.with_name("state.damaged-1"), create=False)
    assert kept.get(b"x") == b"v1"
    kept.close()


def test_a_lost_copy_of_the_head_is_made_again(folder: Path) -> None:
    store = opened(folder)
    store.write([], head_at(1))
    store.close()
    (folder / HEAD_COPY).unlink()
    store = opened(folder)
    store.write([], head_at(2))
    store.close()
    assert (folder / HEAD_COPY).exists()


def test_a_damaged_copy_of_the_head_is_reported(folder: Path) -> None:
    store = opened(folder)
    store.write([], head_at(1))
    store.close()
    for content in (b"", b"rubbish", (folder / HEAD_COPY).read_bytes()[::-1]):
        (folder / HEAD_COPY).write_bytes(content)
        with pytest.raises(StoreDamaged, match="copy of the head"):
            opened(folder)


def in_child(folder: Path, body: str) -> dict[str, object]:
    """Open the store in another process, run statements there, and return its report."""
    lines = "\n".join("    " + line.removeprefix("        ") for line in body.strip("\n").splitlines())
    program = f"""
import json, os, resource, sys
from pathlib import Path
from chain.storage import Head, StoreError
from chain.store import open_store

def head_at(height):
    return Head(height, bytes([height]) * 32)

report = {{"error": None}}
try:
    store = open_store(Path({str(folder)!r}), "state", {CHAIN!r}, {CACHE_BYTES}, False)
    report["written"] = 0
{lines}
except StoreError as error:
    report["error"] = type(error).__name__
print(json.dumps(report))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True, timeout=60
    )
    report: dict[str, object] = json.loads(finished.stdout)
    if body == "pass":
        report.pop("written", None)
    return report
