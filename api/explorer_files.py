"""Serves the explorer: plain files of the package, under a content security policy that lets nothing else in.

All files are read once, when the server is made, and kept as they are and compressed; they are a few hundred kilobytes.
"""

import gzip
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from aiohttp import web

from api.packing import takes_gzip
from api.problems import Problem
from api.requests import expect_parameters
from api.responses import not_modified
from chain.values import dataclass

FOLDER: Final = "explorer"
INDEX: Final = "index.html"
TYPES: Final = MappingProxyType(
    {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
)
COMPRESSED_BYTES_MIN: Final = 512
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
    }
)
"""Browsers ask each time whether a file has changed, and mostly hear that it has not."""


@dataclass(frozen=True, slots=True)
class ExplorerFile:
    """One file of the explorer."""

    content: bytes
    compressed: bytes | None
    """None where that saves nothing."""
    media_type: str
    etag: str


ExplorerFiles = Mapping[str, ExplorerFile]
FILES: Final = web.AppKey("tallystick_explorer", Mapping[str, ExplorerFile])


def load_files() -> ExplorerFiles:
    """Return the explorer's files by name."""
    found = {}
    for entry in sorted(files("api").joinpath(FOLDER).iterdir(), key=lambda it: it.name):
        suffix = entry.name[entry.name.rfind(".") :]
        if suffix not in TYPES:
            continue
        content = entry.read_bytes()
        smaller = gzip.compress(content, mtime=0) if len(content) >= COMPRESSED_BYTES_MIN else None
        found[entry.name] = ExplorerFile(content, smaller, TYPES[suffix], hashlib.sha256(content).hexdigest()[:32])
    return MappingProxyType(found)


async def get_index(request: web.Request) -> web.Response:
    """Answer GET /: the explorer's frame; what it shows is in the address behind the #."""
    expect_parameters(request)
    return _answer(request, INDEX)


async def get_file(request: web.Request) -> web.Response:
    """Answer GET /explorer/{file}."""
    expect_parameters(request)
    return _answer(request, request.match_info["file"])


def _answer(request: web.Request, name: str) -> web.Response:
    known = request.app[FILES].get(name)
    if known is None:
        raise Problem("not_found", f"the explorer has no file {name[:64]!r}")
    headers = {**HEADERS, "ETag": f'"{known.etag}"'}
    unchanged = not_modified(request, headers)
    if unchanged is not None:
        return unchanged
    body = known.content
    if known.compressed is not None and takes_gzip(request):
        headers |= {"Content-Encoding": "gzip", "ETag": f"W/{headers['ETag']}"}
        body = known.compressed
    return web.Response(body=body, content_type=known.media_type, charset="utf-8", headers=headers)
