"""Whatever comes in on the HTTP port and the peer port: a typed error, nothing changed, and every node still up."""

import asyncio
import base64
import json
import os
import random
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cluster_contract import NAME, write
from cluster_load import Load
from cluster_support import Cluster, HttpAnswer, http

from chain.encoding import encode
from chain.transaction import Call, Transaction
from chain.types import Digest, Milliseconds
from network.tls import make_certificate
from tallystick import Wallet
from tallystick.building import build_body, local_time

pytestmark = pytest.mark.cluster

MSGPACK = {"Content-Type": "application/msgpack"}
JSON = {"Content-Type": "application/json"}
HOUR_MS = 3_600_000


@pytest.fixture
async def undisturbed(cluster: Cluster) -> AsyncIterator[Cluster]:
    """A cluster that must stand at the same height, with the same state and processes, after the test."""
    height = await cluster.settled()
    before = [await cluster.total(node) for node in cluster.nodes]
    pids = [cluster.pid(node.name) for node in cluster.nodes]
    yield cluster
    assert await cluster.settled() == height
    assert [await cluster.total(node) for node in cluster.nodes] == before
    assert [cluster.pid(node.name) for node in cluster.nodes] == pids
    assert all(report.ready for report in cluster.reports().values())


@dataclass(frozen=True, slots=True)
class Signed:
    """Makes transactions, sound but for what a test changes."""

    cluster: Cluster
    wallet: Wallet

    async def make(self, *calls: Call, **changes: object) -> Transaction:
        """Return a signed transaction with fields of its body replaced."""
        async with self.cluster.client() as client:
            genesis = await client.genesis()
        body = build_body(genesis, self.wallet.public_key, calls or write("never"), now=local_time())
        return self.wallet.sign_transaction(replace(body, **changes))  # type: ignore[arg-type]


def submit(cluster: Cluster, raw: bytes, number: int = 0, query: str = "") -> HttpAnswer:
    return http(cluster.nodes[number], f"/v1/transactions{query}", encode(raw), MSGPACK)


def assert_problem(answer: HttpAnswer, status: int, code: str) -> None:
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer
    problem = answer.json()
    assert (answer.status, problem["code"], problem["status"]) == (status, code, status), problem
    assert problem["detail"] and problem["title"] and problem["type"].endswith(code)


Change = Callable[[Transaction], dict[str, object]]

REFUSED: dict[str, tuple[int, dict[str, object]]] = {
    "foreign_chain": (422, {"chain_id": Digest(bytes(32))}),
    "expired": (422, {"valid_until": Milliseconds(local_time() - HOUR_MS)}),
    "valid_until_too_far": (422, {"valid_until": Milliseconds(local_time() + HOUR_MS)}),
    "gas_limit_too_high": (422, {"gas_limit": 10**12}),
    "gas_limit_too_low": (422, {"gas_limit": 1_000}),
    "transaction_too_large": (413, {"calls": (Call(NAME, "write", ("x" * 600_000,)),)}),
}


@pytest.mark.parametrize("code", REFUSED)
async def test_transactions_that_no_ledger_would_take(undisturbed: Cluster, code: str) -> None:
    status, changes = REFUSED[code]
    transaction = await Signed(undisturbed, undisturbed.wallet()).make(**changes)
    for number in range(4):
        assert_problem(submit(undisturbed, transaction.raw, number), status, code)


async def test_signatures_and_senders(undisturbed: Cluster) -> None:
    """A flipped bit, another member's signature, and a key that nobody registered."""
    good = await Signed(undisturbed, undisturbed.wallet()).make()
    encoded = good.body.encoded()
    flipped = good.signature[:-1] + bytes([good.signature[-1] ^ 1])
    assert_problem(submit(undisturbed, encode([1, encoded, flipped])), 422, "bad_signature")
    others = await Signed(undisturbed, undisturbed.wallet("clearbank.ops")).make()
    assert_problem(submit(undisturbed, encode([1, encoded, others.signature])), 422, "bad_signature")
    stranger = await Signed(undisturbed, Wallet.generate()).make()
    assert_problem(submit(undisturbed, stranger.raw), 403, "unknown_sender")


async def test_malformed_transactions(undisturbed: Cluster) -> None:
    """Cut off, lengthened, with every kind of byte changed, and other values in canonical form."""
    good = (await Signed(undisturbed, undisturbed.wallet()).make()).raw
    chance = random.Random(1)
    for raw in (b"", good[:-1], good + b"\x00", encode([1, 2, 3]), encode(None), encode([2, b"", b""]), os.urandom(99)):
        assert_problem(submit(undisturbed, raw), 400, "malformed_transaction")
    for _ in range(100):
        place = chance.randrange(len(good))
        raw = good[:place] + bytes([good[place] ^ chance.randrange(1, 256)]) + good[place + 1 :]
        answer = submit(undisturbed, raw, chance.randrange(4))
        assert 400 <= answer.status < 500, (place, answer)
        assert answer.json()["code"] in {
            "malformed_transaction", "bad_signature", "unknown_sender", "foreign_chain", "expired",
            "valid_until_too_far", "gas_limit_too_high", "gas_limit_too_low",
        }  # fmt: skip


async def test_malformed_requests(undisturbed: Cluster) -> None:
    """Bodies, types and parameters that this API does not take, each with its own code."""
    node = undisturbed.nodes[0]
    good = (await Signed(undisturbed, undisturbed.wallet()).make()).raw
    path = "/v1/transactions"
    body = json.dumps({"raw": base64.b64encode(good).decode()}).encode()
    cases = [
        (http(node, path, b"\xc1", MSGPACK), 400, "malformed_body"),
        (http(node, path, b"", MSGPACK), 400, "malformed_body"),
        (http(node, path, encode([]), MSGPACK), 400, "malformed_body"),
        (http(node, path, encode({"raw": good}), MSGPACK), 400, "malformed_body"),
        (http(node, path, b"{", JSON), 400, "malformed_body"),
        (http(node, path, b'{"raw": "***"}', JSON), 400, "malformed_body"),
        (http(node, path, b'{"raw": 7}', JSON), 400, "malformed_body"),
        (http(node, path, b"[" * 100_000, JSON), 400, "malformed_body"),
        (http(node, path, body, {"Content-Type": "text/plain"}), 415, "unsupported_media_type"),
        (http(node, path, body, {**JSON, "Content-Encoding": "gzip"}), 415, "unsupported_media_type"),
        (http(node, path, b"\xc6\x00\x50\x00\x00" + bytes(5 * 1024 * 1024), MSGPACK), 413, "body_too_large"),
        (http(node, path, encode([b"x"] * 2_001), MSGPACK), 413, "too_many_transactions"),
        (http(node, path + "?wait=never", body, JSON), 400, "invalid_parameter"),
        (http(node, path + "?wait=committed&timeout=-1", body, JSON), 400, "invalid_parameter"),
        (http(node, path + "?unknown=1", body, JSON), 400, "invalid_parameter"),
        (http(node, path + "/zz"), 400, "invalid_parameter"),
        (http(node, path + "/" + "00" * 32), 404, "unknown_transaction"),
        (http(node, path + "/" + "00" * 32 + "/proof"), 404, "unknown_transaction"),
        (http(node, "/v1/blocks/999999999"), 404, "unknown_block"),
        (http(node, "/v1/blocks/-1"), 400, "invalid_parameter"),
        (http(node, "/v1/blocks?cursor=zzzz"), 400, "invalid_cursor"),
        (http(node, "/v1/contracts/nobody"), 404, "unknown_contract"),
        (http(node, f"/v1/contracts/{NAME}/views/nothing"), 404, "unknown_method"),
        (http(node, f"/v1/contracts/{NAME}/views/times", b'{"args": [7]}', JSON), 422, "view_failed"),
        (http(node, "/nothing"), 404, "not_found"),
        (http(node, "/v1/genesis", b"x", JSON), 405, "method_not_allowed"),
    ]
    for answer, status, code in cases:
        assert_problem(answer, status, code)


async def test_rubbish_on_the_http_port(undisturbed: Cluster) -> None:
    """Bytes that are no HTTP, endless headers, and a connection that says nothing."""
    chance = random.Random(2)
    silent: list[socket.socket] = []
    for node in undisturbed.nodes:
        silent.append(socket.create_connection(("127.0.0.1", node.api_port)))
        for rubbish in (
            chance.randbytes(4096),
            b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100_000,
            b"POST /v1/transactions HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST /v1/transactions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
            b"\x16\x03\x01\x02\x00",
        ):
            await asyncio.to_thread(send_rubbish, node.api_port, rubbish)
    for connection in silent:
        connection.close()


async def test_resends_get_the_same_answer_everywhere(cluster: Cluster) -> None:
    """The same bytes, sent again to every node at once and one after the other, are committed once."""
    transaction = await Signed(cluster, cluster.wallet()).make(write("resent"))
    query = "?wait=committed&timeout=60"
    answers = await asyncio.gather(
        *(asyncio.to_thread(submit, cluster, transaction.raw, number % 4, query) for number in range(12))
    )
    height = await cluster.settled()
    answers += [submit(cluster, transaction.raw, number, again) for number in range(4) for again in (query, "")]
    assert {answer.status for answer in answers} == {200}
    assert len({json.dumps(answer.json()["receipt"]) for answer in answers}) == 1
    assert await cluster.settled() == height
    async with cluster.client() as client:
        assert await client.evaluate(NAME, "times", "resent") == 1


FAILING: dict[str, tuple[str, Call]] = {
    "unknown contract": ("unknown_contract", Call("nobody", "write", ("x",))),
    "unknown method": ("unknown_method", Call(NAME, "erase", ("x",))),
    "a view as a call": ("unknown_method", Call(NAME, "times", ("x",))),
    "wrong type": ("invalid_arguments", Call(NAME, "write", (7,))),
    "too few": ("invalid_arguments", Call(NAME, "write", ())),
    "too many": ("invalid_arguments", Call(NAME, "write", ("x", "y"))),
    "bytes for text": ("invalid_arguments", Call(NAME, "write", (b"x",))),
    "system": ("unknown_method", Call("system", "nothing", ())),
}


@pytest.mark.parametrize("case", FAILING)
async def test_calls_that_fail_leave_nothing_but_a_receipt(cluster: Cluster, case: str) -> None:
    """Committed, with the code in the receipt, and a good call before it in the same transaction is undone."""
    code, call = FAILING[case]
    before = await cluster.total(cluster.nodes[0])
    transaction = await Signed(cluster, cluster.wallet()).make(write("undone"), call)
    async with cluster.client() as client:
        (receipt,) = await client.submit_many([transaction], timeout_seconds=60)
    assert getattr(receipt, "code", None) == code, receipt
    await cluster.settled()
    assert [await cluster.total(node) for node in cluster.nodes] == [before] * 4


async def test_rubbish_on_the_peer_port(undisturbed: Cluster) -> None:
    """Random bytes, HTTP, silence, and TLS without a certificate or with one that nobody registered."""
    chance = random.Random(3)
    stranger = stranger_context(undisturbed.layout.folder)
    anonymous = open_context()
    for node in undisturbed.nodes:
        silent = [socket.create_connection(("127.0.0.1", node.peer_port)) for _ in range(50)]
        for rubbish in (chance.randbytes(1 << 20), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01" + bytes(99)):
            await asyncio.to_thread(send_rubbish, node.peer_port, rubbish)
        for context in (anonymous, stranger):
            await asyncio.to_thread(speak_tls, node.peer_port, context)
        for connection in silent:
            connection.close()


async def test_peers_go_on_while_a_stranger_floods_the_peer_port(cluster: Cluster) -> None:
    """Connections that never greet crowd out each other and nobody else."""
    flood: list[socket.socket] = []
    async with Load(cluster) as load:
        await load.grows(6)
        for _ in range(4):
            for node in cluster.nodes:
                flood.extend(socket.create_connection(("127.0.0.1", node.peer_port)) for _ in range(25))
            await load.grows(6)
        for connection in flood:
            connection.close()
    assert all(report.ready for report in cluster.reports().values())


def send_rubbish(port: int, rubbish: bytes) -> None:
    """Send bytes and read whatever comes until the node hangs up, or has nothing to say."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        try:
            connection.sendall(rubbish)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
        except OSError:
            return


def speak_tls(port: int, context: ssl.SSLContext) -> None:
    """Try to greet; the node has to end the connection without a word."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        try:
            with context.wrap_socket(plain) as connection:
                connection.sendall(b"\x00\x00\x00\x05\x00hello")
                answer = connection.recv(65_536)
        except OSError:
            return
    assert b"tallystick" not in answer


def open_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def stranger_context(folder: Path) -> ssl.SSLContext:
    material = make_certificate("node1")
    path = folder / "stranger.pem"
    path.write_bytes(material.certificate_pem + material.key_pem)
    context = open_context()
    context.load_cert_chain(path)
    return context
