"""Counts the values in MessagePack without making any of them, so that a small file cannot ask for a gigabyte.

An empty array takes a byte in a file and 64 in memory; sixteen million of them took half a minute to refuse. What a
stranger hands over, and no hash vouches for, is counted first (docs/protocol.md, "Canonical encoding").
"""

from collections.abc import Mapping
from typing import Final

_SIZE_WIDTHS: Final[Mapping[int, int]] = dict(
    zip(bytes.fromhex("c4c5c6 d9dadb dcdd dedf"), (1, 2, 4, 1, 2, 4, 2, 4, 2, 4), strict=True)
)
"""Bytes of the size that stands behind a lead byte: of bytes, text, arrays and maps."""

_FIXED_BYTES: Final[Mapping[int, int]] = {lead: 1 << (lead & 3) for lead in range(0xCC, 0xD4)}
"""Bytes of the integer that stands behind a lead byte."""


def has_more_values(data: bytes, values_max: int) -> bool:
    """Tell whether an encoding stands for more than `values_max` values, containers and keys counted like others.

    It looks at no more than that many, and counts what an array or map announces at once. Bytes that are no
    MessagePack of the data model, or end too early, are not its concern: it stops at them and says no.
    """
    at, size, announced = 0, len(data), 1
    seen = 0
    while seen < announced and at < size:
        if announced > values_max:
            return True
        lead = data[at]
        at += 1
        seen += 1
        if lead <= 0x7F or lead >= 0xE0:
            continue
        if lead <= 0x8F:
            announced += 2 * (lead & 0x0F)
        elif lead <= 0x9F:
            announced += lead & 0x0F
        elif lead <= 0xBF:
            at += lead & 0x1F
        elif lead in _SIZE_WIDTHS:
            width = _SIZE_WIDTHS[lead]
            length = int.from_bytes(data[at : at + width], "big")
            at += width
            if lead <= 0xDB:
                at += length
            else:
                announced += length if lead <= 0xDD else 2 * length
        else:
            at += _FIXED_BYTES.get(lead, 0)
    return announced > values_max
