"""What the API tests share: a running server on loopback, a session with it, and a check of every answer's form."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import jsonschema  # type: ignore[import-untyped]
from api_fake_node import FakeNode
from yarl import URL

from api.context import ApiLimits
from api.openapi import openapi_document
from api.problems import PROBLEM_TYPE, PROBLEMS
from api.server import ApiServer

DOCUMENT = openapi_document()


@dataclass(slots=True)
class Answer:
    """A response that was read whole."""

    status: int
    headers: Any
    body: bytes
    json: Any


@dataclass(slots=True)
class Api:
    """A client of one served fake node."""

    node: FakeNode
    server: ApiServer
    session: aiohttp.ClientSession

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        # Sent as written: the client library would otherwise tidy up what the server is to be tested with.
        async with self.session.request(method, URL(self.server.address + path, encoded=True), **options) as response:
            body = await response.read()
            is_json = response.content_type.endswith("json")
            return Answer(response.status, response.headers, body, await response.json() if is_json else None)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Answer:
        return await self.request("POST", path, **options)

    async def problem(self, method: str, path: str, code: str, **options: Any) -> Answer:
        """Make a request and expect the problem with a code."""
        answer = await self.request(method, path, **options)
        assert answer.json is not None, answer.body
        assert answer.json.get("code") == code, answer.json
        assert answer.status == PROBLEMS[code].status == answer.json["status"]
        assert answer.headers["Content-Type"].startswith(PROBLEM_TYPE)
        assert answer.json["type"] == f"urn:tallystick:problem:{code}"
        check_schema(answer.json, "Problem")
        return answer


def check_schema(value: Any, name: str) -> None:
    """Check a value against a named schema of the OpenAPI document."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


@asynccontextmanager
async def serving(node: FakeNode, limits: ApiLimits | None = None) -> AsyncIterator[Api]:
    """Serve a fake node on a free port of loopback."""
    server = ApiServer(node, limits or ApiLimits(), "127.0.0.1", 0)
    await server.start()
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
            yield Api(node, server, session)
    finally:
        await server.stop()
