"""Who takes part: organisations, members, validators, and the network as this node sees it."""

import dataclasses
from typing import Any, Final

from aiohttp import web

from api.context import context_of
from api.ports import HeadStatus, NotReady
from api.problems import Problem
from api.render import member_json, status_json, validators_json
from api.requests import BINARY_TYPE, JSON_TYPE, accepts, expect_parameters, limit_of, public_key_from
from api.responses import (
    NO_CACHE,
    binary_response,
    form_headers,
    height_headers,
    json_response,
    not_modified,
    page_response,
)
from chain.encoding import decode, fields_of
from chain.genesis import genesis_to_json
from chain.identity import decode_member, is_name, member_key, organisation_key
from chain.runtime import SYSTEM
from chain.state_keys import decode_key, encode_key
from chain.state_leaf import decode_leaf
from chain.types import Height
from chain.validators import validator_set_from_value

_ORGANISATIONS: Final = encode_key(("organisation",))
_MEMBERS: Final = encode_key(("member",))
_VALIDATORS: Final = encode_key(("validators",))


async def list_organisations(request: web.Request) -> web.Response:
    """Answer GET /v1/organisations."""
    expect_parameters(request, "limit", "cursor")
    limit = limit_of(request)
    after = request.query.get("cursor")
    if after is not None and not is_name(after):
        raise Problem("invalid_cursor", f"{after[:64]!r} was not issued for this listing")
    start = _ORGANISATIONS if after is None else organisation_key(after) + b"\x00"
    reply = await context_of(request).node.scan(SYSTEM, start, _ORGANISATIONS + b"\xff", limit=limit + 1)
    entries = [_organisation_json(value) for _, value in reply.entries]
    cursor = entries[limit - 1]["id"] if len(entries) > limit else None
    return page_response(request, "organisations", entries[:limit], cursor, height_headers(reply.height))


async def get_organisation(request: web.Request) -> web.Response:
    """Answer GET /v1/organisations/{organisation}."""
    expect_parameters(request)
    name = _organisation_of(request)
    reply = await context_of(request).node.state(SYSTEM, organisation_key(name), with_proof=False)
    value = None if reply.leaf is None else decode_leaf(reply.leaf).value
    if value is None:
        raise Problem("unknown_organisation", f"there is no organisation {name}")
    return json_response(_organisation_json(value), headers=height_headers(reply.height))


async def list_members(request: web.Request) -> web.Response:
    """Answer GET /v1/organisations/{organisation}/members; a page may be short without being the last."""
    expect_parameters(request, "limit", "cursor")
    name = _organisation_of(request)
    limit = limit_of(request)
    after = public_key_from(request.query.get("cursor"), "cursor")
    start = _MEMBERS if after is None else member_key(after) + b"\x00"
    reply = await context_of(request).node.scan(SYSTEM, start, _MEMBERS + b"\xff", limit=limit + 1)
    found = [(_key_of_member(key), decode_member(value)) for key, value in reply.entries[:limit]]
    entries = [member_json(key, member) for key, member in found if member.organisation == name]
    cursor = found[-1][0].hex() if len(reply.entries) > limit else None
    return page_response(request, "members", entries, cursor, height_headers(reply.height))


async def get_member(request: web.Request) -> web.Response:
    """Answer GET /v1/members/{key}."""
    expect_parameters(request)
    key = public_key_from(request.match_info["key"], "key")
    assert key is not None
    reply = await context_of(request).node.state(SYSTEM, member_key(key), with_proof=False)
    value = None if reply.leaf is None else decode_leaf(reply.leaf).value
    if value is None:
        raise Problem("unknown_member", f"key {key.hex()} is not registered")
    return json_response(member_json(key, decode_member(value)), headers=height_headers(reply.height))


async def get_validators(request: web.Request) -> web.Response:
    """Answer GET /v1/validators."""
    expect_parameters(request)
    reply = await context_of(request).node.state(SYSTEM, _VALIDATORS, with_proof=False)
    value = None if reply.leaf is None else decode_leaf(reply.leaf).value
    assert value is not None, "genesis writes the validators"
    validators = validator_set_from_value(decode(value))
    return json_response(validators_json(validators), headers=height_headers(reply.height))


async def get_network(request: web.Request) -> web.Response:
    """Answer GET /v1/network."""
    expect_parameters(request)
    node = context_of(request).node
    genesis = node.genesis
    try:
        head = node.head()
    except NotReady:
        # The condition below says why no block can be read here yet.
        head = HeadStatus(Height(0), node.chain_id, genesis.time)
    validators = genesis.validators
    return json_response(
        {
            "name": genesis.name,
            "chain_id": node.chain_id.hex(),
            "genesis_hash": node.chain_id.hex(),
            "genesis_time": genesis.time,
            "head": {"height": head.height, "hash": head.block_hash.hex(), "time": head.time},
            "validator_count": validators.size,
            "quorum": validators.quorum,
            "faults_max": validators.faults_max,
            "parameters": dataclasses.asdict(genesis.parameters),
            "governance": {**dataclasses.asdict(genesis.governance), "electorate": list(genesis.governance.electorate)},
            "node": status_json(node.status()),
        },
        headers=height_headers(head.height),
    )


async def get_genesis(request: web.Request) -> web.Response:
    """Answer GET /v1/genesis, as people read it or as the canonical bytes that the chain's id is the hash of."""
    expect_parameters(request)
    node = context_of(request).node
    headers = form_headers(request, node.chain_id.hex(), NO_CACHE)
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    if accepts(request, BINARY_TYPE):
        return binary_response(node.genesis.encoded(), headers=headers)
    return web.Response(text=genesis_to_json(node.genesis), content_type=JSON_TYPE, headers=headers)


def _organisation_of(request: web.Request) -> str:
    name = request.match_info["organisation"]
    if not is_name(name):
        raise Problem("unknown_organisation", f"{name[:64]!r} cannot name an organisation")
    return name


def _organisation_json(value: bytes) -> dict[str, Any]:
    _, organisation_id, name, root_key, active = fields_of(decode(value), "organisation", 1, str, str, bytes, bool)
    return {"id": organisation_id, "name": name, "root_key": root_key.hex(), "active": active}


def _key_of_member(key: bytes) -> bytes:
    _, public_key = decode_key(key)
    assert isinstance(public_key, bytes)
    return public_key
