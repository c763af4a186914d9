"""The form of one file of an export: recorded blocks, each compressed by itself, one gzip member after the other.

Any program that knows gzip reads such a file. Because each block has a member and a checksum of its own, damage is
named by the block that it hit. A member's header is always the same ten bytes, so that nothing can be hidden in it.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from chain.encoding import DecodeError
from chain.recorded_block import RECORDED_BLOCK_BYTES_MAX, decode_recorded_block
from chain.values import dataclass

HEADER: Final = bytes.fromhex("1f8b0800000000000003")
"""RFC 1952: deflate, no name, no time, no flags, Unix."""
COMPRESSION: Final = 6
ATTEMPTS_MAX: Final = 100
"""Places behind damage at which a block may begin that are tried; a file made to hold millions costs no more."""
_TRAILER: Final = struct.Struct("<II")


def compress_block(record: bytes) -> bytes:
    """Return the member of one encoded recorded block."""
    deflate = zlib.compressobj(COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(record) + deflate.flush()
    return b"".join((HEADER, body, _TRAILER.pack(zlib.crc32(record), len(record))))


def compress_blocks(records: Sequence[bytes]) -> bytes:
    """Return a file of these blocks."""
    return b"".join(map(compress_block, records))


def read_blocks(data: bytes) -> Iterator[bytes]:
    """Yield the encoded recorded blocks of a file, each as soon as its own member was found sound.

    Raises:
        DecodeError: at the first member that is none, or holds more than a recorded block may have.
    """
    position = 0
    while position < len(data):
        record, position = _read_member(data, position)
        yield record


@dataclass(frozen=True, slots=True)
class Damage:
    """What cannot be read of a file."""

    why: str
    next_height: int | None
    """The block with which reading goes on, None if no other in the file can be read."""


def read_on(data: bytes, first: int, last: int) -> Iterator[tuple[int, bytes | Damage]]:
    """Yield heights and recorded blocks of a file that holds `first` to `last`, going on behind damage where it can.

    A block's height is counted; only behind damage it is what the next sound block says of itself.
    """
    position, height = 0, first
    while position < len(data):
        try:
            record, position = _read_member(data, position)
        except DecodeError as error:
            sound = _next_sound(data, position, height, last)
            yield height, Damage(str(error), None if sound is None else sound[0])
            if sound is None:
                return
            height, position = sound
        else:
            yield height, record
            height += 1


def _next_sound(data: bytes, position: int, height: int, last: int) -> tuple[int, int] | None:
    """Return height and place of the next sound block behind `height`, None if there is none."""
    for _ in range(ATTEMPTS_MAX):
        position = data.find(HEADER, position + 1)
        if position < 0:
            return None
        try:
            found = decode_recorded_block(_read_member(data, position)[0]).decoded_block().header.height
        except DecodeError:
            continue
        if height < found <= last:
            return found, position
    return None


def first_recompressed(data: bytes) -> int | None:
    """Return the place of the first member that is not what compressing its block gives; None if all or no others are.

    It helps to name a block where a file has another hash and yet the same blocks, and means nothing else: another
    compressor makes other members.
    """
    starts, position = [], 0
    for record in read_blocks(data):
        end = _read_member(data, position)[1]
        starts.append(data[position:end] != compress_block(record))
        position = end
    return starts.index(True) if any(starts) and not all(starts[1:]) else None


def _read_member(data: bytes, position: int) -> tuple[bytes, int]:
    if data[position : position + len(HEADER)] != HEADER:
        raise DecodeError(f"at byte {position} no compressed block begins")
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    body = position + len(HEADER)
    try:
        record = inflate.decompress(memoryview(data)[body:], RECORDED_BLOCK_BYTES_MAX + 1)
    except zlib.error as error:
        raise DecodeError(f"the compressed block at byte {position} is damaged") from error
    if len(record) > RECORDED_BLOCK_BYTES_MAX:
        raise DecodeError(f"the compressed block at byte {position} is larger than a block may be")
    end = len(data) - len(inflate.unused_data)
    if not inflate.eof or len(data) - end < _TRAILER.size:
        raise DecodeError(f"the compressed block at byte {position} is cut off")
    if _TRAILER.unpack_from(data, end) != (zlib.crc32(record), len(record)):
        raise DecodeError(f"the compressed block at byte {position} has another checksum than it states")
    return record, end + _TRAILER.size
