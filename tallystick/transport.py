"""HTTP to several nodes of one ledger: the next one is asked when one fails, and all again after a pause.

Every request of this API may be repeated, submissions included, so nothing is ever sent only once for fear of doing it
twice. Before a node is used for the first time it has to name the right ledger.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import field, replace
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from chain.types import Digest
from chain.values import dataclass
from tallystick.access import OPEN, ReaderAccess
from tallystick.errors import ApiError, EvaluateError, NodeUnavailable, WrongLedger, told_of

_log: Final = logging.getLogger(__name__)

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
RETRY_STATUSES: Final = frozenset({429, 502, 503, 504})
"""Answers after which another node, or the same one later, may do better."""

PAUSE_SECONDS: Final = 0.1
PAUSE_SECONDS_MAX: Final = 2.0
CONNECT_SECONDS: Final = 3.0
ATTEMPT_SECONDS: Final = 5.0

JSON: Final = "application/json"
MSGPACK: Final = "application/msgpack"
BINARY: Final = "application/octet-stream"
EVENT_STREAM: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, to whichever node."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attempt_seconds: float = ATTEMPT_SECONDS
    """How long one node may take before the next one is asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node answered."""

    url: str
    """Of the node."""
    status: int
    headers: Mapping[str, str]
    body: bytes
    repeated: bool = False
    """Whether an earlier attempt got no answer, and may have arrived."""

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ApiError: when it is none; the answer is then not from a node.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise ApiError(self.url, self.status, "malformed_answer", f"not JSON: {error}") from error

    def problem(self) -> ApiError:
        """Return the problem that the body describes."""
        try:
            problem = json.loads(self.body)
            return ApiError(self.url, self.status, str(problem["code"]), str(problem["detail"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            return ApiError(self.url, self.status, "malformed_answer", f"HTTP status {self.status}")

    def evaluate_problem(self) -> ApiError | EvaluateError:
        """Return the problem that a view's answer describes."""
        problem = self.problem()
        if problem.code in ("unknown_contract", "unknown_method"):
            return EvaluateError(problem.code, problem.detail)
        if problem.code == "view_failed":
            return EvaluateError(str(self.json().get("contract_code")), problem.detail)
        return problem


class Transport:
    """Owns the HTTP session and knows which node answered last."""

    def __init__(self, nodes: Sequence[str], timeout_seconds: float, access: ReaderAccess = OPEN) -> None:
        if not nodes:
            raise ValueError("at least one node is needed")
        for node in nodes:
            _check_address(node)
        self._nodes = tuple(node.rstrip("/") for node in nodes)
        self._timeout_seconds = timeout_seconds
        self._access_headers = access.headers()
        self._tls = access.tls_of(self._nodes)
        self._preferred = 0
        self._checked: set[str] = set()
        self._session: aiohttp.ClientSession | None = None
        self.chain_id: Digest | None = None
        """The ledger that nodes have to serve; set once it is known."""

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, request: Request, timeout_seconds: float | None = None) -> Answer:
        """Return the first answer that is not a passing failure, or the last failure when the time is over.

        When none answers at first, a warning is logged: whoever waits should know what for.

        Raises:
            NodeUnavailable: when no node answered at all.
            WrongLedger: when no node serves the ledger.
        """
        loop = asyncio.get_running_loop()
        patience = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        deadline = loop.time() + patience
        attempts: dict[str, str] = {}
        pause = PAUSE_SECONDS
        last: Answer | None = None
        while True:
            for url in self._in_order():
                answer = await self._try(url, request, deadline, attempts)
                if answer is not None:
                    last = replace(answer, repeated=bool(attempts))
                    if answer.status not in RETRY_STATUSES:
                        self._preferred = self._nodes.index(url)
                        return last
            if last is None and pause == PAUSE_SECONDS:
                _log.warning("no node answers (%s); trying for %.0f s", told_of(attempts), patience)
            pause = _longer(pause, last)
            if loop.time() + pause >= deadline:
                if last is not None:
                    return last
                raise NodeUnavailable(attempts)
            await asyncio.sleep(pause)

    async def ask_for(self, request: Request, timeout_seconds: float | None = None) -> Answer:
        """Return the answer to a request that has to succeed.

        Raises:
            ApiError: when it did not; and as `ask` does.
        """
        answer = await self.ask(request, timeout_seconds)
        if answer.status >= 400:
            raise answer.problem()
        return answer

    @asynccontextmanager
    async def stream(
        self, request: Request, silence_seconds: float
    ) -> AsyncIterator[tuple[str, aiohttp.ClientResponse]]:
        """Open a stream at a node that serves it; the caller comes back when it ends, to be given another.

        Raises:
            NodeUnavailable: when this node does not serve it; see `give_way`.
            ApiError: when the node refused.
        """
        url = self._in_order()[0]
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence_seconds)
        headers = {"Accept": EVENT_STREAM, **request.headers}
        try:
            await self._check_ledger(url, CONNECT_SECONDS)
            async with self._open().get(
                url + request.path,
                params=request.query,
                headers=headers,
                timeout=timeout,
                ssl=self._tls.get(url, True),
            ) as response:
                if response.status != 200:
                    raise Answer(url, response.status, dict(response.headers), await response.read()).problem()
                yield url, response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NodeUnavailable({url: _reason(error)}) from error

    @property
    def nodes(self) -> int:
        """How many nodes there are to ask."""
        return len(self._nodes)

    def give_way(self) -> None:
        """Prefer the next node: the present one answers, and yet does not serve."""
        self._preferred = (self._preferred + 1) % len(self._nodes)

    def _in_order(self) -> list[str]:
        return [*self._nodes[self._preferred :], *self._nodes[: self._preferred]]

    async def _try(self, url: str, request: Request, deadline: float, attempts: dict[str, str]) -> Answer | None:
        remaining = min(request.attempt_seconds, deadline - asyncio.get_running_loop().time())
        if remaining <= 0:
            return None
        try:
            await self._check_ledger(url, remaining)
            return await self._send(url, request, remaining)
        except (aiohttp.ClientError, TimeoutError) as error:
            attempts[url] = _reason(error)
        except WrongLedger as error:
            attempts[url] = str(error)
            if len(self._nodes) == 1:
                raise
        return None

    async def _check_ledger(self, url: str, timeout_seconds: float) -> None:
        """Have a node name its ledger before it is used for the first time."""
        if self.chain_id is None or url in self._checked:
            return
        etag = f'"{self.chain_id.hex()}"'
        request = Request("GET", "/v1/genesis", headers={"Accept": "application/octet-stream", "If-None-Match": etag})
        answer = await self._send(url, request, timeout_seconds)
        if answer.status not in (200, 304):
            raise aiohttp.ClientError(f"HTTP status {answer.status}")
        if answer.status == 200:
            raise WrongLedger(url, f"does not serve the ledger {self.chain_id.hex()}, or alters its genesis")
        self._checked.add(url)

    async def _send(self, url: str, request: Request, timeout_seconds: float) -> Answer:
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=min(CONNECT_SECONDS, timeout_seconds))
        async with self._open().request(
            request.method,
            url + request.path,
            params=request.query,
            data=request.body,
            headers=request.headers,
            timeout=timeout,
            ssl=self._tls.get(url, True),
        ) as response:
            body = await response.content.read(ANSWER_BYTES_MAX)
            while not response.content.at_eof() and len(body) < ANSWER_BYTES_MAX:
                body += await response.content.read(ANSWER_BYTES_MAX - len(body))
            return Answer(url, response.status, dict(response.headers), body)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._access_headers)
        return self._session


def tell_of_trust(chain_id: Digest, url: str) -> None:
    """Log that a ledger is taken for the right one because a node says so."""
    _log.warning(
        "trusting the genesis hash %s because %s presents it; nothing else shows that this is the right ledger. "
        "Compare it with one from somebody you trust, and give it from then on: as genesis_hash to the client, as "
        "--genesis-hash or as genesis_hash in tally.toml to tally",
        chain_id.hex(),
        url,
    )


def _check_address(node: str) -> None:
    """Refuse at once what would otherwise be tried until the time is over.

    Raises:
        ValueError: when it is no address of a node.
    """
    try:
        parts = urlsplit(node)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{node!r} is no address of a node: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or parts.query or parts.fragment:
        raise ValueError(f"{node!r} is no address of a node, such as http://127.0.0.1:7700")


def _longer(pause: float, last: Answer | None) -> float:
    """Return the next pause: as long as the node asked for, or twice the last one, with some chance in it."""
    asked = 0.0 if last is None else float(_digits(last.headers.get("Retry-After", "")))
    doubled = min(PAUSE_SECONDS_MAX, max(pause * 2, asked))
    return doubled * (0.75 + secrets.randbelow(500) / 1000)


def _digits(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
