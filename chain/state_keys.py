"""Storage keys of contracts: tuples in an encoding whose byte order is the order of the tuples.

A key is the storage's name and, for a map, its key parts. Each part begins with a byte that names its type, so that
parts of different types never collide; bytes and text escape zero and end with a single zero, integers are shifted to
be unsigned and written big-endian. The order of encoded keys is therefore the order in which a contract iterates.
"""

from typing import Final

from chain.encoding import INT_MAX, INT_MIN, DecodeError, EncodeError

BYTES_TAG: Final = 0x01
TEXT_TAG: Final = 0x02
FALSE_TAG: Final = 0x05
TRUE_TAG: Final = 0x06
INTEGER_TAG: Final = 0x10

KEY_BYTES_MAX: Final = 1024
"""Bytes of an encoded key, name included."""

KeyPart = bool | int | bytes | str


def encode_key(parts: tuple[KeyPart, ...]) -> bytes:
    """Return the ordered encoding of a key.

    Raises:
        EncodeError: for a part of another type, an integer beyond signed 64 bits, or a key over KEY_BYTES_MAX.
    """
    encoded = b"".join(_encode_part(part) for part in parts)
    if len(encoded) > KEY_BYTES_MAX:
        raise EncodeError(f"key of {len(encoded)} bytes exceeds {KEY_BYTES_MAX}")
    return encoded


def decode_key(data: bytes) -> tuple[KeyPart, ...]:
    """Return the parts of an encoded key.

    Raises:
        DecodeError: when the bytes are not the encoding of any key.
    """
    parts: list[KeyPart] = []
    position = 0
    while position < len(data):
        part, position = _decode_part(data, position)
        parts.append(part)
    if len(data) > KEY_BYTES_MAX:
        raise DecodeError(f"key of {len(data)} bytes exceeds {KEY_BYTES_MAX}")
    return tuple(parts)


def _encode_part(part: KeyPart) -> bytes:
    kind = type(part)
    if kind is str:
        assert isinstance(part, str)
        try:
            return bytes([TEXT_TAG]) + _escape(part.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise EncodeError(f"text is not valid Unicode: {error.reason}") from error
    if kind is bytes:
        assert isinstance(part, bytes)
        return bytes([BYTES_TAG]) + _escape(part)
    if kind is bool:
        return bytes([TRUE_TAG if part else FALSE_TAG])
    if kind is int:
        assert isinstance(part, int)
        if not INT_MIN <= part <= INT_MAX:
            raise EncodeError(f"integer {part} exceeds signed 64 bits")
        return bytes([INTEGER_TAG]) + (part - INT_MIN).to_bytes(8, "big")
    raise EncodeError(f"type {kind.__name__} cannot be part of a key")


def _escape(data: bytes) -> bytes:
    return data.replace(b"\x00", b"\x00\xff") + b"\x00"


def _decode_part(data: bytes, position: int) -> tuple[KeyPart, int]:
    tag = data[position]
    position += 1
    if tag in (FALSE_TAG, TRUE_TAG):
        return tag == TRUE_TAG, position
    if tag == INTEGER_TAG:
        end = position + 8
        if end > len(data):
            raise DecodeError("integer in a key is cut off")
        return int.from_bytes(data[position:end], "big") + INT_MIN, end
    if tag not in (BYTES_TAG, TEXT_TAG):
        raise DecodeError(f"unknown key part {tag:#04x}")
    content, position = _unescape(data, position)
    if tag == BYTES_TAG:
        return content, position
    try:
        return content.decode("utf-8"), position
    except UnicodeDecodeError as error:
        raise DecodeError(f"text in a key is not UTF-8: {error.reason}") from error


def _unescape(data: bytes, position: int) -> tuple[bytes, int]:
    content = bytearray()
    while True:
        end = data.find(b"\x00", position)
        if end < 0:
            raise DecodeError("a key part is not terminated")
        content += data[position:end]
        if data[end + 1 : end + 2] != b"\xff":
            return bytes(content), end + 1
        content.append(0)
        position = end + 2


CONTRACTS: Final = encode_key(("contract",))
"""What the system keys of the records of all contracts begin with."""


def contract_key(name: str) -> bytes:
    """Return the key in the system namespace under which a contract's record stands."""
    return encode_key(("contract", name))


def contract_version_key(name: str, version: int) -> bytes:
    """Return the key in the system namespace under which the record of one version of a contract stands."""
    return encode_key(("contract-version", name, version))


def source_key(source_hash: bytes) -> bytes:
    """Return the key in the system namespace under which a source stands."""
    return encode_key(("source", source_hash))
