"""Writing responses: compact JSON, raw bytes, entity tags, links to the next page, and the ledger's height."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from api.requests import BINARY_TYPE, JSON_TYPE, accepts

HEIGHT_HEADER: Final = "X-Ledger-Height"
IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""What a decided block's representation may be cached for; it never changes."""
NO_CACHE: Final = "no-cache"
"""What holds until the next block, at most: caches may keep it, and ask each time."""


_to_json: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode
"""Nothing in an answer can contain itself; to watch for that would take a sixth of the time."""


def dump_json(value: Any) -> bytes:
    """Return compact JSON in UTF-8."""
    return _to_json(value).encode()


def base64_text(data: bytes) -> str:
    """Return bytes as standard base64 text."""
    return base64.b64encode(data).decode("ascii")


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON response."""
    return web.Response(status=status, body=dump_json(value), content_type=JSON_TYPE, charset="utf-8", headers=headers)


def binary_response(
    data: bytes, *, content_type: str = BINARY_TYPE, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return raw bytes."""
    return web.Response(body=data, content_type=content_type, headers=headers)


def height_headers(height: int) -> dict[str, str]:
    """Return the header that says of which height an answer speaks."""
    return {HEIGHT_HEADER: str(height)}


def form_headers(request: web.Request, name: str, caching: str = IMMUTABLE) -> dict[str, str]:
    """Return the headers of what can be had as JSON and as bytes: the two are different entities under one address."""
    tag = name if accepts(request, BINARY_TYPE) else f"{name}.json"
    return {"ETag": f'"{tag}"', "Cache-Control": caching, "Vary": "Accept"}


def not_modified(request: web.Request, headers: Mapping[str, str]) -> web.Response | None:
    """Return the answer 304 with these headers if the client holds the entity that their tag names.

    The comparison is the weak one of RFC 9110, section 13.1.2; who holds a compressed form is told its weak tag.
    """
    held = [tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")]
    tag = headers["ETag"]
    if f"W/{tag}" in held:
        return web.Response(status=304, headers={**headers, "ETag": f"W/{tag}"})
    return web.Response(status=304, headers=headers) if tag in held or "*" in held else None


def next_link(request: web.Request, cursor: str | None) -> dict[str, str]:
    """Return the Link header to the next page, if there is one."""
    if cursor is None:
        return {}
    query = {**request.query, "cursor": cursor}
    url = request.rel_url.with_query(query)
    return {"Link": f'<{url}>; rel="next"'}


def page_response(
    request: web.Request,
    name: str,
    entries: list[Any],
    cursor: str | None,
    headers: Mapping[str, str] | None = None,
    **besides: Any,
) -> web.Response:
    """Return one page of a listing, with what there is to say besides; `next` is null exactly at its end."""
    value = {name: entries, "next": cursor, **besides}
    return json_response(value, headers={**next_link(request, cursor), **(headers or {})})
