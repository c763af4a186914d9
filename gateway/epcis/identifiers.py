"""One spelling for each GS1 identifier: URNs and Digital Links of the same thing come out as the same text.

The canonical form is the constrained GS1 Digital Link that CBV 2.0 hashes: host id.gs1.org, numeric application
identifiers, GTINs padded to 14 digits, no query, and only the finest qualifier (a serial drops the lot). Text that
is no GS1 identifier comes back unchanged, because EPCIS allows any URI.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, unquote

from gateway.epcis.vocabulary import CBV_URN

CANONICAL_HOST: Final = "https://id.gs1.org"

_COMPANY_PREFIX: Final = re.compile(r"[0-9]{6,12}")
_SERIAL: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}|[!'()*+,.0-9:;=A-Za-z_-])+")
_CHARACTERS: Final = re.compile(r"[!\"#%&'()*+,./0-9:;<=>?A-Za-z_-]{1,30}")
"""GS1's character set for serials, lots and references, and the # of component numbers."""
_SAFE: Final = "';="

_SHORT_NAMES: Final = {
    "gtin": "01", "itip": "8006", "cpid": "8010", "gln": "414", "party": "417", "gsrnp": "8017", "gsrn": "8018",
    "gcn": "255", "sscc": "00", "gdti": "253", "ginc": "401", "gsin": "402", "grai": "8003", "giai": "8004",
    "cpv": "22", "lot": "10", "ser": "21",
}  # fmt: skip

_KEY_VALUES: Final = {
    "00": re.compile(r"[0-9]{18}"),
    "01": re.compile(r"[0-9]{8}|[0-9]{12,14}"),
    "253": re.compile(r"[0-9]{13}.{0,17}"),
    "255": re.compile(r"[0-9]{13,25}"),
    "401": re.compile(r"[0-9]{4}.{1,26}"),
    "402": re.compile(r"[0-9]{17}"),
    "414": re.compile(r"[0-9]{13}"),
    "417": re.compile(r"[0-9]{13}"),
    "8003": re.compile(r"[0-9]{14}.{0,16}"),
    "8004": re.compile(r"[0-9]{4}.{1,26}"),
    "8006": re.compile(r"[0-9]{18}"),
    "8010": re.compile(r"[0-9]{4}[#/0-9A-Z-]{1,26}"),
    "8017": re.compile(r"[0-9]{18}"),
    "8018": re.compile(r"[0-9]{18}"),
}

_QUALIFIERS: Final[dict[str, tuple[str, ...]]] = {
    "01": ("21", "235", "10", "22"),
    "414": ("254",),
    "8006": ("21", "10", "22"),
    "8010": ("8011",),
}
"""Qualifiers that a key may carry, finest first; only the first one present is kept, and 22 (variant) never."""


def check_digit(digits: str) -> str:
    """Return the GS1 modulo-10 check digit for the digits before it."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def canonical_identifier(text: str) -> str:
    """Return the canonical spelling of a GS1 identifier or CBV term, or the text itself if it is neither."""
    if text.startswith("urn:epc:"):
        return _from_urn(text) or text
    if text.startswith("http"):
        return _from_digital_link(text) or text
    if text.startswith("urn:epcglobal:cbv:"):
        kind, _, term = text[len("urn:epcglobal:cbv:") :].partition(":")
        return CBV_URN[kind] + term if kind in CBV_URN else text
    return text


def application_identifier(canonical: str) -> str:
    """Return the key of a canonical identifier ("01", "00", "414"), or "" for any other text."""
    if not canonical.startswith(CANONICAL_HOST + "/"):
        return ""
    return canonical[len(CANONICAL_HOST) + 1 :].partition("/")[0]


def escaped(component: str) -> str:
    """Return a serial or lot number as it stands in a Digital Link."""
    return component if component.isalnum() and component.isascii() else quote(component, safe=_SAFE)


def _numbers(prefix: str, reference: str, digits: int) -> bool:
    """Tell whether a company prefix and a reference are digits and fill the key exactly."""
    return (
        len(prefix) + len(reference) == digits
        and _COMPANY_PREFIX.fullmatch(prefix) is not None
        and (reference == "" or (reference.isascii() and reference.isdigit()))
    )


def _gtin(prefix: str, item: str) -> str | None:
    """Return the 14 digits of a GTIN whose indicator digit leads the item reference (TDS 1.13, section 7.1)."""
    if not _numbers(prefix, item, 13):
        return None
    body = item[0] + prefix + item[1:]
    return body + check_digit(body)


def _thirteen(prefix: str, reference: str) -> str | None:
    if not _numbers(prefix, reference, 12):
        return None
    return prefix + reference + check_digit(prefix + reference)


def _eighteen(prefix: str, reference: str) -> str | None:
    if not _numbers(prefix, reference, 17):
        return None
    return prefix + reference + check_digit(prefix + reference)


def _under_gtin(key: str, qualifier: str) -> Callable[[list[str]], str | None]:
    def convert(parts: list[str]) -> str | None:
        gtin = _gtin(parts[0], parts[1]) if len(parts) == 3 else None
        return None if gtin is None else f"{key}/{gtin}/{qualifier}/{escaped(unquote(parts[2]))}"

    return convert


def _sscc(parts: list[str]) -> str | None:
    if len(parts) != 2 or not _numbers(parts[0], parts[1], 17):
        return None
    body = parts[1][0] + parts[0] + parts[1][1:]
    return f"00/{body}{check_digit(body)}"


def _sgln(parts: list[str]) -> str | None:
    number = _thirteen(parts[0], parts[1]) if len(parts) == 3 else None
    if number is None:
        return None
    return f"414/{number}" if parts[2] == "0" else f"414/{number}/254/{escaped(unquote(parts[2]))}"


def _plain_thirteen(key: str) -> Callable[[list[str]], str | None]:
    def convert(parts: list[str]) -> str | None:
        number = _thirteen(parts[0], parts[1]) if len(parts) == 2 else None
        return None if number is None else f"{key}/{number}"

    return convert


def _serial_thirteen(key: str, lead: str) -> Callable[[list[str]], str | None]:
    """Build a converter for keys of 13 digits with the serial number appended (GRAI, GDTI, GCN)."""

    def convert(parts: list[str]) -> str | None:
        number = _thirteen(parts[0], parts[1]) if len(parts) == 3 else None
        return None if number is None else f"{key}/{lead}{number}{escaped(unquote(parts[2]))}"

    return convert


def _plain_eighteen(key: str) -> Callable[[list[str]], str | None]:
    def convert(parts: list[str]) -> str | None:
        number = _eighteen(parts[0], parts[1]) if len(parts) == 2 else None
        return None if number is None else f"{key}/{number}"

    return convert


def _gsin(parts: list[str]) -> str | None:
    if len(parts) != 2 or not _numbers(parts[0], parts[1], 16):
        return None
    return f"402/{parts[0]}{parts[1]}{check_digit(parts[0] + parts[1])}"


def _joined(key: str) -> Callable[[list[str]], str | None]:
    """Build a converter for keys whose reference may itself hold dots (GIAI, GINC)."""

    def convert(parts: list[str]) -> str | None:
        if len(parts) < 2 or _COMPANY_PREFIX.fullmatch(parts[0]) is None:
            return None
        return f"{key}/{escaped(parts[0] + unquote('.'.join(parts[1:])))}"

    return convert


def _cpi(parts: list[str]) -> str | None:
    if len(parts) != 3 or _COMPANY_PREFIX.fullmatch(parts[0]) is None or not parts[2].isdigit():
        return None
    return f"8010/{escaped(parts[0] + unquote(parts[1]))}/8011/{parts[2]}"


def _itip(parts: list[str]) -> str | None:
    gtin = _gtin(parts[0], parts[1]) if len(parts) == 5 else None
    if gtin is None or not (parts[2] + parts[3]).isdigit() or len(parts[2]) != 2 or len(parts[3]) != 2:
        return None
    return f"8006/{gtin}{parts[2]}{parts[3]}/21/{escaped(unquote(parts[4]))}"


_FROM_URN: Final[dict[str, tuple[int, Callable[[list[str]], str | None]]]] = {
    "id:sgtin": (2, _under_gtin("01", "21")),
    "id:upui": (2, _under_gtin("01", "235")),
    "class:lgtin": (2, _under_gtin("01", "10")),
    "id:sscc": (1, _sscc),
    "id:sgln": (2, _sgln),
    "id:pgln": (1, _plain_thirteen("417")),
    "id:grai": (2, _serial_thirteen("8003", "0")),
    "id:gdti": (2, _serial_thirteen("253", "")),
    "id:sgcn": (2, _serial_thirteen("255", "")),
    "id:giai": (1, _joined("8004")),
    "id:ginc": (1, _joined("401")),
    "id:gsrn": (1, _plain_eighteen("8018")),
    "id:gsrnp": (1, _plain_eighteen("8017")),
    "id:gsin": (1, _gsin),
    "id:cpi": (2, _cpi),
    "id:itip": (4, _itip),
}
"""Scheme -> how many dots separate its parts (a serial number may hold more), and its converter."""

_PATTERNS: Final[dict[str, tuple[str, str]]] = {
    "idpat:sgtin": ("id:sgtin", "/21/"),
    "idpat:upui": ("id:upui", "/235/"),
    "idpat:grai": ("id:grai", ""),
    "idpat:gdti": ("id:gdti", ""),
    "idpat:sgcn": ("id:sgcn", ""),
    "idpat:itip": ("id:itip", "/21/"),
    "idpat:cpi": ("id:cpi", "/8011/"),
}
"""Patterns "any serial of this class" -> the scheme of one serial, and what precedes the serial in its result."""


def _from_urn(text: str) -> str | None:
    kind, _, rest = text[len("urn:epc:") :].partition(":")
    scheme_name, _, value = rest.partition(":")
    name = f"{kind}:{scheme_name}"
    if name in _PATTERNS and value.endswith(".*"):
        name, before_serial = _PATTERNS[name]
        dots, converter = _FROM_URN[name]
        path = converter((value[:-1] + "0").split(".", dots))
        return None if path is None else f"{CANONICAL_HOST}/{path[: len(path) - 1 - len(before_serial)]}"
    scheme = _FROM_URN.get(name)
    if scheme is None or _SERIAL.fullmatch(value) is None:
        return None
    dots, converter = scheme
    parts = value.split(".", dots)
    if len(parts) == dots + 1 and parts[-1] == "" and dots > 1:
        return None
    path = converter(parts)
    return None if path is None else f"{CANONICAL_HOST}/{path}"


def _from_digital_link(text: str) -> str | None:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in ("http", "https"):
        return None
    segments = rest.partition("?")[0].partition("#")[0].rstrip("/").split("/")[1:]
    for start in range(len(segments) - 1):
        key = _SHORT_NAMES.get(segments[start], segments[start])
        if key in _KEY_VALUES and (len(segments) - start) % 2 == 0:
            path = _link_path(key, unquote(segments[start + 1]), segments[start + 2 :])
            if path is not None:
                return f"{CANONICAL_HOST}/{path}"
    return None


def _link_path(key: str, value: str, qualifiers: list[str]) -> str | None:
    """Return "key/value[/qualifier/value]" in canonical form, or None if these segments are no identifier."""
    if _KEY_VALUES[key].fullmatch(value) is None or _CHARACTERS.fullmatch(value) is None:
        return None
    allowed = _QUALIFIERS.get(key, ())
    found: dict[str, str] = {}
    for name_text, qualifier in zip(qualifiers[::2], qualifiers[1::2], strict=True):
        name = _SHORT_NAMES.get(name_text, name_text)
        decoded = unquote(qualifier)
        if name not in allowed or _CHARACTERS.fullmatch(decoded) is None:
            return None
        found[name] = decoded
    body = f"{key}/{escaped(value.zfill(14) if key == '01' else value)}"
    for name in allowed:
        if name in found and name != "22":
            return f"{body}/{name}/{escaped(found[name])}"
    return body
