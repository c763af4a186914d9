"""Who may read, which pages of other sites may, and what answers carry for caches and narrow lines."""

import gzip
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from api_fake_node import FakeNode, deposit
from api_support import Api, serving

from api.access import ApiAccess
from api.context import ApiLimits
from api.server import ApiServer
from assembly.access import api_access
from configs.node_config import ConfigError, load_node_config, load_tokens

TOKEN = "a-reader's-token-of-some-length"
SAMPLE = Path(__file__).parents[2] / "configs" / "node.sample.toml"


@asynccontextmanager
async def guarded(**access: object) -> AsyncIterator[Api]:
    node = FakeNode()
    await node.submit([deposit(5).raw])
    hashes = (hashlib.sha256(b"another").digest(), hashlib.sha256(TOKEN.encode()).digest())
    allowed = ApiAccess(hashes, frozenset({("bank", "balance")}), **access)  # type: ignore[arg-type]
    server = ApiServer(node, ApiLimits(), "127.0.0.1", 0, allowed)
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Api(node, server, session)
    finally:
        await server.stop()


async def test_reads_take_a_token_and_nothing_else_will_do() -> None:
    async with guarded() as api:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": "Bearer "}):
            for path in ("/v1/blocks", "/v1/network", "/metrics", "/v1/search?q=acme", "/v1/blocks/raw", "/nothing"):
                answer = await api.problem("GET", path, "token_required", headers=headers)
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        answer = await api.get("/v1/blocks", headers={"Authorization": f"bearer {TOKEN}"})
        assert answer.status == 200
        stream = {"Accept": "text/event-stream"}
        await api.problem("GET", "/v1/blocks", "token_required", headers=stream)


async def test_probes_files_submissions_and_public_views_are_open() -> None:
    async with guarded() as api:
        for path in ("/", "/explorer/app.js", "/livez", "/readyz", "/openapi.json"):
            assert (await api.get(path)).status == 200, path
        balance = await api.get('/v1/contracts/bank/views/balance?args=["acme.alice"]')
        assert balance.json["value"] == {"int": "5"}
        await api.problem("GET", "/v1/contracts/bank/views/echo?args=[1]", "token_required")
        answer = await api.post(
            "/v1/transactions",
            data=b"\xc4\x01x",
            headers={"Content-Type": "application/msgpack"},
        )
        assert answer.json["code"] == "malformed_transaction"


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        ({"https://portal.example"}, "https://portal.example", "https://portal.example"),
        ({"https://portal.example"}, "https://evil.example", None),
        ({"*"}, "https://anybody.example", "*"),
        (set(), "https://portal.example", None),
    ],
)
async def test_pages_of_other_sites_read_where_that_is_allowed(
    origins: set[str], origin: str, allowed: str | None
) -> None:
    async with guarded(origins=frozenset(origins)) as api:
        headers = {"Origin": origin, "Authorization": f"Bearer {TOKEN}"}
        answer = await api.get("/v1/blocks", headers=headers)
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
        assert ("Origin" in answer.headers.get("Vary", "")) == bool(origins)
        asked = await api.request(
            "OPTIONS", "/v1/blocks", headers={"Origin": origin, "Access-Control-Request-Method": "GET"}
        )
        assert (asked.status == 204) == (allowed is not None)
        assert asked.headers.get("Access-Control-Allow-Origin") == allowed


@pytest.mark.parametrize("path", ["/", "/v1/blocks", "/v1/nothing"])
async def test_the_server_names_no_versions_of_libraries(path: str) -> None:
    async with serving(FakeNode()) as api, api.session.get(api.server.address + path) as answer:
        assert answer.headers.getall("Server") == ["Tallystick"]


async def test_what_the_client_holds_is_not_sent_again() -> None:
    node = FakeNode()
    async with serving(node) as api:
        first = await api.get("/v1/organisations")
        again = await api.get("/v1/organisations", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["Cache-Control"] == "no-cache"
        await node.submit([deposit(1).raw])
        before = (await api.get("/v1/transactions")).headers["ETag"]
        await node.submit([deposit(2, nonce=1).raw])
        changed = await api.get("/v1/transactions", headers={"If-None-Match": before})
        assert changed.status == 200


async def test_large_answers_are_compressed_for_who_takes_that() -> None:
    async with serving(FakeNode()) as api:
        for accepted, packed in (("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("identity", False)):
            url = api.server.address + "/openapi.json"
            async with api.session.get(url, headers={"Accept-Encoding": accepted}, auto_decompress=False) as response:
                body = await response.read()
                assert (response.headers.get("Content-Encoding") == "gzip") == packed, accepted
                assert "Accept-Encoding" in response.headers["Vary"]
                assert (gzip.decompress(body) if packed else body).startswith(b'{"openapi"')
        small = await api.get("/livez", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in small.headers


def configured(folder: Path, access: str) -> Path:
    path = folder / "node.toml"
    path.write_text(f"{SAMPLE.read_text(encoding='utf-8').replace('[access]', access)}\n", encoding="utf-8")
    return path


def test_a_configuration_names_readers(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"# who reads\nportal {TOKEN}\n\n", encoding="utf-8")
    text = '[access]\ntokens = "tokens"\npublic_views = ["bank.balance"]\norigins = ["https://portal.example"]\n'
    access = api_access(load_node_config(configured(tmp_path, text)).access)
    assert access.token_hashes == (hashlib.sha256(TOKEN.encode()).digest(),)
    assert access.public_views == {("bank", "balance")}
    assert access.origins == {"https://portal.example"}


@pytest.mark.parametrize("text", [
    "[access]\nnonsense = 1",
    '[access]\npublic_views = ["balance"]',
    '[access]\norigins = ["portal.example"]',
    '[access]\norigins = ["https://portal.example/"]',
    "[access]\norigins = [1]",
])  # fmt: skip
def test_a_wrong_configuration_of_readers_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="access"):
        load_node_config(configured(tmp_path, text))


@pytest.mark.parametrize("content", ["", "# nobody\n", "portal short\n", f"{TOKEN}\n", f"a b {TOKEN}\n"])
def test_a_file_of_tokens_that_would_let_everybody_in_or_nobody_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokens").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError):
        load_tokens(tmp_path / "tokens")
