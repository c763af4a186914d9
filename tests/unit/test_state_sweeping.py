"""Scans behind deleted entries: the database is told to forget these when scans have lost time there, and only then."""

import random
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from chain.state_sweeping import PATIENCE_SECONDS_MAX, PLACES_MAX, SWEEP_AFTER_SECONDS, StateSweeping
from chain.store import LevelStore, open_store

CHAIN = b"c" * 32
MARKER_SECONDS = 0.25e-6
"""What a marker costs a scan, in these tests as on a real disk."""


class MarkedStore:
    """Entries and markers in order, and a clock that goes on by what stepping over markers takes."""

    def __init__(self, live: Iterable[int], dead: Iterable[int], *, held: bool = False) -> None:
        self.live, self.dead, self.held = [*map(name, live)], [*map(name, dead)], held
        self.now = 0.0
        self.sweeps: list[tuple[bytes, bytes]] = []

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        inside = self.live[bisect_left(self.live, start) : bisect_left(self.live, end)]
        at = end if reverse else start
        for key in [*(reversed(inside) if reverse else inside), None]:
            to = key or (start if reverse else end)
            self.now += MARKER_SECONDS * abs(bisect_left(self.dead, to) - bisect_left(self.dead, at))
            if key is not None:
                yield key, b"value"
            at = to

    def forget_deleted(self, start: bytes, end: bytes) -> None:
        self.sweeps.append((start, end))
        if not self.held:
            del self.dead[bisect_left(self.dead, start) : bisect_left(self.dead, end)]

    def clock(self) -> float:
        return self.now


def name(number: int) -> bytes:
    return b"%06d" % number


def sweeping(store: MarkedStore) -> StateSweeping:
    return StateSweeping(store, store.clock, store.clock)


@pytest.mark.parametrize("reverse", [False, True])
def test_what_scans_lose_is_bounded_however_often_they_come(reverse: bool) -> None:
    store = MarkedStore([0, 9_999], range(1, 9_999))
    state = sweeping(store)
    for number in range(300):
        first = next(state.scan(name(2_000 - number), name(8_000 + number), reverse), None)
        assert first is None
    # Without sweeping, 300 scans would lose half a second.
    assert store.now < 3 * SWEEP_AFTER_SECONDS
    assert store.sweeps


def test_a_gap_behind_an_entry_is_swept_too() -> None:
    store = MarkedStore([0, 9_999], range(1, 9_999))
    state = sweeping(store)
    for _ in range(100):
        assert [key for key, _ in state.scan(name(0), name(10_000))] == [name(0), name(9_999)]
    assert store.sweeps == [(name(0), name(9_999))]
    assert not store.dead


def test_scans_of_entries_and_of_short_gaps_sweep_nothing() -> None:
    store = MarkedStore(range(0, 5_000, 2), range(1, 5_000, 2))
    state = sweeping(store)
    for _ in range(50):
        assert len(list(state.scan(name(0), name(5_000)))) == 2_500
    assert not store.sweeps


def test_a_thread_that_was_interrupted_sweeps_nothing() -> None:
    store = MarkedStore([0, 100], [])
    interrupted = iter(range(10**6))
    state = StateSweeping(store, lambda: float(next(interrupted)), store.clock)
    for _ in range(5):
        assert len(list(state.scan(name(0), name(101)))) == 2
    assert not store.sweeps


def test_sweeps_that_do_not_help_become_rare() -> None:
    store = MarkedStore([0, 9_999], range(1, 9_999), held=True)
    state = sweeping(store)
    for _ in range(2_000):
        next(state.scan(name(1), name(9_999)), None)
    assert store.now > 4.0
    # Each sweep waits for twice the loss of the one before it.
    assert len(store.sweeps) <= 8
    assert SWEEP_AFTER_SECONDS * 2 ** len(store.sweeps) < PATIENCE_SECONDS_MAX
    store.held = False
    for _ in range(4_000):
        next(state.scan(name(1), name(9_999)), None)
    assert not store.dead


def test_places_are_bounded() -> None:
    live = range(0, 200_000, 1_000)
    store = MarkedStore(live, sorted({*range(200_000)}.difference(live)))
    state = sweeping(store)
    for at in range(0, 199_000, 1_000):
        next(state.scan(name(at + 1), name(at + 2_000)), None)
    assert 0 < len(store.sweeps) <= PLACES_MAX * 4


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LevelStore]:
    store = open_store(tmp_path / "state", "state", CHAIN, 1 << 20, create=True)
    yield store
    store.close()


@pytest.mark.parametrize("seed", range(4))
def test_the_database_forgets_what_was_deleted_and_nothing_else(disk: LevelStore, seed: int) -> None:
    chance = random.Random(seed)
    keys = [b"l" + name(number) for number in range(4_000)]
    disk.write([(key, chance.randbytes(100)) for key in keys])
    kept = {key for key in keys if chance.random() < 0.001} | {keys[-1]}
    disk.write([(key, None) for key in keys if key not in kept])
    before = list(disk.scan(b"l", b"m"))
    disk.start_thread()
    for at in chance.sample(keys, 40):
        disk.forget_deleted(at, at + chance.choice([b"", b"\x00"]))
    assert list(disk.scan(b"l", b"m")) == before
    assert {key for key, _ in before} == kept
    # 4,000 entries of 100 bytes and as many markers were written; a table with a few entries has a few hundred bytes.
    assert disk._database.approximate_size(b"l", b"m") < 20_000, f"seed {seed}"
