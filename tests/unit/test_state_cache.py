"""The cache in front of the state: true to the store, bounded, and dropping what was used least recently."""

from chain.bounded_cache import ENTRY_OVERHEAD_BYTES, BoundedCache

ROOM_FOR_THREE = 3 * (ENTRY_OVERHEAD_BYTES + 2)


class Loader:
    """Counts what is loaded."""

    def __init__(self) -> None:
        self.loaded: list[bytes] = []

    def __call__(self, key: bytes) -> bytes | None:
        self.loaded.append(key)
        return None if key == b"-" else key


def test_values_are_loaded_once_absent_ones_too() -> None:
    loader = Loader()
    cache = BoundedCache(ROOM_FOR_THREE, loader)
    assert [cache.get(key) for key in (b"a", b"-", b"a", b"-")] == [b"a", None, b"a", None]
    assert loader.loaded == [b"a", b"-"]


def test_the_least_recently_used_value_goes_first() -> None:
    loader = Loader()
    cache = BoundedCache(ROOM_FOR_THREE, loader)
    for key in (b"a", b"b", b"c", b"a", b"d", b"a", b"b"):
        cache.get(key)
    assert loader.loaded == [b"a", b"b", b"c", b"d", b"b"]
    assert cache.size_bytes <= ROOM_FOR_THREE


def test_a_write_replaces_what_was_remembered() -> None:
    loader = Loader()
    cache = BoundedCache(ROOM_FOR_THREE, loader)
    cache.get(b"a")
    cache.put(b"a", b"new")
    assert cache.get(b"a") == b"new"
    cache.put(b"a", None)
    assert cache.get(b"a") is None and loader.loaded == [b"a"]
    assert cache.size_bytes == ENTRY_OVERHEAD_BYTES + 1


def test_a_value_larger_than_the_cache_is_not_kept() -> None:
    cache = BoundedCache(ROOM_FOR_THREE, Loader())
    cache.put(b"a", bytes(ROOM_FOR_THREE))
    assert cache.size_bytes == 0 and cache.get(b"a") == b"a"
