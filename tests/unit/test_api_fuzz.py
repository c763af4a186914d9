"""Whatever is sent to any operation, the server never fails, and its answer is one that the document describes."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import jsonschema  # type: ignore[import-untyped]
import pytest
from api_fake_node import ALICE, FakeNode, deposit, make_transaction
from api_support import DOCUMENT, Answer, Api, serving

from chain.crypto import public_key_of
from chain.encoding import encode

TRIES = 25
OPERATIONS = [
    (path, method, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
KNOWN = deposit(1)
STRANGE = [
    "",
    "0",
    "1",
    "2",
    "-1",
    "99999999999999999999",
    "true",
    "latest",
    "bank",
    "acme",
    "system",
    "asc",
    "committed",
    "balance",
    "[]",
    '["balances","acme.alice"]',
    '[{"int":"5"}]',
    '[{"map":{}}]',
    "0x00",
    "0x0262616e6b00",
    "ea1-0-0",
    "bd1-4294967295-4294967295",
    "\x00",
    "٣",
    "é/%2F{}",
    "x" * 300,
    "f" * 64,
    KNOWN.transaction_id.hex(),
    public_key_of(ALICE).hex(),
]
BODIES = [
    b"",
    b"{}",
    b"null",
    b'{"args": []}',
    b'{"args": ["acme.alice"]}',
    b'{"args": [1e400]}',
    b'{"raw": ""}',
    b'{"transactions": [{"raw": ""}]}',
    b"\xff\xff",
    encode([]),
    encode([b""]),
    encode(KNOWN.raw),
    encode([KNOWN.raw, KNOWN.raw]),
    encode({"args": [None]}),
    encode({"args": [], "gas_limit": -1}),
    encode({"args": [[[[]]]], "sender_key": bytes(32)}),
]
TYPES = ["application/json", "application/msgpack", "text/plain", "nonsense", "application/octet-stream"]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    node = FakeNode()
    await node.submit([KNOWN.raw, make_transaction(("bank", "close", ("acme.alice",)), nonce=9).raw])
    async with serving(node) as served:
        yield served


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=lambda value: str(value)[:60])
async def test_every_answer_is_described(api: Api, path: str, method: str, operation: dict[str, Any]) -> None:
    chance = random.Random(f"{method} {path}")
    for _ in range(TRIES):
        target, options = _request(path, method, operation, chance)
        answer = await api.request(method.upper(), target, **options)
        _check(answer, operation, f"{method} {target} {options}")
    assert (await api.get("/livez")).status == 200


def _request(path: str, method: str, operation: dict[str, Any], chance: random.Random) -> tuple[str, dict[str, Any]]:
    query: list[str] = []
    for parameter in operation["parameters"]:
        value = quote(chance.choice(STRANGE), safe="")
        if parameter["in"] == "path":
            # An empty segment, or dots, would be another path.
            path = path.replace("{" + parameter["name"] + "}", value or "x")
        elif parameter["in"] == "query" and parameter["name"] != "timeout" and chance.random() < 0.4:
            query.append(f"{parameter['name']}={value}")
    if chance.random() < 0.1:
        query.append(quote(chance.choice(STRANGE), safe="") + "=1")
    options: dict[str, Any] = {}
    if method == "post":
        options = {"data": chance.choice(BODIES), "headers": {"Content-Type": chance.choice(TYPES)}}
    return path + ("?" + "&".join(query) if query else ""), options


def _check(answer: Answer, operation: dict[str, Any], request: str) -> None:
    described = operation["responses"].get(str(answer.status))
    assert described is not None, f"{request}: status {answer.status} is not described: {answer.body[:300]!r}"
    assert answer.status < 500, f"{request}: {answer.body[:300]!r}"
    if answer.status == 304:
        return
    media_type = answer.headers["Content-Type"].split(";")[0]
    assert media_type in described["content"], f"{request}: {media_type}"
    if answer.json is None:
        return
    schema = {**described["content"][media_type]["schema"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(answer.body))
    if answer.status >= 400:
        assert answer.json["code"] in described["description"].split(", "), f"{request}: {answer.json}"
