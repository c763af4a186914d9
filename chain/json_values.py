"""Contract values as JSON and back: one form for answers, arguments and keys, without loss and without guessing.

JSON has neither exact integers of 64 bits in every language nor bytes, so these two are tagged; text is never taken
for anything else. A map is tagged too, so that no key of a contract can be mistaken for a tag:
  nil, booleans, text    null, true, "text"
  integer                {"int": "-12"}
  bytes                  {"bytes": "00ff"}, lower-case hexadecimal
  list                   [...]
  map                    {"map": {"key": value}}
A map comes back in the order of its keys, as from the canonical encoding, however the JSON was ordered.
As input, a JSON integer that every JSON reader keeps exact (up to 2**53 - 1) is an integer as well.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from chain.encoding import DEPTH_MAX, INT_MAX, INT_MIN

EXACT_JSON_INTEGER_MAX: Final = 2**53 - 1
_INTEGER: Final = re.compile(r"-?[1-9][0-9]{0,18}|0")
_HALF_CHARACTER: Final = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_HEXADECIMAL: Final = re.compile(r"(?:[0-9a-f]{2})*")


class JsonValueError(ValueError):
    """JSON that stands for no contract value; says what and how to write it instead."""


def to_json(value: Any) -> Any:
    """Return the JSON form of a value of the canonical encoding."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": value.hex()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    assert isinstance(value, Mapping), f"{type(value).__name__} is no contract value"
    return {"map": fields_to_json(value)}


def fields_to_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON form of named values, such as an event's fields: a plain object of tagged values."""
    return {name: to_json(value) for name, value in fields.items()}


def from_json(value: Any, depth: int = DEPTH_MAX) -> Any:
    """Return the value that parsed JSON stands for.

    Raises:
        JsonValueError: when it stands for none.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        if abs(value) > EXACT_JSON_INTEGER_MAX:
            raise JsonValueError('integers beyond 2**53 - 1 are written {"int": "..."}')
        return value
    if kind is float:
        raise JsonValueError("numbers with a fraction or an exponent are no contract values")
    if depth == 0:
        raise JsonValueError(f"nested deeper than {DEPTH_MAX}")
    if kind is list:
        return [from_json(item, depth - 1) for item in value]
    assert kind is dict, f"{kind.__name__} does not come from JSON"
    if len(value) != 1:
        raise JsonValueError('an object is {"int": ...}, {"bytes": ...} or {"map": ...}')
    ((tag, content),) = value.items()
    return _untag(tag, content, depth)


def _untag(tag: str, content: Any, depth: int) -> Any:
    if tag == "int" and isinstance(content, str) and _INTEGER.fullmatch(content):
        number = int(content)
        if not INT_MIN <= number <= INT_MAX:
            raise JsonValueError(f"{number} exceeds signed 64 bits")
        return number
    if tag == "bytes" and isinstance(content, str) and _HEXADECIMAL.fullmatch(content):
        return bytes.fromhex(content)
    if tag == "map" and isinstance(content, dict):
        return {key: from_json(content[key], depth - 1) for key in sorted(content)}
    raise JsonValueError(f'{tag[:64]!r} with such a content is no contract value; write {{"int": "12"}} and the like')


def parse_json(text: bytes | str) -> Any:
    """Return strictly parsed JSON in UTF-8: no repeated names, no NaN, no halves of characters, no bottomless nesting.

    Raises:
        JsonValueError: when the text is not such JSON.
    """
    try:
        # The parser itself would guess other encodings, and let half characters through.
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        parsed = json.loads(decoded, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        if _HALF_CHARACTER.search(decoded):
            # An escape may spell half of a character ("\\ud800"), which no encoding of text has.
            json.dumps(parsed, ensure_ascii=False).encode("utf-8")
        return parsed
    except (ValueError, RecursionError) as error:
        if isinstance(error, JsonValueError):
            raise
        raise JsonValueError(f"not JSON: {error or type(error).__name__}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise JsonValueError("an object repeats a name")
    return result


def _refuse_constant(name: str) -> Any:
    raise JsonValueError(f"{name} is not JSON")
