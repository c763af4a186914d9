"""`tally audit` and `tally export` as scripts use them: exit codes, JSON, and a real API as the source."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from api_fake_node import FakeNode, deposit
from api_support import Api, serving
from chain_maker import ChainMaker
from click.testing import CliRunner, Result

from audit.export_format import block_file_name
from audit.export_writer import write_export
from audit.mismatch import AuditMismatch, SourceUnreadable
from chain.recorded_block import decode_recorded_block, encode_range
from cli.main import main, tally
from cli.node_source import NodeSource
from cli.progress import bar, remaining

CLUSTER = {"format": "tallystick-cluster/1", "chain_id": "00" * 32}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(tally, arguments)


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    maker = ChainMaker()
    maker.decide_many(3)
    return maker


@pytest.fixture
def folder(maker: ChainMaker, tmp_path: Path) -> Path:
    write_export(tmp_path / "export", maker.source, lambda height, head: None)
    return tmp_path / "export"


def test_a_true_export_exits_0(maker: ChainMaker, folder: Path) -> None:
    genesis_hash = maker.genesis.genesis_hash.hex()
    result = run("audit", str(folder), "--genesis-hash", genesis_hash, "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert (document["verdict"], document["anchored"], document["blocks"]) == ("ok", True, 3)
    assert document["genesis_hash"] == genesis_hash
    people = run("audit", str(folder))
    assert people.exit_code == 0
    assert people.stdout.endswith("Verdict: OK, unanchored\n")
    assert "freshness" in people.stdout


def test_a_mismatch_exits_3_and_is_named(maker: ChainMaker, folder: Path) -> None:
    wrong = run("audit", str(folder), "--genesis-hash", "00" * 32, "--json")
    assert wrong.exit_code == 3
    assert json.loads(wrong.stdout)["first_mismatch"]["field"] == "genesis_hash"
    path = folder / block_file_name(1)
    path.write_bytes(path.read_bytes()[:-1] + b"\xc0")
    people = run("audit", str(folder))
    assert people.exit_code == 3
    assert "height      3" in people.stdout
    assert people.stdout.endswith("Verdict: MISMATCH, unanchored\n")


def test_what_cannot_be_read_exits_1_and_wrong_usage_2(folder: Path, tmp_path: Path) -> None:
    def exit_code(*arguments: str) -> Any:
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        return stop.value.code

    assert exit_code("audit", str(tmp_path / "nowhere")) == 1
    assert exit_code("audit", "http://127.0.0.1:1") == 1
    assert exit_code("audit", "http://") == 1
    assert exit_code("audit", str(folder), "--genesis-hash", "xyz") == 2
    assert exit_code("audit") == 2
    assert exit_code("export", "--url", "ftp://127.0.0.1", "--out", str(tmp_path / "out")) == 1
    assert exit_code("export", "--dir", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")) == 1
    (tmp_path / "cluster.json").write_text(json.dumps({**CLUSTER, "nodes": []}))
    assert exit_code("audit", str(tmp_path)) == 1


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    node = FakeNode()
    for number in range(5):
        await node.submit([deposit(1, nonce=number).raw])
    async with serving(node) as served:
        yield served


async def test_a_node_is_a_source(api: Api) -> None:
    def read() -> tuple[bytes, int, list[bytes]]:
        with closing(NodeSource(api.server.address + "/")) as source:
            return source.genesis(), source.head_height(), list(source.blocks(2, 4))

    genesis, height, blocks = await asyncio.to_thread(read)
    assert genesis == api.node.genesis.encoded()
    assert height == 5
    assert [decode_recorded_block(block).decoded_block().header.height for block in blocks] == [2, 3, 4]


def read_blocks(url: str, last: int) -> list[bytes]:
    with closing(NodeSource(url)) as source:
        return list(source.blocks(1, last))


def read_height(url: str) -> int:
    with closing(NodeSource(url)) as source:
        return source.head_height()


async def test_export_from_a_node_and_continue(api: Api, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("export", "--url", api.server.address, "--out", str(out), "--json")
    first = await asyncio.to_thread(run, *arguments)
    assert first.exit_code == 0
    assert json.loads(first.stdout)["height"] == 5
    await api.node.submit([deposit(1, nonce=9).raw])
    second = await asyncio.to_thread(run, *arguments)
    document = json.loads(second.stdout)
    assert (document["height"], document["files"]) == (6, 2)
    assert document["genesis_hash"] == api.node.chain_id.hex()
    assert document["bytes"] == sum(path.stat().st_size for path in out.iterdir() if path.suffix in (".msgpack", ".gz"))


async def test_a_node_that_has_pruned_says_so(api: Api) -> None:
    api.node.faults.pruned_below = 3

    with pytest.raises(SourceUnreadable, match="blocks below 3 are gone"):
        await asyncio.to_thread(read_blocks, api.server.address, 5)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"\xc1", "not canonical"),
        (encode_range(1, []), "0 blocks"),
        (encode_range(2, [b"x"]), "from height 2"),
        (encode_range(1, [b"x"] * 3), "3 blocks"),
    ],
)
async def test_a_node_that_lies_is_a_mismatch(body: bytes, found: str) -> None:
    async with answering(body, b"X-Ledger-Height: 2\r\n") as url:
        with pytest.raises(AuditMismatch) as caught:
            await asyncio.to_thread(read_blocks, url, 2)
        assert found in caught.value.mismatch.found
        assert caught.value.mismatch.height == 1


async def test_a_server_that_is_no_node() -> None:
    async with answering(b"hello", b"") as url:
        with pytest.raises(SourceUnreadable, match="no Tallystick node"):
            await asyncio.to_thread(read_height, url)


class answering:
    """A server on loopback that answers every request with the same bytes."""

    def __init__(self, body: bytes, header: bytes) -> None:
        self._answer = b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (header, len(body), body)

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self._answer)
        await writer.drain()
        writer.close()


def test_progress_in_figures() -> None:
    assert bar(0, 0) == "[########################] 100%"
    assert bar(5, 10, 10) == "[#####.....]  50%"
    assert remaining(0, 10, 5.0) == "-:--"
    assert remaining(10, 100, 10.0) == "1:30"
    assert remaining(1, 101, 60.0) == "1:40:00"
