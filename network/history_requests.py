"""What a node that joins may ask another: headers, receipts, and snapshots of the state with their chunks.

As everywhere, the answer is evidence, not truth: headers carry certificates, receipts and chunks are hashed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from chain.crypto import DIGEST_BYTES
from chain.encoding import DecodeError, decode, encode, fields_of
from chain.snapshot import CHUNK_BYTES_MAX, CHUNKS_MAX, MANIFEST_BYTES_MAX
from chain.types import Digest, Height
from chain.values import dataclass
from network.errors import PeerFaultError, RefusalError
from network.requests import ANSWER_BYTES_MAX

HEADERS_MAX: Final = 1024
"""Headers, or blocks' receipts, of one answer."""
OFFERS_MAX: Final = 8
"""Snapshots that one answer offers."""
ITEMS_A_TURN: Final = 32


class HistoryKind(IntEnum):
    """The number is the byte on the wire; network.requests.RequestKind has those below."""

    HEADERS = 4
    """Certified headers of consecutive heights."""
    RECEIPTS = 5
    """Receipts of the blocks of consecutive heights."""
    SNAPSHOTS = 6
    """Which snapshots of the state there are; asking has one made if there is none above a height."""
    MANIFEST = 7
    CHUNK = 8


class CertifiedHeader(NamedTuple):
    """A header with its result and certificate, in bytes."""

    header: bytes
    result: bytes
    certificate: bytes


class Offer(NamedTuple):
    """A snapshot that a node holds, as it says."""

    height: Height
    manifest_hash: Digest
    manifest_bytes: int
    chunk_bytes: int
    """Of all chunks together."""


@dataclass(frozen=True, slots=True)
class Offers:
    """The snapshots that a node offers."""

    offers: tuple[Offer, ...]
    is_making: bool
    """Whether another one is being made; it is worth asking again."""


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """Asks for things of consecutive heights from `first` on, at most so many and about so many bytes."""

    first: Height
    items_max: int
    bytes_max: int

    def encoded(self) -> bytes:
        """Return the question's payload."""
        return encode([1, self.first, self.items_max, self.bytes_max])


@dataclass(frozen=True, slots=True)
class HistorySources:
    """Where answers come from; each returns None for what is beyond the head, or raises RefusalError."""

    header: Callable[[Height], CertifiedHeader | None]
    receipts: Callable[[Height], Sequence[bytes] | None]
    offers: Callable[[Height], Offers]
    """Given the height that a snapshot has to exceed."""
    manifest: Callable[[Digest], Awaitable[bytes]]
    chunk: Callable[[Digest, int], Awaitable[bytes]]


async def answer(sources: HistorySources, kind: int, payload: bytes) -> bytes:
    """Return the answer to a peer's question; yields to other tasks between items.

    Raises:
        PeerFaultError: when the question is malformed.
        RefusalError: when the kind is unknown, or this node does not have what is asked for.
    """
    try:
        if kind == HistoryKind.HEADERS:
            wanted = decode_range_request(payload)
            return encode([1, await _range(wanted, lambda height: _listed(sources.header(height)))])
        if kind == HistoryKind.RECEIPTS:
            wanted = decode_range_request(payload)
            return encode([1, await _range(wanted, lambda height: _listed(sources.receipts(height)))])
        if kind == HistoryKind.SNAPSHOTS:
            return encode_offers(sources.offers(decode_snapshots_request(payload)))
        if kind == HistoryKind.MANIFEST:
            return encode([1, await sources.manifest(decode_manifest_request(payload))])
        if kind == HistoryKind.CHUNK:
            return encode([1, await sources.chunk(*decode_chunk_request(payload))])
    except DecodeError as error:
        raise PeerFaultError(f"request of kind {kind}: {error}") from error
    raise RefusalError(f"unknown request kind {kind}")


def decode_range_request(payload: bytes) -> RangeRequest:
    """Return the question for things of consecutive heights; raises DecodeError."""
    _, first, items_max, bytes_max = fields_of(decode(payload, depth_max=1), "request for a range", 1, int, int, int)
    if first < 1 or items_max < 1 or bytes_max < 1:
        raise DecodeError("a request for a range starts at height 1 or higher and wants something")
    return RangeRequest(Height(first), min(items_max, HEADERS_MAX), min(bytes_max, ANSWER_BYTES_MAX))


def decode_headers(payload: bytes) -> list[CertifiedHeader]:
    """Return the certified headers of an answer, not decoded; raises DecodeError."""
    entries = _entries(payload, "answer with headers")
    return [CertifiedHeader(*fields_of(entry, "certified header", bytes, bytes, bytes)) for entry in entries]


def decode_receipts(payload: bytes) -> list[list[bytes]]:
    """Return the receipts of each block of an answer, not decoded; raises DecodeError."""
    entries = _entries(payload, "answer with receipts")
    if any(type(entry) is not list or any(type(item) is not bytes for item in entry) for entry in entries):
        raise DecodeError("the receipts of a block are byte strings")
    return entries


def encode_snapshots_request(above: Height) -> bytes:
    """Return the payload that asks for snapshots above a height."""
    return encode([1, above])


def decode_snapshots_request(payload: bytes) -> Height:
    """Return the height that a snapshot has to exceed; raises DecodeError."""
    above: int = fields_of(decode(payload, depth_max=1), "request for snapshots", 1, int)[1]
    if above < 0:
        raise DecodeError("a height is not negative")
    return Height(above)


def encode_offers(offers: Offers) -> bytes:
    """Return the answer that offers snapshots."""
    return encode([1, [list(offer) for offer in offers.offers], offers.is_making])


def decode_offers(payload: bytes) -> Offers:
    """Return the snapshots that an answer offers; raises DecodeError."""
    value = decode(payload, depth_max=3, values_max=16 * OFFERS_MAX + 16)
    _, entries, is_making = fields_of(value, "answer with snapshots", 1, list, bool)
    if len(entries) > OFFERS_MAX:
        raise DecodeError(f"an answer offers at most {OFFERS_MAX} snapshots")
    offers: list[Offer] = []
    for entry in entries:
        height, manifest_hash, manifest_bytes, chunk_bytes = fields_of(entry, "offer", int, bytes, int, int)
        if height < 1 or not 1 <= manifest_bytes <= MANIFEST_BYTES_MAX or chunk_bytes < 0:
            raise DecodeError(f"snapshot of height {height} with {manifest_bytes} bytes of manifest")
        offers.append(Offer(Height(height), _digest(manifest_hash), manifest_bytes, chunk_bytes))
    return Offers(tuple(offers), is_making)


def encode_manifest_request(manifest_hash: Digest) -> bytes:
    """Return the payload that asks for a manifest."""
    return encode([1, manifest_hash])


def decode_manifest_request(payload: bytes) -> Digest:
    """Return the hash of the manifest that is asked for; raises DecodeError."""
    return _digest(fields_of(decode(payload, depth_max=1), "request for a manifest", 1, bytes)[1])


def encode_chunk_request(manifest_hash: Digest, number: int) -> bytes:
    """Return the payload that asks for a chunk by its place in a manifest."""
    return encode([1, manifest_hash, number])


def decode_chunk_request(payload: bytes) -> tuple[Digest, int]:
    """Return manifest hash and number of the chunk that is asked for; raises DecodeError."""
    _, manifest_hash, number = fields_of(decode(payload, depth_max=1), "request for a chunk", 1, bytes, int)
    if not 0 <= number < CHUNKS_MAX:
        raise DecodeError(f"chunk {number}")
    return _digest(manifest_hash), number


def decode_bytes(payload: bytes) -> bytes:
    """Return manifest or chunk of an answer, unchecked; raises DecodeError."""
    size_max = max(CHUNK_BYTES_MAX, MANIFEST_BYTES_MAX) + 64
    data: bytes = fields_of(
        decode(payload, size_max=size_max, depth_max=1, values_max=16), "answer with bytes", 1, bytes
    )[1]
    return data


async def _range(wanted: RangeRequest, item_at: Callable[[Height], list[Any] | None]) -> list[list[Any]]:
    items: list[list[Any]] = []
    size = 0
    while len(items) < wanted.items_max and size < wanted.bytes_max:
        try:
            item = item_at(Height(wanted.first + len(items)))
        except RefusalError:
            # What stands before the gap is served; the next question learns of it.
            if items:
                break
            raise
        size += 0 if item is None else sum(map(len, item))
        if item is None or (items and size > wanted.bytes_max):
            break
        items.append(item)
        if len(items) % ITEMS_A_TURN == 0:
            await asyncio.sleep(0)
    return items


def _listed(item: Sequence[bytes] | None) -> list[bytes] | None:
    return None if item is None else list(item)


def _entries(payload: bytes, name: str) -> list[Any]:
    # A receipt, which a header may come with thousands of, has more than 32 bytes.
    values_max = 16 * HEADERS_MAX + len(payload) // 32
    entries: list[Any] = fields_of(decode(payload, depth_max=3, values_max=values_max), name, 1, list)[1]
    if len(entries) > HEADERS_MAX:
        raise DecodeError(f"an {name} has at most {HEADERS_MAX} entries")
    return entries


def _digest(value: Any) -> Digest:
    if type(value) is not bytes or len(value) != DIGEST_BYTES:
        raise DecodeError(f"a digest has {DIGEST_BYTES} bytes")
    return Digest(value)
