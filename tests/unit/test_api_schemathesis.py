"""The running server against its own description: random requests find no 5xx and no answer outside its schema.

`SCHEMATHESIS_EXAMPLES=500 pytest tests/unit/test_api_schemathesis.py` looks longer.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
import schemathesis
from api_fake_node import FakeNode, deposit
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.context import ApiLimits
from api.openapi import openapi_document
from api.server import ApiServer

EXAMPLES: Final = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))
SCHEMA: Final = schemathesis.openapi.from_dict(openapi_document())
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/msgpack")
def as_bytes(context: Any, value: Any) -> bytes:
    """Send whatever was generated as the body: most of it is no MessagePack, which has to be refused."""
    data: bytes = getattr(value, "data", b"")
    return data


@contextmanager
def served() -> Iterator[str]:
    """Serve a fake node with some history from a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> ApiServer:
        node = FakeNode()
        for number in range(5):
            await node.submit([deposit(number + 1, nonce=number).raw])
        server = ApiServer(node, ApiLimits(wait_seconds_max=0.1, heartbeat_seconds=0.05), "127.0.0.1", 0)
        await server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    try:
        yield server.address
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as url:
        yield url


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_what_the_description_says(case: Any, address: str) -> None:
    # An answer that never ends is no answer to read: streams have tests of their own.
    headers = {name: value for name, value in (case.headers or {}).items() if name.lower() != "accept"}
    case.headers = headers
    case.call_and_validate(base_url=address, checks=CHECKS, timeout=10)
