"""Reading requests: query parameters, path parameters and bodies, each within bounds and with a precise refusal."""

from enum import StrEnum
from typing import Any, Final

from aiohttp import web

from api.context import ApiLimits
from api.problems import Problem
from chain.crypto import DIGEST_BYTES, PUBLIC_KEY_BYTES
from chain.encoding import INT_MAX
from chain.identity import is_name
from chain.json_values import JsonValueError, from_json, parse_json
from chain.state_keys import KEY_BYTES_MAX, KeyPart, decode_key, encode_key
from chain.types import Digest, Height, PublicKey

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200

JSON_TYPE: Final = "application/json"
MSGPACK_TYPES: Final = frozenset({"application/msgpack", "application/vnd.msgpack", "application/x-msgpack"})
BINARY_TYPE: Final = "application/octet-stream"
EVENT_STREAM_TYPE: Final = "text/event-stream"


class Order(StrEnum):
    """Direction of a listing."""

    ASCENDING = "asc"
    DESCENDING = "desc"


def expect_parameters(request: web.Request, *names: str) -> None:
    """Refuse query parameters that the resource does not know: a typing error would silently widen the answer.

    Raises:
        Problem: invalid_parameter.
    """
    for name in request.query:
        if name not in names:
            known = ", ".join(names) or "none"
            raise Problem("invalid_parameter", f"{name[:64]!r} is not a parameter here; known: {known}", parameter=name)
    for name in names:
        if len(request.query.getall(name, [])) > 1:
            raise Problem("invalid_parameter", f"{name} is given more than once", parameter=name)


def limit_of(request: web.Request) -> int:
    """Return the number of entries that a page may have."""
    return integer_of(request, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX)


def order_of(request: web.Request) -> Order:
    """Return the direction of a listing, newest first unless asked otherwise."""
    text = request.query.get("order", Order.DESCENDING.value)
    if text not in tuple(Order):
        raise Problem("invalid_parameter", f"order is asc or desc, not {text[:64]!r}", parameter="order")
    return Order(text)


def integer_of(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    """Return an integer parameter within bounds."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or not low <= int(text) <= high:
        raise Problem("invalid_parameter", f"{name} is an integer from {low} to {high}", parameter=name)
    return int(text)


def number_from(text: str) -> int:
    """Return the number in a path that counts from 1; 0, which nothing has, for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < len(str(INT_MAX)) else 0


def seconds_of(request: web.Request, name: str, default: float, high: float) -> float:
    """Return a duration in seconds; what is longer than the node allows is cut to that."""
    text = request.query.get(name)
    if text is None:
        return default
    whole, _, fraction = text.partition(".")
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit() or len(text) > 12:
        raise Problem("invalid_parameter", f"{name} is a number of seconds", parameter=name)
    return min(float(text), high)


def flag_of(request: web.Request, name: str) -> bool:
    """Return whether a flag is set; `?proof` and `?proof=true` set it."""
    text = request.query.get(name)
    if text not in (None, "", "true", "false", "1", "0"):
        raise Problem("invalid_parameter", f"{name} is true or false", parameter=name)
    return text in ("", "true", "1")


def digest_from(text: str, name: str) -> Digest:
    """Return the hash that 64 hexadecimal digits stand for."""
    return Digest(_hexadecimal(text, name, DIGEST_BYTES))


def public_key_from(text: str | None, name: str) -> PublicKey | None:
    """Return the public key that 64 hexadecimal digits stand for."""
    return None if text is None else PublicKey(_hexadecimal(text, name, PUBLIC_KEY_BYTES))


def _hexadecimal(text: str, name: str, size: int) -> bytes:
    if len(text) == 2 * size and text.isascii() and text.isalnum():
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass
    raise Problem("invalid_parameter", f"{name} is {2 * size} hexadecimal digits", parameter=name)


def height_from(text: str, name: str) -> Height:
    """Return the height that a decimal number stands for."""
    if text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= INT_MAX:
        return Height(int(text))
    raise Problem("invalid_parameter", f"{name} is a height", parameter=name)


def contract_from(request: web.Request, name: str = "contract") -> str:
    """Return the contract that a path names."""
    text = request.match_info[name]
    if not is_name(text):
        raise Problem("unknown_contract", f"{text[:64]!r} cannot name a contract")
    return text


def key_from(text: str) -> bytes:
    """Return the storage key in a path: its parts as a JSON array, or `0x` and its encoding in hexadecimal.

    Raises:
        Problem: invalid_parameter.
    """
    try:
        if text.startswith("0x"):
            key = bytes.fromhex(text[2:])
            decode_key(key)
        else:
            parts = from_json(parse_json(text))
            if not isinstance(parts, list) or not parts:
                raise JsonValueError('a key is a JSON array such as ["balances","acme.alice"]')
            key = encode_key(tuple(_key_part(part) for part in parts))
    except (ValueError, IndexError) as error:
        raise Problem("invalid_parameter", f"key: {error}", parameter="key") from error
    if len(key) > KEY_BYTES_MAX:
        raise Problem("invalid_parameter", f"a key has at most {KEY_BYTES_MAX} bytes", parameter="key")
    return key


def _key_part(part: Any) -> KeyPart:
    if isinstance(part, (bool, int, bytes, str)):
        return part
    raise JsonValueError("parts of a key are text, integers, bytes or booleans")


async def read_body(request: web.Request, limits: ApiLimits) -> bytes:
    """Return the body, refused by its declared length before it is read, and by its true one while it is.

    Raises:
        Problem: body_too_large or unsupported_media_type.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem("unsupported_media_type", "compressed bodies are not taken")
    if request.content_length is not None and request.content_length > limits.body_bytes_max:
        raise too_large(limits)
    return await request.read()


def too_large(limits: ApiLimits) -> Problem:
    """Return the refusal of a body over the limit."""
    return Problem("body_too_large", f"a body has at most {limits.body_bytes_max} bytes")


def json_from(body: bytes) -> Any:
    """Return a JSON body.

    Raises:
        Problem: malformed_body.
    """
    try:
        return parse_json(body)
    except JsonValueError as error:
        raise Problem("malformed_body", str(error)) from error


def arguments_from(value: Any, where: str) -> list[Any]:
    """Return positional arguments from their JSON form.

    Raises:
        Problem: malformed_body.
    """
    if not isinstance(value, list):
        raise Problem("malformed_body", f"{where} is an array of values")
    try:
        arguments = from_json(value)
    except JsonValueError as error:
        raise Problem("malformed_body", f"{where}: {error}") from error
    assert isinstance(arguments, list)
    return arguments


def accepts(request: web.Request, media_type: str) -> bool:
    """Tell whether the client asks for a media type by name; wildcards do not count as asking."""
    wanted = request.headers.get("Accept", "")
    return any(part.split(";")[0].strip().lower() == media_type for part in wanted.split(","))
