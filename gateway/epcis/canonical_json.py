"""Writes JSON values in one form, so that the stored text of an event is the same whoever prepares it."""

from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any


def canonical_json(value: Any) -> str:
    """Return JSON without spaces, keys sorted, numbers exact and without exponent."""
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return f"[{','.join([canonical_json(item) for item in value])}]"
    fields = [f"{encode_basestring(key)}:{canonical_json(value[key])}" for key in sorted(value)]
    return f"{{{','.join(fields)}}}"


def decimal_text(number: Decimal) -> str:
    """Return a number without exponent, trailing zeros or a negative zero."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
