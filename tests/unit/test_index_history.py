"""The history index: what it finds, against looking through everything, and what a crash or damage leaves of it."""

import asyncio
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from api_fake_node import FakeNode, deposit, make_transaction

from assembly import indexing
from assembly.indexing import FOLDER, Indexer, open_index
from chain.block import decode_block
from chain.block_store import TransactionPlace
from chain.history_index import RESOLUTIONS, Activity, HistoryIndex, IndexedBlock
from chain.identity import Member
from chain.index_terms import TermKind, place_key, term, transaction_terms, words
from chain.receipt import Receipt
from chain.runtime import Event
from chain.storage import MemoryStore, StoreUnusable
from chain.store import open_store
from chain.transaction import TransactionBody, decode_transaction
from chain.types import Digest, Height, Milliseconds, PublicKey

CHAIN = Digest(bytes(32))
ANY_PLACE = (TransactionPlace(Height(1), 0), TransactionPlace(Height(2**62), 0))


def word(text: str) -> bytes:
    return term(TermKind.WORD, text)


def block_of(height: int, *terms: tuple[int, bytes]) -> IndexedBlock:
    places = [place_key(known, height, index) for index, known in terms]
    return IndexedBlock(Height(height), height * 60_000, Activity(1, len(terms), 0, 0), places)


def add(index: HistoryIndex, *blocks: IndexedBlock) -> None:
    writes, covered, totals = index.prepare(blocks)
    index.write(writes)
    index.written(covered, totals)


def test_words_are_what_values_name_at_any_depth() -> None:
    values = ["acme.alice", 5, None, True, "x", "y" * 257, b"12345678", b"short", {"owner": "bob", "a.b": ["deep", {}]}]
    assert sorted(words(values)) == ["3132333435363738", "a.b", "acme.alice", "bob", "deep"]


def test_texts_are_measured_in_bytes() -> None:
    assert list(words(["é" * 128])) == ["é" * 128]
    assert list(words(["é" * 129])) == []


def test_a_transaction_is_found_by_sender_contracts_events_and_words() -> None:
    body = make_transaction(("bank", "deposit", ("acme.carol", 5)), memo="rent").body
    event = Event("other", "Paid", {"to": "zenith.bob"})
    receipt = Receipt(Digest(bytes(32)), Height(1), 0, None, (event,), 1, (None,))
    found = transaction_terms(body, receipt, Member("acme.alice", "acme", (), True))
    assert found == {
        term(TermKind.SENDER, "acme.alice"),
        term(TermKind.ORGANISATION, "acme"),
        term(TermKind.CONTRACT, "bank"),
        term(TermKind.CONTRACT, "other"),
        term(TermKind.EVENT, "other", "Paid"),
        *map(word, ("acme.carol", "rent", "zenith.bob", "acme.alice")),
    }


def test_no_term_is_the_beginning_of_another() -> None:
    texts = ["a", "ab", "a\x00", "a\x00\x00", "a\x00b", "", "\x00"]
    terms = [term(kind, text) for kind in TermKind for text in texts]
    terms += [term(TermKind.EVENT, first, second) for first in texts for second in texts]
    assert len(set(terms)) == len(terms)
    single = [term(TermKind.WORD, text) for text in texts]
    assert not [(one, two) for one in single for two in single if one != two and two.startswith(one)]


@pytest.mark.parametrize("seed", range(5))
def test_finding_agrees_with_looking_through_everything(seed: int) -> None:
    chance = random.Random(seed)
    index = HistoryIndex(MemoryStore())
    vocabulary = [word(text) for text in ("aa", "ab", "abc", "b\x00", "b")]
    twin: dict[tuple[int, int], set[bytes]] = {}
    heights = list(range(1, 41))
    chance.shuffle(heights)
    for height in heights:
        entries = [(number, known) for number in range(3) for known in chance.sample(vocabulary, 2)]
        add(index, block_of(height, *entries))
        for number, known in entries:
            twin.setdefault((height, number), set()).add(known)
    for _ in range(60):
        wanted = chance.sample(vocabulary, chance.choice((1, 1, 2)))
        low, high = sorted(TransactionPlace(Height(chance.randrange(42)), chance.randrange(3)) for _ in "ab")
        descending = chance.random() < 0.5
        expected = [
            place
            for place, held in sorted(twin.items(), reverse=descending)
            if (low.height, low.index) <= place < (high.height, high.index) and held >= set(wanted)
        ]
        seen: list[tuple[int, int]] = []
        while True:
            found = index.find(wanted, low, high, limit=3, descending=descending)
            assert len(found.places) <= 3
            seen += [(place.height, place.index) for place in found.places]
            if found.next is None:
                break
            low, high = (low, found.next) if descending else (found.next, high)
        assert seen == expected, seed


def test_words_are_listed_once_each_by_their_beginning() -> None:
    index = HistoryIndex(MemoryStore())
    for height in range(1, 30):
        add(index, block_of(height, *[(0, word(text)) for text in ("alpha", "alphabet", "beta", "al\x00", "é")]))
    assert index.words("al", 10) == ["al\x00", "alpha", "alphabet"]
    assert index.words("al", 2) == ["al\x00", "alpha"]
    assert index.words("é", 10) == ["é"]
    assert index.words("alphabets", 10) == []


def test_activity_adds_up_in_any_order() -> None:
    index = HistoryIndex(MemoryStore())
    for height in (3, 1, 61, 2):
        add(index, IndexedBlock(Height(height), height * 60_000, Activity(1, 10, 1, 2), ()))
    assert index.totals == Activity(4, 40, 4, 8)
    hours = list(index.activity(RESOLUTIONS["hour"], 0, 10**9))
    assert hours == [(0, Activity(3, 30, 3, 6)), (3_600_000, Activity(1, 10, 1, 2))]
    assert [index.first_missing(), index.first_missing(4), index.last_missing(3)] == [4, 4, 0]


def test_what_one_batch_covers_is_there_after_reopening(tmp_path: Path) -> None:
    index = open_index(tmp_path, CHAIN)
    add(index, block_of(1, (0, word("seen"))), block_of(2, (0, word("seen"))))
    # Prepared, and never written: the process ends here.
    index.prepare([block_of(3, (0, word("seen")))])
    index.close()
    again = open_index(tmp_path, CHAIN)
    assert again.first_missing() == 3
    assert again.totals.blocks == 2
    assert [place.height for place in again.find([word("seen")], *ANY_PLACE, limit=9, descending=False).places] == [
        1,
        2,
    ]
    again.close()


@pytest.mark.parametrize("damage", ["table", "chain", "kind"])
def test_an_index_that_cannot_be_used_is_made_anew(tmp_path: Path, damage: str) -> None:
    if damage == "kind":
        open_store(tmp_path / FOLDER, "blocks", CHAIN, 1024, create=True).close()
    else:
        index = open_index(tmp_path, CHAIN)
        add(index, block_of(1, (0, word("seen"))))
        index.close()
    if damage == "table":
        (tmp_path / FOLDER / "leveldb" / "CURRENT").unlink()
    index = open_index(tmp_path, Digest(bytes([1]) * 32) if damage == "chain" else CHAIN)
    assert index.first_missing() == 1
    index.close()


class FailingStore(MemoryStore):
    """A store whose disk is full."""

    def write_soon(self, writes: object) -> None:
        raise StoreUnusable("the disk is full")


async def test_a_failing_index_ends_itself_and_says_why() -> None:
    node = FakeNode()
    await node.submit([deposit(1).raw])

    async def read(contract: str, key: bytes) -> bytes | None:
        return node.ledger.database.get(contract, key)

    indexer = Indexer(node.store, HistoryIndex(FailingStore()), lambda: node.ledger.head.height, read, lambda: False)
    await indexer.run()
    assert str(indexer.failure) == "the disk is full"
    assert not await indexer.reached(Height(1), 1.0)


def tables(store: MemoryStore) -> list[tuple[bytes, bytes]]:
    """Return everything that a store holds."""
    firsts = [bytes([first]) for first in range(256)]
    return [row for first in firsts for row in store.scan(first, first + b"\xff" * 300)]


def applied(node: FakeNode, height: int, *, kept: bool) -> Any:
    """Return what the indexer looks at of a block that was just applied, with its transactions kept or not."""
    raw = node.store.block(height)
    assert raw is not None
    block = decode_block(raw)
    decoded = [decode_transaction(item, size_max=len(item)) for item in block.transactions]
    return SimpleNamespace(block=block, receipts=node.store.receipts(height), transactions=decoded if kept else ())


@pytest.mark.parametrize("recent_max", [0, 1, 5_000])
async def test_the_indexer_follows_the_head(recent_max: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether blocks are kept decoded until they are indexed or read from the database, the index is the same."""
    monkeypatch.setattr(indexing, "RECENT_TRANSACTIONS_MAX", recent_max)
    # Whoever waits for the index does not wait for further blocks.
    monkeypatch.setattr(indexing, "GATHER_SECONDS", 3600.0)
    node = FakeNode()
    head = node.ledger

    async def read(contract: str, key: bytes) -> bytes | None:
        return node.ledger.database.get(contract, key)

    store = MemoryStore()
    indexer = Indexer(node.store, HistoryIndex(store), lambda: head.head.height, read, lambda: True)
    running = asyncio.create_task(indexer.run())
    for number in range(3):
        await node.submit([deposit(1, nonce=number).raw])
        indexer.applied(applied(node, head.head.height, kept=number != 1))
        assert await indexer.reached(head.head.height, 5.0)
    assert indexer.index.totals.transactions == 3
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    anew = MemoryStore()
    again = Indexer(node.store, HistoryIndex(anew), lambda: head.head.height, read, lambda: False)
    await again.index_from(Height(1))
    assert tables(store) == tables(anew) != []


@pytest.mark.parametrize("turns", range(4))
async def test_the_indexer_ends_when_told_to_while_a_block_arrives(turns: int) -> None:
    """However the two meet, the word to end is not lost: the node would wait for it for ever."""
    node = FakeNode()

    async def read(contract: str, key: bytes) -> bytes | None:
        return None

    indexer = Indexer(node.store, HistoryIndex(MemoryStore()), lambda: Height(0), read, lambda: False)
    running = asyncio.create_task(indexer.run())
    for _ in range(3):
        await asyncio.sleep(0)
    await node.submit([deposit(1).raw])
    indexer.applied(applied(node, 1, kept=True))
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=1.0)
    assert done and running.cancelled()


def test_bodies_have_what_terms_need() -> None:
    body = TransactionBody(CHAIN, PublicKey(bytes(32)), bytes(16), Milliseconds(0), (), 1)
    receipt = Receipt(Digest(bytes(32)), Height(1), 0, "failed", (), 1, ())
    assert transaction_terms(body, receipt, None) == set()
