"""Contracts, their versions, sources and interfaces."""

from typing import Final

from aiohttp import web

from api.context import context_of
from api.problems import Problem
from api.render import contract_json, version_json
from api.requests import (
    contract_from,
    expect_parameters,
    integer_of,
    limit_of,
    number_from,
)
from api.responses import height_headers, json_response, page_response
from chain.abi import Abi
from chain.code_room import CODE_TOKENS_KEY, CODE_TOKENS_MAX
from chain.encoding import INT_MAX, decode
from chain.identity import ContractVersion, decode_contract, decode_contract_version, is_name
from chain.runtime import SYSTEM
from chain.state_keys import contract_key, contract_version_key, encode_key, source_key
from chain.state_leaf import decode_leaf

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
    taken, _ = await _system_value(request, CODE_TOKENS_KEY)
    room = {"code_tokens": 0 if taken is None else int(decode(taken)), "code_tokens_max": CODE_TOKENS_MAX}
    return page_response(request, "contracts", entries, cursor, height_headers(reply.height), **room)


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
    version, abi, height = await interface_of(request)
    return _abi_response(version, abi, height)


async def get_version_abi(request: web.Request) -> web.Response:
    """Answer GET /v1/contracts/{contract}/versions/{version}/abi."""
    expect_parameters(request)
    name, text = contract_from(request), request.match_info["version"]
    value, height = await _system_value(request, contract_version_key(name, number_from(text)))
    if value is None:
        raise Problem("unknown_version", f"there is no version {text[:64]} of a contract {name}")
    version = decode_contract_version(value)
    return _abi_response(version, await _interface(request, version), height)


async def interface_of(request: web.Request) -> tuple[ContractVersion, Abi, int]:
    """Return the present version of the contract that a path names, its interface, and the height at which it was read.

    Raises:
        Problem: unknown_contract.
    """
    name = contract_from(request)
    value, height = await _system_value(request, contract_key(name))
    if value is None:
        raise Problem("unknown_contract", f"there is no contract {name}")
    version = decode_contract(value).current
    return version, await _interface(request, version), height


async def _interface(request: web.Request, version: ContractVersion) -> Abi:
    return await context_of(request).node.interface(version.source_hash, await _source(request, version))


def _abi_response(version: ContractVersion, abi: Abi, height: int) -> web.Response:
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
