"""An executor that crashes, hangs or is killed: its successor continues, nothing is lost, and nothing changes."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest
from executor_support import HERE, Chain, killed, running, settings

from chain.encoding import encode
from chain.storage import StoreFull
from contracts.executor.client import ExecutorClient
from contracts.executor.errors import ExecutorDied, ExecutorFault, ResultDiffers

MISBEHAVIOURS = ["crash", "kill", "fault", "memory", "bug", "rubbish", "nonsense"]


@pytest.mark.parametrize("what", MISBEHAVIOURS)
async def test_a_block_that_fails_once_is_executed_again(tmp_path: Path, what: str) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        block = chain.block("increment", f"{what}_once")
        executed = await client.execute(block.raw)
        assert executed.result == chain.ledger.execute(block, lambda transaction: True).result
        assert client.restarts == 1
        assert (await client.apply(block.block_hash)).height == 1


@pytest.mark.parametrize("what", ["crash", "fault", "bug", "memory"])
async def test_a_block_that_fails_twice_is_a_local_fault(tmp_path: Path, what: str) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        with pytest.raises(ExecutorFault):
            await client.execute(chain.block(what).raw)
        block = chain.block("increment")
        await client.execute(block.raw)
        assert client.restarts == 2
        assert (await client.apply(block.block_hash)).height == 1


async def test_a_block_that_hangs_is_ended_by_the_watchdog(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain, block_seconds_max=0.4, replay_seconds_max=0.4) as client:
        with pytest.raises(ExecutorFault, match=r"execute took longer than 0\.4 s"):
            await client.execute(chain.block("hang").raw)
        with pytest.raises(ExecutorFault):
            await client.replay([(chain.block("hang").raw, chain.head.result.encoded())])


async def test_a_query_that_crashes_is_not_tried_again_and_harms_no_other(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain, query_seconds_max=0.4) as client:
        calls = ["counter", "crash", "counter", "hang", "counter", "memory"]
        views = [client.view("fake", method, [], None, 1_000) for method in calls]
        outcomes = await asyncio.gather(*views, return_exceptions=True)
        assert [type(outcome).__name__ for outcome in outcomes] == ["Viewed", "ExecutorDied"] * 3
        assert (await client.view("fake", "counter", [], None, 1_000)).value == 0
        assert (client.reader_restarts, client.restarts) == (3, 0)


async def test_undecided_blocks_outlive_the_executor(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        blocks = [chain.block(*["increment"] * count) for count in (1, 2)]
        for block in blocks:
            await client.execute(block.raw)
        await killed(client)
        assert (await client.apply(blocks[1].block_hash)).height == 1
        assert (await client.read("fake", [b"counter"])).values == (encode(2),)


async def test_a_block_whose_reply_was_lost_is_applied_once(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        block = chain.block("increment")
        await client.execute(block.raw)
        applying = asyncio.create_task(client.apply(block.block_hash))
        await asyncio.sleep(0)
        await killed(client)
        assert (await applying).height == 1
        assert (await client.read("fake", [b"counter"])).values == (encode(1),)


@pytest.mark.parametrize("is_killed", [False, True])
async def test_whatever_is_asked_after_a_block_was_told_to_be_applied_is_answered_on_it(
    tmp_path: Path, is_killed: bool
) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        for height in (1, 2, 3):
            block = chain.block("increment")
            await client.execute(block.raw)
            applying = client.begin_apply(block.block_hash)
            chain.ledger.apply(chain.ledger.execute(block, lambda transaction: True))
            assert applying.head == chain.head, "it is known before the state is written"
            reading = asyncio.create_task(client.read("fake", [b"counter"]))
            if is_killed:
                await killed(client)
            found = await asyncio.gather(reading, return_exceptions=True)
            # A question to a reader whose executor has ended is asked again by whoever wants to know.
            values = await client.read("fake", [b"counter"]) if isinstance(found[0], ExecutorDied) else found[0]
            assert (values.height, values.values) == (height, (encode(height),))  # type: ignore[union-attr]
            assert await applying.written == chain.head == client.head


async def test_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    moments = random.Random(20)
    chain = Chain()
    async with running(tmp_path, chain) as client:
        progress = asyncio.Event()

        async def killer() -> None:
            while True:
                await progress.wait()
                progress.clear()
                await asyncio.sleep(moments.uniform(0.0, 0.03))
                for _ in range(moments.choice((1, 1, 2))):
                    await killed(client)
                    # The second kill meets the successor while it starts.
                    await asyncio.sleep(moments.uniform(0.0, 0.2))

        killing = asyncio.create_task(killer())
        height = 0
        faults = 0
        while client.restarts < 8:
            block = chain.block("increment")
            try:
                await client.execute(block.raw)
            except ExecutorFault:
                # Killed twice over the same block: the node would withhold its vote, and may ask again.
                faults += 1
                continue
            assert (await client.apply(block.block_hash)).height == height + 1
            chain.ledger.apply(chain.ledger.execute(block, lambda transaction: True))
            height += 1
            progress.set()
        killing.cancel()
        assert client.head == chain.head
        assert (await client.read("fake", [b"counter"])).values == (encode(height),)
        assert faults < client.restarts
    async with running(tmp_path, chain) as client:
        assert client.head == chain.head


async def test_an_executor_that_cannot_live_is_given_up(tmp_path: Path) -> None:
    client = ExecutorClient(settings(tmp_path, Chain(), module="no_such_module"))
    with pytest.raises(ExecutorDied, match="6 times in a row"):
        await client.start()
    with pytest.raises(ExecutorDied):
        await client.statistics()


async def test_a_damaged_state_ends_the_client_with_its_name(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        await client.replay([chain.decide("increment") for _ in range(20)])
    for path in (tmp_path / "state" / "leveldb").glob("*.log"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    client = ExecutorClient(settings(tmp_path, chain))
    with pytest.raises(Exception, match="state") as damage:
        await client.start()
    assert type(damage.value).__name__ in ("StoreDamaged", "StoreRolledBack")


async def test_the_executor_ends_with_its_node(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        pid = client.pid
        assert pid is not None
        # What a terminal or a service manager sends to the whole group is not for the executor.
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        assert (await client.view("fake", "counter", [], None, 1_000)).value == 0
        assert client.pid == pid


async def test_another_result_after_a_restart_ends_the_client(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        await client.execute(chain.block("process_id").raw)
        await killed(client)
        with pytest.raises(ResultDiffers):
            await client.watch()
        with pytest.raises(ResultDiffers):
            await client.statistics()


async def test_a_full_disk_ends_the_client_with_its_name(tmp_path: Path) -> None:
    chain = Chain()
    certified = [chain.decide(*["increment"] * 10) for _ in range(60)]
    async with running(tmp_path, chain, module="executor_small_disk") as client:
        with pytest.raises(StoreFull, match=str(tmp_path)):
            await client.replay(certified)
        with pytest.raises(StoreFull):
            await client.watch()
    async with running(tmp_path, chain) as client:
        assert 0 < client.head.height < 60
        assert await client.replay(certified) == chain.head


async def test_a_block_overtakes_the_queries_that_wait(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        views = [asyncio.create_task(client.view("fake", "counter", [], None, 1_000)) for _ in range(300)]
        await asyncio.sleep(0)
        await client.execute(chain.block("increment").raw)
        assert sum(view.done() for view in views) <= 2
        assert [(await view).value for view in views] == [0] * 300


async def test_an_executor_does_not_outlive_a_node_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys; sys.path[:0] = sys.argv[2:]\n"
        "from pathlib import Path\n"
        "from executor_support import Chain, running\n"
        "async def main():\n"
        "    async with running(Path(sys.argv[1]), Chain()) as client:\n"
        "        print(client.pid, flush=True)\n"
        "        await client.execute(Chain().block('hang').raw)\n"
        "asyncio.run(main())\n"
    )
    folders = [HERE, str(Path(HERE).parent.parent)]
    node = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), *folders, stdout=asyncio.subprocess.PIPE
    )
    assert node.stdout is not None
    pid = int(await node.stdout.readline())
    assert is_running(pid)
    node.kill()
    await node.wait()
    while is_running(pid):
        await asyncio.sleep(0.001)


def is_running(pid: int) -> bool:
    """Tell whether a process lives; whoever has inherited it may not have collected it yet."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")
