"""The OpenAPI 3.1 document that describes this API, and the resource that serves it."""

from typing import Any, Final

from aiohttp import web

from api.openapi_detail import detail_schema
from api.openapi_paths import paths
from api.openapi_schemas import schemas
from api.requests import expect_parameters
from api.responses import json_response

_INTRODUCTION: Final = """The HTTP API of a Tallystick node.

Every answer names the height of the ledger that it speaks of (X-Ledger-Height). Errors are problem+json with a stable
`code`. A transaction is acknowledged when a certified receipt was returned; until then the same bytes may be sent
again, to any node, any number of times. Listings are paged by opaque cursors, and only an absent one means the end."""


def openapi_document() -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tallystick node",
            "version": "1",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths(),
        "components": {
            "schemas": {**schemas(), "NetworkStatus": detail_schema()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Where the node asks"},
                "certificate": {"type": "mutualTLS", "description": "Of an authority that the node's operator names"},
            },
        },
        "security": [{}, {"token": []}, {"certificate": []}],
    }


async def get_document(request: web.Request) -> web.Response:
    """Answer GET /openapi.json."""
    expect_parameters(request)
    return json_response(openapi_document())
