"""Who waits for a transaction or a height is woken by it, once, and leaves nothing behind."""

import asyncio
from types import SimpleNamespace
from typing import Any

from assembly.waiters import Committed, Waiters
from chain.types import Digest, Height


def applied_block(height: Height, *ids: Digest) -> Any:
    """Return what waiters look at of an applied block."""
    return SimpleNamespace(head=SimpleNamespace(height=height), transaction_ids=ids)


async def test_who_waits_for_the_same_transaction_gets_it_however_many_there_are() -> None:
    waiters = Waiters(Height(0))
    one, two = Digest(b"1" * 32), Digest(b"2" * 32)
    both = asyncio.create_task(waiters.wait_transactions([one, two], 0.05))
    alone = asyncio.create_task(waiters.wait_transactions([one, one], 60))
    gone = asyncio.create_task(waiters.wait_transactions([one], 60))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    block = applied_block(Height(1), one)
    waiters.applied(block)
    assert await alone == {one: Committed(block, 0)}
    assert await both == {one: Committed(block, 0)}, "the other one does not come in time"
    assert len(waiters) == 0


async def test_waiters_are_woken_by_their_transaction_by_height_or_by_time() -> None:
    waiters = Waiters(Height(0))
    one, two = Digest(b"1" * 32), Digest(b"2" * 32)
    waiting = asyncio.create_task(waiters.wait_transactions([one, two], 60))
    height = asyncio.create_task(waiters.wait_height(Height(2)))
    await asyncio.sleep(0)
    first, second = applied_block(Height(1), one), applied_block(Height(2), Digest(b"9" * 32), two)
    waiters.applied(first)
    await asyncio.sleep(0)
    assert not waiting.done()
    assert not height.done()
    waiters.applied(second)
    assert await waiting == {one: Committed(first, 0), two: Committed(second, 1)}
    await height
    assert await waiters.wait_transactions([Digest(b"3" * 32)], 0.01) == {}
    assert len(waiters) == 0, "whoever stops waiting leaves nothing behind"
