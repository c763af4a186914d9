"""What every readable answer gets on its way out: an entity tag over its content, and compression for who takes it.

Answers to what was submitted are not compressed: they are most of a busy node's answers, consist of hashes that hardly
become smaller, and would take the time that is needed to agree on blocks.
"""

import asyncio
import gzip
import hashlib
from typing import Final

from aiohttp import web

from api.problems import PROBLEM_TYPE
from api.requests import JSON_TYPE
from api.responses import NO_CACHE, not_modified

COMPRESSED_BYTES_MIN: Final = 1024
LEVEL: Final = 4
IN_THREAD_BYTES: Final = 64 * 1024
"""Bodies larger than this are compressed beside the event loop."""
TAG_BYTES: Final = 16
PACKED_TYPES: Final = frozenset({JSON_TYPE, PROBLEM_TYPE, "text/plain"})


async def packed(request: web.Request, response: web.Response) -> web.Response:
    """Return an answer with its tag and compressed, or that the client holds it already."""
    body = response.body
    if not isinstance(body, bytes) or response.content_type not in PACKED_TYPES:
        return response
    if _is_to_be_tagged(request, response):
        # Of this content, not of a decided block: caches ask again each time.
        tag = hashlib.sha256(body).hexdigest()[: 2 * TAG_BYTES]
        headers = {"ETag": f'"{tag}"', "Cache-Control": response.headers.get("Cache-Control", NO_CACHE)}
        unchanged = not_modified(request, headers)
        if unchanged is not None:
            return unchanged
        response.headers.update(headers)
    if request.method == "POST":
        return response
    if len(body) >= COMPRESSED_BYTES_MIN and takes_gzip(request):
        if len(body) > IN_THREAD_BYTES:
            response.body = await asyncio.to_thread(gzip.compress, body, LEVEL, mtime=0)
        else:
            response.body = gzip.compress(body, LEVEL, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        if "ETag" in response.headers:
            # The same content in other bytes: only as good as a weak tag says (RFC 9110, section 8.8.3.3).
            response.headers["ETag"] = f"W/{response.headers['ETag']}"
    if len(body) >= COMPRESSED_BYTES_MIN:
        response.headers.add("Vary", "Accept-Encoding")
    return response


def takes_gzip(request: web.Request) -> bool:
    """Tell whether the client takes gzip; a client that gives it a weight of zero does not."""
    for part in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, weight = part.strip().partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def _is_to_be_tagged(request: web.Request, response: web.Response) -> bool:
    is_read = request.method in ("GET", "HEAD") and response.status == web.HTTPOk.status_code
    return is_read and "ETag" not in response.headers and "no-store" not in response.headers.get("Cache-Control", "")
