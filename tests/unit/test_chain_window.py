"""The window forgets nothing too early and nothing too late, and a rebuilt one knows the same."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.encoding import DecodeError, encode
from chain.types import Digest, Milliseconds
from chain.window import Window, WindowEntries, decode_entries, encode_entries

SPAN = 10_000


@dataclass(frozen=True)
class Entry:
    """What one transaction leaves in the window."""

    transaction_id: Digest
    valid_until: Milliseconds
    organisation: str
    idempotency_key: str | None


def entry(number: int, valid_until: int, key: str | None = None, organisation: str = "acme") -> Entry:
    return Entry(id_of(number), Milliseconds(valid_until), organisation, key)


def columns(*entries: Entry) -> WindowEntries:
    return WindowEntries(
        [each.transaction_id for each in entries],
        [each.valid_until for each in entries],
        [each.organisation for each in entries],
        [each.idempotency_key for each in entries],
    )


def id_of(number: int) -> Digest:
    return Digest(number.to_bytes(32, "big"))


def advance(window: Window, time: int) -> None:
    window.add_block(Milliseconds(time), columns())


def test_an_id_is_known_as_long_as_it_could_be_sent_again() -> None:
    window = Window(SPAN)
    window.add_block(Milliseconds(1_000), columns(entry(1, 5_500), entry(2, 1_000)))
    assert id_of(1) in window and id_of(2) in window and id_of(3) not in window
    assert window.holds_none([id_of(3), id_of(4)]) and not window.holds_none([id_of(3), id_of(2)])
    advance(window, 5_500)
    assert id_of(1) in window
    assert id_of(2) not in window
    advance(window, 6_000)
    assert id_of(1) not in window


def test_a_key_lasts_a_whole_window_after_its_block() -> None:
    window = Window(SPAN)
    window.add_block(Milliseconds(1_234), columns(entry(1, 2_000, "key")))
    assert window.key_in_use("acme", "key", Milliseconds(1_234))
    assert window.key_in_use("acme", "key", Milliseconds(1_234 + SPAN))
    assert not window.key_in_use("acme", "key", Milliseconds(1_235 + SPAN))
    assert not window.key_in_use("zenith", "key", Milliseconds(1_234))
    assert not window.key_in_use("acme", "other", Milliseconds(1_234))
    advance(window, 1_234 + SPAN)
    assert window.key_in_use("acme", "key", Milliseconds(1_234 + SPAN))


def test_using_a_key_again_begins_its_time_anew() -> None:
    window = Window(SPAN)
    window.add_block(Milliseconds(1_000), columns(entry(1, 2_000, "key")))
    window.add_block(Milliseconds(9_000), columns(entry(2, 10_000, "key")))
    advance(window, 15_000)
    assert window.key_in_use("acme", "key", Milliseconds(19_000))
    advance(window, 25_000)
    assert not window.key_in_use("acme", "key", Milliseconds(25_000))


def test_a_key_twice_in_one_block() -> None:
    window = Window(SPAN)
    window.add_block(Milliseconds(1_000), columns(entry(1, 2_000, "key"), entry(2, 2_000, "key")))
    advance(window, 30_000)
    assert not window.key_in_use("acme", "key", Milliseconds(30_000))


Blocks = list[tuple[int, list[tuple[int, str | None]]]]
BLOCKS = st.lists(
    st.tuples(
        st.integers(1, 4_000),
        st.lists(st.tuples(st.integers(0, SPAN), st.sampled_from([None, "a", "b"])), max_size=3),
    ),
    max_size=12,
)


@given(BLOCKS)
def test_the_window_equals_a_list_of_everything_and_can_be_rebuilt(
    blocks: list[tuple[int, list[tuple[int, str | None]]]],
) -> None:
    window, rows, time, number = Window(SPAN), [], 0, 0
    everything: list[tuple[int, Entry]] = []
    for step, transactions in blocks:
        time += step
        entries = [entry(number + n, time + ahead, key) for n, (ahead, key) in enumerate(transactions)]
        number += len(entries)
        window.add_block(Milliseconds(time), columns(*entries))
        rows.append(encode_entries(Milliseconds(time), columns(*entries)))
        everything += [(time, each) for each in entries]
    rebuilt = Window(SPAN)
    for row in rows:
        row_time, decoded = decode_entries(row)
        if row_time >= time - SPAN:
            rebuilt.add_block(row_time, decoded)
    for now in (time, time + 1, time + SPAN // 2, time + SPAN):
        for _, each in everything:
            if each.valid_until >= time:
                assert each.transaction_id in window
                assert each.transaction_id in rebuilt
        for key in ("a", "b"):
            used = any(each.idempotency_key == key and made + SPAN >= now for made, each in everything)
            assert window.key_in_use("acme", key, Milliseconds(now)) == used
            assert rebuilt.key_in_use("acme", key, Milliseconds(now)) == used


def test_rows_survive_and_malformed_ones_are_refused() -> None:
    entries = columns(entry(1, 5, "key"), entry(2, 6))
    assert decode_entries(encode_entries(Milliseconds(4), entries)) == (4, entries)
    wrong: list[object] = [[1, 4], [2, 4, []], [1, 4, [[b"id", 5, "acme"]]], [1, 4, [["id", 5, "acme", None]]]]
    for value in (*wrong, [1, 4, [[b"id", 5, "acme", 7]]]):
        with pytest.raises(DecodeError):
            decode_entries(encode(value))
