"""Reads a history from a running node over HTTP, for audits and exports.

The node is not trusted: what it says that it has and does not give, or gives in another form, is a mismatch; only where
it cannot be reached, or refuses, there is nothing to judge.
"""

import http.client
import json
import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from audit.mismatch import AuditMismatch, Level, Mismatch, SourceUnreadable
from chain.checkpoint import NOTE_BYTES_MAX
from chain.encoding import DecodeError
from chain.genesis import GENESIS_BYTES_MAX
from chain.recorded_block import RANGE_BYTES_MAX, decode_range
from tallystick.access import OPEN, ReaderAccess

TIMEOUT_SECONDS: Final = 30.0
RANGE_BLOCKS_MAX: Final = 1_000
HEIGHT_HEADER: Final = "X-Ledger-Height"
ACCEPT: Final = "application/octet-stream, */*;q=0.1"


class NodeSource:
    """Implements audit.source.BlockSource over a node's API; owns one connection."""

    def __init__(self, url: str, access: ReaderAccess = OPEN) -> None:
        """Take the base URL of a node, such as http://127.0.0.1:8101, and what a reader shows to it.

        Raises:
            SourceUnreadable: when it is no such URL.
            AccessError: when a certificate in `access` cannot be used.
        """
        tls = access.tls() if url.startswith("https:") else None
        try:
            parts = urlsplit(url)
            if not parts.hostname or parts.scheme not in ("http", "https"):
                raise ValueError("it names no host, or another protocol")
            self._connection = _connection(parts.hostname, parts.port, tls)
        except (ValueError, http.client.InvalidURL) as error:
            raise SourceUnreadable(f"{url} is no URL of a node; give one like http://127.0.0.1:8101") from error
        self._headers = {"Accept": ACCEPT, **access.headers()}
        self._url = url.rstrip("/")
        self._path = parts.path.rstrip("/")
        self._head_height: int | None = None

    def genesis(self) -> bytes:
        """Return the canonical bytes of the genesis."""
        return self._get("/v1/genesis", GENESIS_BYTES_MAX)[0]

    def head_height(self) -> int:
        """Return the height of the node's head when this was asked first."""
        if self._head_height is None:
            height = self._get("/v1/blocks/raw?from=1&limit=1", RANGE_BYTES_MAX)[1]
            if height is None or not height.isascii() or not height.isdigit():
                raise SourceUnreadable(f"{self._url} is no Tallystick node: it does not tell its height")
            self._head_height = int(height)
        return self._head_height

    def blocks(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the recorded blocks from height `first` to `last`."""
        height = first
        while height <= last:
            limit = min(RANGE_BLOCKS_MAX, last - height + 1)
            data, _ = self._get(f"/v1/blocks/raw?from={height}&limit={limit}", RANGE_BYTES_MAX)
            try:
                start, records = decode_range(data)
            except DecodeError as error:
                raise _false(height, "a range of blocks in canonical form", str(error)) from error
            if start != height or not 0 < len(records) <= limit:
                raise _false(height, f"blocks from height {height}", f"{len(records)} blocks from height {start}")
            yield from records
            height += len(records)

    def signed_head(self) -> bytes | None:
        """Return the node's head as a note that it has signed, None if it gives none: only validators sign heads."""
        try:
            return self._get("/v1/checkpoint", NOTE_BYTES_MAX)[0]
        except SourceUnreadable:
            return None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _get(self, path: str, bytes_max: int) -> tuple[bytes, str | None]:
        """Return the body of an answer and the height that its header tells."""
        try:
            response = self._request(path)
            body = response.read(bytes_max + 1)
            if len(body) > bytes_max:
                self._connection.close()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise SourceUnreadable(f"{self._url} does not answer: {_why(error)}") from error
        if response.status != http.client.OK:
            raise SourceUnreadable(f"{self._url}{path} answered {response.status}: {_reason(body)}")
        return body, response.getheader(HEIGHT_HEADER)

    def _request(self, path: str) -> http.client.HTTPResponse:
        reused = self._connection.sock is not None
        try:
            return self._send(path)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not reused:
                raise
            # The node may close a connection that was idle for long; that says nothing about the next one.
            self._connection.close()
            return self._send(path)

    def _send(self, path: str) -> http.client.HTTPResponse:
        self._connection.request("GET", self._path + path, headers=self._headers)
        return self._connection.getresponse()


def _connection(host: str, port: int | None, tls: ssl.SSLContext | None) -> http.client.HTTPConnection:
    if tls is None:
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=tls)


def _why(error: OSError | http.client.HTTPException) -> str:
    """Return why there is no answer, in the system's words where it has some."""
    if isinstance(error, OSError):
        return error.strerror or str(error) or "the connection ended"
    return "what comes back is not HTTP, or the connection ended in the middle"


def _reason(body: bytes) -> str:
    """Return what a problem document says, or nothing."""
    try:
        problem = json.loads(body)
    except ValueError:
        return "no explanation"
    return str(problem.get("detail") or problem.get("title")) if isinstance(problem, dict) else "no explanation"


def _false(height: int, expected: str, found: str) -> AuditMismatch:
    return AuditMismatch(Mismatch(Level.FORM, height, "blocks", expected, found))
