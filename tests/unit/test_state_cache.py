"""The cache in front of the state: true to the store, bounded, and dropping what was not used for long."""

import random

from chain.bounded_cache import ENTRY_OVERHEAD_BYTES, BoundedCache

ROOM_FOR_FOUR = 4 * (ENTRY_OVERHEAD_BYTES + 2)


class Loader:
    """Counts what is loaded."""

    def __init__(self) -> None:
        self.loaded: list[bytes] = []

    def __call__(self, key: bytes) -> bytes | None:
        self.loaded.append(key)
        return None if key == b"-" else key


def test_values_are_loaded_once_absent_ones_too() -> None:
    loader = Loader()
    cache = BoundedCache(ROOM_FOR_FOUR, loader)
    assert [cache.get(key) for key in (b"a", b"-", b"a", b"-")] == [b"a", None, b"a", None]
    assert loader.loaded == [b"a", b"-"]


def test_what_was_used_lately_stays() -> None:
    loader = Loader()
    cache = BoundedCache(ROOM_FOR_FOUR, loader)
    for key in (b"a", b"b", b"c", b"a", b"d", b"a", b"b"):
        cache.get(key)
        assert cache.size_bytes <= ROOM_FOR_FOUR
    # The third one made a and b old; a was used since, b was forgotten with the next old generation.
    assert loader.loaded == [b"a", b"b", b"c", b"d", b"b"]


def test_a_write_replaces_what_was_remembered_in_either_generation() -> None:
    loader = Loader()
    cache = BoundedCache(ROOM_FOR_FOUR, loader)
    cache.get(b"a")
    cache.put_all({b"a": b"new"})
    assert cache.get(b"a") == b"new"
    cache.put_all({b"a": None})
    assert cache.get(b"a") is None and loader.loaded == [b"a"]
    assert cache.size_bytes == ENTRY_OVERHEAD_BYTES + 1
    cache.put_all({b"b": None, b"c": None})
    cache.put_all({b"a": b"old"})
    assert cache.get(b"a") == b"old" and cache.get(b"b") is None and loader.loaded == [b"a"]


def test_a_value_larger_than_the_cache_is_not_kept() -> None:
    cache = BoundedCache(ROOM_FOR_FOUR, Loader())
    cache.put_all({b"a": bytes(ROOM_FOR_FOUR)})
    assert cache.size_bytes == 0 and cache.get(b"a") == b"a"


def test_it_is_bounded_and_never_wrong_whatever_is_put() -> None:
    chance = random.Random(5)
    store: dict[bytes, bytes | None] = {}
    cache = BoundedCache(5_000, store.get)
    for _ in range(2_000):
        batch = {b"%d" % chance.randrange(40): chance.choice([None, bytes(chance.choice([0, 5, 300, 3_000]))])}
        batch |= dict.fromkeys((b"%d" % chance.randrange(40) for _ in range(chance.randrange(6))), b"x")
        store |= batch
        cache.put_all(batch)
        for key in (b"%d" % chance.randrange(40) for _ in range(4)):
            assert cache.get(key) == store.get(key)
        assert 0 <= cache.size_bytes <= 5_000
