"""What validators have signed and no honest one does: evidence that this node holds, and its bytes."""

from typing import Any

from aiohttp import web

from api.context import context_of
from api.ports import HeldEvidence
from api.problems import Problem
from api.requests import expect_parameters
from api.responses import IMMUTABLE, binary_response, json_response, not_modified
from chain.crypto import DIGEST_BYTES


async def list_evidence(request: web.Request) -> web.Response:
    """Answer GET /v1/evidence; there is one entry at most for each validator and kind of misbehaviour."""
    expect_parameters(request)
    held = context_of(request).node.evidence()
    entries = [evidence_json(item) for item in held]
    return json_response({"evidence": entries, "next": None}, headers={"Cache-Control": "no-store"})


async def get_evidence(request: web.Request) -> web.Response:
    """Answer GET /v1/evidence/{digest} with the bytes that prove it."""
    expect_parameters(request)
    text = request.match_info["digest"]
    try:
        digest = bytes.fromhex(text) if len(text) == 2 * DIGEST_BYTES else b""
    except ValueError:
        digest = b""
    found = next((item for item in context_of(request).node.evidence() if item.digest == digest), None)
    if found is None:
        raise Problem("unknown_evidence", f"this node holds no evidence {text[:64]!r}")
    headers = {"ETag": f'"{digest.hex()}"', "Cache-Control": IMMUTABLE}
    return not_modified(request, headers) or binary_response(found.data, headers=headers)


def evidence_json(item: HeldEvidence) -> dict[str, Any]:
    """Return the JSON form of one piece of evidence."""
    return {
        "digest": item.digest.hex(),
        "validator": item.validator,
        "code": item.code,
        "epoch": item.epoch,
        "height": item.height,
        "view": item.view,
        "bytes": len(item.data),
        "durable": item.durable,
    }
