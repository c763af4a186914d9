"""Spellings under which a searched identifier may stand on the ledger: as typed, and as a canonical GS1 Digital Link.

Gateways write identifiers of goods as Digital Links of the host id.gs1.org; people paste what a label or another system
shows them: a link of another resolver, or the URN of the same serial number, lot or logistic unit.
"""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

CANONICAL: Final = "https://id.gs1.org/"
_URN: Final = re.compile(r"urn:epc:(?:id|class):(sgtin|lgtin|sscc):([0-9]{6,12})\.([0-9]{1,10})(?:\.(.+))?")
_PATH: Final = re.compile(r".*?/((?:01|gtin|00|sscc|414|8003|8004)/[0-9].*)")
_NAMES: Final = {"gtin": "01", "sscc": "00", "lot": "10", "ser": "21"}
_GTIN_DIGITS: Final = 14


def spellings(text: str) -> list[str]:
    """Return the text itself, and then the canonical identifier that it stands for, if it is another."""
    canonical = _from_urn(text) or _from_link(text)
    return [text] if canonical in (None, text) else [text, canonical]


def is_item(word: str) -> bool:
    """Tell whether a word of the ledger names a good, a lot or a logistic unit."""
    return word.startswith((CANONICAL + "01/", CANONICAL + "00/", CANONICAL + "8003/", CANONICAL + "8004/"))


def _from_urn(text: str) -> str | None:
    match = _URN.fullmatch(text)
    if match is None:
        return None
    scheme, company, reference, serial = match.groups()
    digits = reference[0] + company + reference[1:]
    digits += _check_digit(digits)
    if scheme == "sscc":
        return f"{CANONICAL}00/{digits}" if serial is None else None
    if serial is None or len(digits) != _GTIN_DIGITS:
        return None
    return f"{CANONICAL}01/{digits}/{'21' if scheme == 'sgtin' else '10'}/{unquote(serial)}"


def _from_link(text: str) -> str | None:
    if not text.startswith(("https://", "http://")):
        return None
    match = _PATH.fullmatch(urlsplit(text).path)
    if match is None:
        return None
    parts = [_NAMES.get(part, part) for part in match[1].rstrip("/").split("/")]
    if parts[0] == "01":
        parts[1] = parts[1].zfill(_GTIN_DIGITS)
    return CANONICAL + "/".join(parts)


def _check_digit(digits: str) -> str:
    """Return GS1's modulo-10 check digit."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)
