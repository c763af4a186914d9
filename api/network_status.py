"""GET /v1/network/status: what a node knows of why something is, or is not, being committed."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from api.context import context_of
from api.node_detail import NodeDetail
from api.ports import HeldEvidence, NodeStatus, NotReady
from api.render import status_json
from api.requests import expect_parameters
from api.responses import json_response


def detail_json(status: NodeStatus, detail: NodeDetail, evidence: Sequence[HeldEvidence] | None) -> dict[str, Any]:
    """Return the JSON form of a node's condition with everything behind it."""
    convicted: dict[str, list[str]] = {}
    for item in evidence or ():
        convicted.setdefault(item.validator, []).append(item.code)
    return {"node": status_json(status), **_plain(detail), "convicted": None if evidence is None else convicted}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, dict) else value


async def get_status(request: web.Request) -> web.Response:
    """Answer GET /v1/network/status; it answers in every phase of a node."""
    expect_parameters(request)
    node = context_of(request).node
    try:
        evidence = node.evidence()
    except NotReady:
        evidence = None
    return json_response(detail_json(node.status(), node.detail(), evidence), headers={"Cache-Control": "no-store"})
