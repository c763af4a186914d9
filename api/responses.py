"""Writing responses: compact JSON, raw bytes, entity tags, links to the next page, and the ledger's height."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from api.requests import BINARY_TYPE, JSON_TYPE

HEIGHT_HEADER: Final = "X-Ledger-Height"
IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""What a decided block's representation may be cached for; it never changes."""


def dump_json(value: Any) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def base64_text(data: bytes) -> str:
    """Return bytes as standard base64 text."""
    return base64.b64encode(data).decode("ascii")


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON response."""
    return web.Response(status=status, body=dump_json(value), content_type=JSON_TYPE, charset="utf-8", headers=headers)


def binary_response(data: bytes, *, content_type: str = BINARY_TYPE, etag: str | None = None) -> web.Response:
    """Return raw bytes."""
    headers = {} if etag is None else {"ETag": f'"{etag}"', "Cache-Control": IMMUTABLE}
    return web.Response(body=data, content_type=content_type, headers=headers)


def height_headers(height: int) -> dict[str, str]:
    """Return the header that says of which height an answer speaks."""
    return {HEIGHT_HEADER: str(height)}


def not_modified(request: web.Request, etag: str) -> web.Response | None:
    """Return the answer 304 if the client holds the entity with this tag already."""
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    if f'"{etag}"' not in tags and "*" not in tags:
        return None
    return web.Response(status=304, headers={"ETag": f'"{etag}"', "Cache-Control": IMMUTABLE})


def next_link(request: web.Request, cursor: str | None) -> dict[str, str]:
    """Return the Link header to the next page, if there is one."""
    if cursor is None:
        return {}
    query = {**request.query, "cursor": cursor}
    url = request.rel_url.with_query(query)
    return {"Link": f'<{url}>; rel="next"'}


def page_response(
    request: web.Request, name: str, entries: list[Any], cursor: str | None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return one page of a listing; `next` is null exactly at its end."""
    return json_response({name: entries, "next": cursor}, headers={**next_link(request, cursor), **(headers or {})})
