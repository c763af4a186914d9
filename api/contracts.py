"""Contracts with their source, and views: reading what a contract computes from the state."""

from typing import Any, Final

from aiohttp import web

from api.context import ApiContext, context_of
from api.ports import ViewReply
from api.problems import Problem
from api.render import contract_json, version_json
from api.requests import (
    JSON_TYPE,
    MSGPACK_TYPES,
    accepts,
    arguments_from,
    contract_from,
    expect_parameters,
    integer_of,
    json_from,
    limit_of,
    number_from,
    public_key_from,
    read_body,
)
from api.responses import binary_response, height_headers, json_response, page_response
from chain.crypto import PUBLIC_KEY_BYTES
from chain.encoding import INT_MAX, DecodeError, decode, encode
from chain.identity import ContractVersion, decode_contract, decode_contract_version, is_name
from chain.json_values import JsonValueError, parse_json, to_json
from chain.runtime import SYSTEM
from chain.state_keys import contract_key, contract_version_key, encode_key, source_key
from chain.state_leaf import decode_leaf
from chain.types import PublicKey

_CONTRACTS: Final = encode_key(("contract",))
"""What the keys of all contract records begin with."""


async def list_contracts(request: web.Request) -> web.Response:
    """Answer GET /v1/contracts."""
    expect_parameters(request, "limit", "cursor")
    context = context_of(request)
    limit = limit_of(request)
    after = request.query.get("cursor")
    if after is not None and not is_name(after):
        raise Problem("invalid_cursor", f"{after[:64]!r} was not issued for this listing")
    start = _CONTRACTS if after is None else contract_key(after) + b"\x00"
    reply = await context.node.scan(SYSTEM, start, _CONTRACTS + b"\xff", limit=limit + 1)
    records = [decode_contract(value) for _, value in reply.entries]
    cursor = records[limit - 1].current.name if len(records) > limit else None
    entries = [contract_json(record) for record in records[:limit]]
    return page_response(request, "contracts", entries, cursor, height_headers(reply.height))


async def get_contract(request: web.Request) -> web.Response:
    """Answer GET /v1/contracts/{contract}."""
    expect_parameters(request)
    name = contract_from(request)
    value, height = await _system_value(request, contract_key(name))
    if value is None:
        raise Problem("unknown_contract", f"there is no contract {name}")
    record = decode_contract(value)
    source = await _source(request, record.current)
    return json_response({**contract_json(record), "source": source}, headers=height_headers(height))


async def list_versions(request: web.Request) -> web.Response:
    """Answer GET /v1/contracts/{contract}/versions, oldest first."""
    expect_parameters(request, "limit", "cursor")
    name, limit = contract_from(request), limit_of(request)
    first = integer_of(request, "cursor", 1, 1, INT_MAX)
    versions = encode_key(("contract-version", name))
    start = contract_version_key(name, first)
    reply = await context_of(request).node.scan(SYSTEM, start, versions + b"\xff", limit=limit + 1)
    found = [decode_contract_version(value) for _, value in reply.entries]
    if not found and first == 1:
        raise Problem("unknown_contract", f"there is no contract {name}")
    cursor = str(found[limit].version) if len(found) > limit else None
    entries = [version_json(version) for version in found[:limit]]
    return page_response(request, "versions", entries, cursor, height_headers(reply.height))


async def get_version(request: web.Request) -> web.Response:
    """Answer GET /v1/contracts/{contract}/versions/{version}."""
    expect_parameters(request)
    name, text = contract_from(request), request.match_info["version"]
    number = number_from(text)
    value, height = await _system_value(request, contract_version_key(name, number))
    if value is None:
        raise Problem("unknown_version", f"there is no version {text[:64]} of a contract {name}")
    version = decode_contract_version(value)
    source = await _source(request, version)
    return json_response({**version_json(version), "source": source}, headers=height_headers(height))


async def get_abi(request: web.Request) -> web.Response:
    """Answer GET /v1/contracts/{contract}/abi."""
    expect_parameters(request)
    name = contract_from(request)
    value, height = await _system_value(request, contract_key(name))
    if value is None:
        raise Problem("unknown_contract", f"there is no contract {name}")
    return await _abi_response(request, decode_contract(value).current, height)


async def get_version_abi(request: web.Request) -> web.Response:
    """Answer GET /v1/contracts/{contract}/versions/{version}/abi."""
    expect_parameters(request)
    name, text = contract_from(request), request.match_info["version"]
    value, height = await _system_value(request, contract_version_key(name, number_from(text)))
    if value is None:
        raise Problem("unknown_version", f"there is no version {text[:64]} of a contract {name}")
    return await _abi_response(request, decode_contract_version(value), height)


async def _abi_response(request: web.Request, version: ContractVersion, height: int) -> web.Response:
    source = await _source(request, version)
    abi = await context_of(request).node.interface(version.source_hash, source)
    return json_response({**version_json(version), "abi": abi}, headers=height_headers(height))


async def _source(request: web.Request, version: ContractVersion) -> str:
    """Return the source of a version that the state has recorded."""
    value, _ = await _system_value(request, source_key(version.source_hash))
    assert value is not None, "sources are never deleted"
    source: str = decode(value)
    return source


async def _system_value(request: web.Request, key: bytes) -> tuple[bytes | None, int]:
    """Return the value under a key of the system namespace, and the height at which it was read."""
    reply = await context_of(request).node.state(SYSTEM, key, with_proof=False)
    return None if reply.leaf is None else decode_leaf(reply.leaf).value, reply.height


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
    return await _view(request, context, arguments_from(parsed, "args"), sender_key, gas_limit)


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
        args = arguments_from(fields.get("args", []), "args")
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
        return decode(body)
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
        gas_used = reply.gas_used
        raise Problem("view_failed", detail, contract_code=code, height=reply.height, gas_used=gas_used)
    return _view_response(request, reply)


def _view_response(request: web.Request, reply: ViewReply) -> web.Response:
    answer = {"height": reply.height, "value": reply.value, "gas_used": reply.gas_used}
    wanted = [media_type for media_type in MSGPACK_TYPES if accepts(request, media_type)]
    if wanted:
        response = binary_response(encode(answer), content_type=wanted[0])
        response.headers.update(height_headers(reply.height))
        return response
    return json_response({**answer, "value": to_json(reply.value)}, headers=height_headers(reply.height))
