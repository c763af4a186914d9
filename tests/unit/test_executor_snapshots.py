"""The executor makes snapshots beside its blocks: of one height, in short steps, and never at the state's cost."""

import os
import resource
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import plyvel
import pytest
from executor_support import Chain, running

from chain.database_keys import TABLE_LIVE
from chain.snapshot import verify_chunk
from chain.snapshot_files import heights_held, open_snapshot
from chain.storage import StoreDamaged
from contracts.executor.client import ExecutorClient
from contracts.executor.errors import ExecutorDied, ExecutorFault
from contracts.executor.protocol import SnapshotMaking
from contracts.executor.snapshots import SNAPSHOTS_FOLDER

STEP_MICROSECONDS = 2_000


async def grow(client: ExecutorClient, chain: Chain, *methods: str) -> None:
    block = chain.block(*methods)
    await client.execute(block.raw)
    await client.apply(block.block_hash)
    chain.ledger.apply(chain.ledger.execute(block, lambda transaction: True))


async def finish(
    client: ExecutorClient, between: Callable[[], Awaitable[None]] | None = None, steps_max: int = 10_000
) -> SnapshotMaking:
    """Work until no snapshot is being made."""
    for _ in range(steps_max):
        making = await client.snapshot_step(STEP_MICROSECONDS)
        if not making.is_open:
            return making
        if between is not None:
            await between()
    raise AssertionError("a snapshot of so small a state takes fewer steps")


def check(folder: Path, chain: Chain, height: int, state_root: bytes) -> None:
    stored = open_snapshot(folder / "state" / SNAPSHOTS_FOLDER, height)
    manifest = stored.manifest
    assert (manifest.chain_id, manifest.height, manifest.state_root) == (chain.head.chain_id, height, state_root)
    leaves = [verify_chunk(item, stored.chunk(number)) for number, item in enumerate(manifest.subtrees)]
    assert sum(map(len, leaves)) == manifest.leaves > 3


async def test_a_snapshot_is_of_one_height_whatever_is_applied_meanwhile(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        await grow(client, chain, "increment")
        assert (await client.snapshot_begin(2)).is_open, "it waits for an even height"
        assert not heights_held(tmp_path / "state" / SNAPSHOTS_FOLDER)
        await grow(client, chain, "increment")
        root = chain.head.result.state_root
        await grow(client, chain, "increment")
        making = await finish(client, lambda: grow(client, chain, "increment"))
        assert (making.height, making.failure) == (2, None)
        check(tmp_path, chain, 2, root)
        assert client.head == chain.head and client.head.height >= 3
        await grow(client, chain, "increment")


async def test_the_last_two_are_kept(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        for _ in range(3):
            await grow(client, chain, "increment")
            await client.snapshot_begin(1)
            await finish(client)
        again = await client.snapshot_begin(1)
        assert not again.is_open, "there is one of this height"
        assert heights_held(tmp_path / "state" / SNAPSHOTS_FOLDER) == [2, 3]


async def test_nothing_is_made_of_genesis_and_steps_without_work_are_free(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        idle = await client.snapshot_step(STEP_MICROSECONDS)
        assert not idle.is_open and idle.failure is None
        assert (await client.snapshot_begin(1)).is_open
        await grow(client, chain, "increment")
        assert (await finish(client)).height == 1


async def test_a_process_that_dies_leaves_nothing_behind_and_its_successor_begins_anew(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        await grow(client, chain, "increment")
        making = await client.snapshot_begin(1)
        await client.snapshot_step(0)
        assert making.is_open and client.pid is not None
        os.kill(client.pid, signal.SIGKILL)
        while True:
            try:
                assert not (await client.snapshot_step(STEP_MICROSECONDS)).is_open
                break
            except ExecutorDied:
                continue
        folder = tmp_path / "state" / SNAPSHOTS_FOLDER
        assert list(folder.iterdir()) == []
        await client.snapshot_begin(1)
        await finish(client)
        check(tmp_path, chain, 1, chain.head.result.state_root)


async def test_a_full_disk_costs_the_snapshot_and_not_the_executor(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        await grow(client, chain, "increment")
        await client.snapshot_begin(1)
        pid = client.pid
        assert pid is not None
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (10, limits[1]))
        making = await finish(client)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        assert making.failure is not None and "File too large" in making.failure
        assert list((tmp_path / "state" / SNAPSHOTS_FOLDER).iterdir()) == []
        await grow(client, chain, "increment")
        assert client.pid == pid and client.restarts == 0


async def test_a_folder_that_cannot_be_made_costs_the_snapshot_and_not_the_block(tmp_path: Path) -> None:
    """The disk may be full already when a block is applied at whose height a snapshot is to be begun."""
    chain = Chain()
    async with running(tmp_path, chain) as client:
        in_the_way = tmp_path / "state" / SNAPSHOTS_FOLDER
        in_the_way.symlink_to("nowhere")
        await client.snapshot_begin(2)
        for _ in range(2):
            await grow(client, chain, "increment")
        making = await finish(client)
        assert making.failure is not None and SNAPSHOTS_FOLDER in making.failure
        assert client.head.height == 2 and client.restarts == 0
        in_the_way.unlink()
        await client.snapshot_begin(1)
        await finish(client)
        check(tmp_path, chain, 2, chain.head.result.state_root)


async def test_a_state_that_is_not_its_root_is_found_out(tmp_path: Path) -> None:
    """The leaves are all looked at: what was altered beneath the database's checksums stops the executor for good."""
    chain = Chain()
    async with running(tmp_path, chain) as client:
        await grow(client, chain, "increment")
    database = plyvel.DB(str(tmp_path / "state" / "leveldb"))
    key, leaf = next(iter(database.iterator(prefix=TABLE_LIVE)))
    database.put(key, leaf[:-3] + b"???")
    database.close()
    async with running(tmp_path, chain) as client:
        await client.snapshot_begin(1)
        with pytest.raises((StoreDamaged, ExecutorDied, ExecutorFault)):
            await finish(client)
        with pytest.raises(StoreDamaged, match="state root"):
            await client.watch()
