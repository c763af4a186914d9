"""Views: what a contract computes from the state, asked for by anybody."""

from typing import Any, Final

from aiohttp import web

from api.context import ApiContext, context_of
from api.contracts import interface_of
from api.ports import ViewReply
from api.problems import Problem
from api.requests import (
    JSON_TYPE,
    MSGPACK_TYPES,
    accepts,
    arguments_from,
    contract_from,
    expect_parameters,
    integer_of,
    json_from,
    public_key_from,
    read_body,
)
from api.responses import binary_response, height_headers, json_response
from chain.abi import AbiError, arguments_in_order, check_value, method_of, value_from_json
from chain.crypto import PUBLIC_KEY_BYTES
from chain.encoding import DecodeError, canonical_list, decode, encode
from chain.json_values import JsonValueError, parse_json, to_json
from chain.types import PublicKey

INVALID_ARGUMENTS: Final = "invalid_arguments"
ARGUMENT_VALUES_MAX: Final = 262_144
"""Values in a body of MessagePack, four of the longest lists that a contract knows: each is an object in memory."""
"""The code with which a contract refuses arguments that its method does not take."""


async def get_view(request: web.Request) -> web.Response:
    """Answer GET /v1/contracts/{contract}/views/{method}."""
    expect_parameters(request, "args", "sender_key", "gas_limit")
    context = context_of(request)
    text = request.query.get("args", "[]")
    try:
        parsed = parse_json(text)
    except JsonValueError as error:
        raise Problem("invalid_parameter", f"args: {error}", parameter="args") from error
    sender_key = public_key_from(request.query.get("sender_key"), "sender_key")
    maximum = context.limits.view_gas_max
    gas_limit = integer_of(request, "gas_limit", maximum, 1, maximum)
    return await _view(request, context, await _arguments(request, parsed), sender_key, gas_limit)


async def post_view(request: web.Request) -> web.Response:
    """Answer POST /v1/contracts/{contract}/views/{method}."""
    expect_parameters(request)
    context = context_of(request)
    media_type = request.content_type
    if media_type not in MSGPACK_TYPES and media_type != JSON_TYPE:
        raise Problem("unsupported_media_type", f"{media_type} is neither application/json nor application/msgpack")
    body = await read_body(request, context.limits)
    if media_type == JSON_TYPE:
        fields = _fields(json_from(body))
        args = await _arguments(request, fields.get("args", []))
        key = fields.get("sender_key")
        if not isinstance(key, str | None):
            raise Problem("malformed_body", "sender_key is text of hexadecimal digits")
        sender_key = public_key_from(key, "sender_key")
    else:
        fields = _fields(_decoded(body))
        args, key = fields.get("args", []), fields.get("sender_key")
        if not isinstance(args, list) or not isinstance(key, bytes | None):
            raise Problem("malformed_body", "args is an array, sender_key bytes")
        if key is not None and len(key) != PUBLIC_KEY_BYTES:
            raise Problem("malformed_body", f"sender_key has {PUBLIC_KEY_BYTES} bytes")
        sender_key = None if key is None else PublicKey(key)
    return await _view(request, context, args, sender_key, _gas_limit(fields, context))


def _decoded(body: bytes) -> Any:
    try:
        return decode(body, values_max=ARGUMENT_VALUES_MAX)
    except DecodeError as error:
        raise Problem("malformed_body", str(error)) from error


def _fields(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict) or not document.keys() <= {"args", "sender_key", "gas_limit"}:
        raise Problem("malformed_body", "expected an object with args and, if wanted, sender_key and gas_limit")
    return document


def _gas_limit(fields: dict[str, Any], context: ApiContext) -> int:
    maximum = context.limits.view_gas_max
    gas_limit = fields.get("gas_limit", maximum)
    if type(gas_limit) is not int or not 1 <= gas_limit <= maximum:
        raise Problem("malformed_body", f"gas_limit is an integer from 1 to {maximum}")
    return gas_limit


async def _arguments(request: web.Request, document: Any) -> list[Any]:
    """Return arguments from JSON: a list in order, or an object by name, read by the types of the contract's interface.

    Raises:
        Problem: malformed_body, unknown_contract, unknown_method, or view_failed as if the contract had refused them.
    """
    if not isinstance(document, dict):
        return arguments_from(document, "args")
    version, abi, height = await interface_of(request)
    method = request.match_info["method"]
    try:
        entry = method_of(abi, version.name, method, "view")
    except AbiError as error:
        raise Problem("unknown_method", f"{error}; at height {height}") from error
    try:
        values = []
        for param, given in arguments_in_order(entry, (), document):
            place = f"{version.name}.{method}: {param['name']}"
            values.append(value_from_json(abi, param["type"], given, place))
            check_value(abi, param["type"], values[-1], place)
    except AbiError as error:
        raise _refused(str(error), INVALID_ARGUMENTS, height, 0) from error
    return canonical_list(values)


async def _view(
    request: web.Request, context: ApiContext, args: list[Any], sender_key: PublicKey | None, gas_limit: int
) -> web.Response:
    contract, method = contract_from(request), request.match_info["method"]
    reply = await context.node.view(contract, method, args, sender_key, gas_limit)
    code = reply.code
    if code in ("unknown_contract", "unknown_method"):
        raise Problem(code, f"{contract}.{method} at height {reply.height}")
    if code is not None:
        detail = f"{contract}.{method} at height {reply.height}: {code}"
        if code == INVALID_ARGUMENTS:
            detail = await _explained(request, args) or detail
        raise _refused(detail, code, reply.height, reply.gas_used)
    return _view_response(request, reply)


async def _explained(request: web.Request, args: list[Any]) -> str | None:
    """Return which argument the contract's interface refuses, None if it refuses none or is not to be had."""
    try:
        version, abi, _ = await interface_of(request)
        entry = method_of(abi, version.name, request.match_info["method"], "view")
        for param, value in arguments_in_order(entry, args, {}):
            check_value(abi, param["type"], value, f"{version.name}.{entry['name']}: {param['name']}")
    except AbiError as error:
        return str(error)
    except Problem:
        pass
    return None


def _refused(detail: str, code: str, height: int, gas_used: int) -> Problem:
    return Problem("view_failed", detail, contract_code=code, height=height, gas_used=gas_used)


def _view_response(request: web.Request, reply: ViewReply) -> web.Response:
    answer = {"height": reply.height, "value": reply.value, "gas_used": reply.gas_used}
    wanted = [media_type for media_type in MSGPACK_TYPES if accepts(request, media_type)]
    if wanted:
        response = binary_response(encode(answer), content_type=wanted[0])
        response.headers.update(height_headers(reply.height))
        return response
    return json_response({**answer, "value": to_json(reply.value)}, headers=height_headers(reply.height))
