"""Witnesses: they cosign what extends what they saw, remember it, and find a forked history shown to two sides."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from api_fake_node import VALIDATOR_SEEDS, FakeNode, deposit, fake_genesis
from api_support import serving
from click.testing import CliRunner, Result

from chain.checkpoint import (
    COSIGNATURE,
    checkpoint_of,
    cosigned_at,
    head_note,
    is_signed,
    member_key_name,
    parse_note,
    verifier_key,
)
from chain.header_chain import header_at
from chain.types import Digest, Height, ValidatorId
from cli.errors import CliError
from cli.main import tally
from tallystick.proof_checking import check_proof
from tallystick.proof_facts import ValidatorsFact
from tallystick.transport import Transport
from tallystick.wallet import Wallet
from tallystick.witness_folder import WitnessStateError, create, held, load
from tallystick.witnessing import Head, Seen, Witness

GENESIS = fake_genesis()
HASH = GENESIS.genesis_hash


async def grow(node: FakeNode, blocks: int, first: int = 0) -> FakeNode:
    """Add blocks that depend on the number at which they begin, so that two nodes can part."""
    for number in range(first, first + blocks):
        await node.submit([deposit(number + 1, nonce=number).raw])
    return node


@asynccontextmanager
async def watching(*nodes: FakeNode) -> AsyncIterator[tuple[Witness, list[str]]]:
    async with AsyncExitStack() as stack:
        transports = {}
        for node in nodes:
            api = await stack.enter_async_context(serving(node))
            transports[api.server.address] = transport = Transport([api.server.address], 5.0)
            stack.push_async_callback(transport.close)
        yield Witness(GENESIS, transports), list(transports)


def size_of(witness: Witness, head: Head | None) -> int:
    assert head is not None
    return witness.verified(head.certified).header.height


def quiet(seen: Sequence[Seen]) -> bool:
    return all(each.fork is None and each.trouble is None for each in seen)


async def test_nodes_that_agree_at_different_heights() -> None:
    ahead, behind = await grow(FakeNode(), 7), await grow(FakeNode(), 4)
    async with watching(behind, ahead) as (witness, _):
        head, seen = await witness.round(None)
        assert quiet(seen)
        assert size_of(witness, head) == 7
        await grow(behind, 5, first=4)
        head, seen = await witness.round(head)
        assert quiet(seen)
        assert size_of(witness, head) == 9
        same, seen = await witness.round(head)
        assert quiet(seen)
        assert same == head


@pytest.mark.parametrize(("common", "one", "other"), [(0, 1, 1), (3, 2, 2), (3, 5, 1), (3, 1, 6), (9, 4, 4)])
async def test_a_fork_is_found_where_it_begins(common: int, one: int, other: int) -> None:
    left = await grow(await grow(FakeNode(), common), one, first=100)
    right = await grow(await grow(FakeNode(), common), other, first=200)
    async with watching(left, right) as (witness, urls):
        _, seen = await witness.round(None)
        fork = seen[-1].fork
        assert fork is not None
        assert fork.height == common + 1
        assert fork.sources == (urls[0], urls[1])
        assert fork.signed_both() == ["node-1", "node-2", "node-3"]
        hashes = set()
        for data in fork.files(GENESIS).values():
            proven = check_proof(data, HASH)
            assert isinstance(proven.fact, ValidatorsFact)
            assert proven.header.header.height == fork.height
            hashes.add(proven.header.block_hash)
        assert len(hashes) == 2


async def test_one_node_that_changes_its_history_is_found_from_memory() -> None:
    before = await grow(await grow(FakeNode(), 2), 3, first=100)
    after = await grow(await grow(FakeNode(), 2), 8, first=200)
    async with watching(before) as (witness, _):
        head, _ = await witness.round(None)
    async with watching(after) as (witness, _):
        kept, seen = await witness.round(head)
        fork = seen[-1].fork
        assert fork is not None
        assert fork.height == 5, "the only height of the old history that is remembered"
        assert kept == head


class Liar(FakeNode):
    """A node that answers with something false, though nothing else is certified."""

    async def history_extension(self, old_size: int, size: int) -> list[Digest]:
        path = [*await super().history_extension(old_size, size)]
        return [Digest(bytes(32)), *path[1:]]


async def test_a_lie_without_a_fork_is_no_alarm_and_is_not_cosigned() -> None:
    liar = Liar()
    await grow(liar, 3)
    async with watching(liar) as (witness, _):
        head, seen = await witness.round(None)
        assert quiet(seen)
        await grow(liar, 3, first=3)
        kept, seen = await witness.round(head)
        assert kept == head
        assert seen[0].fork is None
        assert "does not prove" in str(seen[0].trouble)


class Betrayer(FakeNode):
    """A member that signs another head than the one that is certified."""

    def checkpoint(self) -> str | None:
        header = header_at(self.store, self.ledger.head.height)
        forged = replace(header, history_root=Digest(bytes(32)))
        return head_note(forged, ValidatorId("node-2"), VALIDATOR_SEEDS[ValidatorId("node-2")])


async def test_a_head_that_is_signed_but_not_certified() -> None:
    node = Betrayer()
    await grow(node, 2)
    async with watching(node) as (witness, _):
        head, seen = await witness.round(None)
        assert head is None
        assert "another head" in str(seen[0].trouble)


async def test_heads_are_signed_by_members() -> None:
    node = await grow(FakeNode(), 3)
    async with serving(node) as api:
        answer = await api.get("/v1/checkpoint")
        assert answer.headers["Content-Type"].startswith("text/plain")
        note = parse_note(answer.body, HASH)
        assert note.checkpoint == checkpoint_of(header_at(node.store, Height(3)))
        key = GENESIS.validators.validators[0].consensus_key
        assert is_signed(note, member_key_name(note.checkpoint, "node-1"), key)
        await api.problem("GET", "/v1/checkpoint?x=1", "invalid_parameter")
    async with serving(FakeNode()) as api:
        await api.problem("GET", "/v1/checkpoint", "not_signed")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(tally, list(arguments), catch_exceptions=True)


async def witness_command(folder: Path, urls: Sequence[str], *more: str) -> Result:
    key = folder / "key.json"
    if not key.exists():
        Wallet.generate().save(key)
    nodes = [part for url in urls for part in ("--url", url)]
    fixed = ["--state", str(folder / "w"), "--name", "w.example", "--key", str(key), "--once"]
    return await asyncio.to_thread(run, "witness", *fixed, *nodes, "--genesis-hash", HASH.hex(), *more)


async def test_the_command(tmp_path: Path) -> None:
    left, right = await grow(FakeNode(), 3), await grow(FakeNode(), 3)
    note_file = tmp_path / "w" / "checkpoint"
    async with watching(left, right) as (_, urls):
        lost = await witness_command(tmp_path, urls)
        assert isinstance(lost.exception, CliError)
        assert "without memory" in str(lost.exception)
        first = await witness_command(tmp_path, urls, "--new")
        assert first.exit_code == 0, first.output
        key = Wallet.load(tmp_path / "key.json").public_key
        note = parse_note(note_file.read_bytes(), HASH)
        assert cosigned_at(note, "w.example", key) is not None
        assert len(note.signatures) == 2, "the member's and the witness's"
        await grow(left, 1, first=100)
        await grow(right, 1, first=200)
        alarm = await witness_command(tmp_path, urls)
        assert alarm.exit_code == 3
        assert "FORK at height 4" in alarm.output
        assert parse_note(note_file.read_bytes(), HASH) == note, "nothing was cosigned"
        again = await witness_command(tmp_path, urls)
        assert again.exit_code == 3, "an alarm stays"
    evidence = tmp_path / "w" / "fork-4"
    statement = json.loads((evidence / "statement.json").read_text())
    assert statement["signed_both"] == ["node-1", "node-2", "node-3"]
    for name in ("view-1.proof", "view-2.proof"):
        assert run("verify", str(evidence / name), "--genesis-hash", HASH.hex()).exit_code == 0


def badly_cosigned(data: bytes) -> str:
    """Return a note with the witness's signature spoilt."""
    note = parse_note(data, HASH)
    lines = [
        replace(line, signature=line.signature[:-1] + b"\x7f") if line.key_name == "w.example" else line
        for line in note.signatures
    ]
    return replace(note, signatures=tuple(lines)).text


async def test_two_auditors_who_are_each_shown_one_side_find_the_fork(tmp_path: Path) -> None:
    left = await grow(await grow(FakeNode(), 3), 2, first=100)
    right = await grow(await grow(FakeNode(), 3), 4, first=200)
    (tmp_path / "l").mkdir()
    (tmp_path / "r").mkdir()
    async with watching(left, right) as (_, urls):
        assert (await witness_command(tmp_path / "l", urls[:1], "--new")).exit_code == 0
        assert (await witness_command(tmp_path / "r", urls[1:], "--new")).exit_code == 0
        own = str(tmp_path / "r" / "w" / "checkpoint")
        same = await witness_command(tmp_path / "r", urls[1:], "--note", own)
        assert same.exit_code == 0
        assert "is part of the history; a cosignature in the name of w.example was not checked" in same.output
        vkey = verifier_key("w.example", COSIGNATURE, Wallet.load(tmp_path / "r" / "key.json").public_key)
        checked = await witness_command(tmp_path / "r", urls[1:], "--note", own, "--witness", vkey)
        assert checked.exit_code == 0
        assert "checked with the key given" in checked.output
        (tmp_path / "bad").write_text(badly_cosigned(Path(own).read_bytes()))
        bad = await witness_command(tmp_path / "r", urls[1:], "--note", str(tmp_path / "bad"), "--witness", vkey)
        assert isinstance(bad.exception, CliError)
        assert "a bad cosignature of w.example" in str(bad.exception)
        assert (await witness_command(tmp_path / "r", urls[1:], "--witness", vkey)).exit_code == 2
        other = str(tmp_path / "l" / "w" / "checkpoint")
        found = await witness_command(tmp_path / "r", urls[1:], "--note", other)
        assert found.exit_code == 3
        assert "CONTRADICTION at size 5" in found.output
    evidence = tmp_path / "r" / "w" / "head-5"
    assert (evidence / "signed-head").read_bytes() == Path(other).read_bytes()
    assert run("verify", str(evidence / "view-1.proof"), "--genesis-hash", HASH.hex()).exit_code == 0


async def test_one_memory_one_witness(tmp_path: Path) -> None:
    node = await grow(FakeNode(), 2)
    async with watching(node) as (_, urls):
        assert (await witness_command(tmp_path, urls, "--new")).exit_code == 0
        with held(tmp_path / "w"):
            second = await witness_command(tmp_path, urls)
        assert "another witness" in str(second.exception)
        assert (await witness_command(tmp_path, urls)).exit_code == 0


def test_memory(tmp_path: Path) -> None:
    create(tmp_path / "w", HASH)
    assert load(tmp_path / "w", HASH).head is None
    with pytest.raises(WitnessStateError, match="already"):
        create(tmp_path / "w", HASH)
    with pytest.raises(WitnessStateError, match="of the ledger"):
        load(tmp_path / "w", Digest(bytes(32)))
    path = tmp_path / "w" / "witness.json"
    for damaged in (path.read_bytes()[:-5], b"[]", b"{}", b"\xff"):
        path.write_bytes(damaged)
        with pytest.raises(WitnessStateError):
            load(tmp_path / "w", HASH)
