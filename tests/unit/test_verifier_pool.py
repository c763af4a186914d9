"""The verifier pool: right answers in the right order, batches, deaths, and limits."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chain.crypto import public_key_of, sign
from consensus import verifier_queue
from consensus.verifier import VerifierPool
from consensus.verifier_queue import BATCH_CHECKS_MAX, Check, CheckQueue, Job, VerifierBusy, VerifierFault, settle

SEED = bytes([3]) * 32
KEY = public_key_of(SEED)
TAG = "test"


def make_check(number: int, good: bool = True) -> Check:
    """Return a check of a good signature, or of one over something else."""
    payload = number.to_bytes(4, "big")
    return KEY, TAG, payload, sign(SEED, TAG, payload if good else b"something else")


@asynccontextmanager
async def running(processes: int = 1) -> AsyncIterator[VerifierPool]:
    """Yield a started pool, and close it."""
    pool = VerifierPool(processes)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


@pytest.mark.parametrize("processes", [0, 1, 2])
async def test_each_check_gets_its_own_answer(processes: int) -> None:
    wanted = [number % 7 != 3 for number in range(300)]
    checks = [make_check(number, good) for number, good in enumerate(wanted)]
    async with running(processes) as pool:
        assert await pool.verify(checks) == wanted
        assert await pool.verify([]) == []
        lone = await asyncio.gather(*(pool.verify([check]) for check in checks))
        assert [answer for answers in lone for answer in answers] == wanted
        assert pool.waiting == 0
        assert pool.walls_missing == ()


async def test_what_is_no_key_or_signature_is_bad_and_harms_nobody() -> None:
    key, tag, payload, signature = make_check(1)
    broken: list[Check] = [
        (b"", tag, payload, signature),
        (bytes(32), tag, payload, signature),
        (key, tag, payload, b""),
        (key, tag, payload, bytes(64)),
        (key, "other", payload, signature),
        (key, tag, b"x" * 2_000_000, signature),
    ]
    async with running() as pool:
        assert await pool.verify([*broken, make_check(1)]) == [False] * 6 + [True]
        assert pool.restarts == 0


async def test_killed_verifiers_lose_no_check_and_call_none_bad() -> None:
    moments = random.Random(5)
    checks = [make_check(number, number % 5 > 0) for number in range(200)]
    async with running(2) as pool:
        for _ in range(6):
            answers = asyncio.gather(*(pool.verify(checks) for _ in range(4)))
            await asyncio.sleep(moments.uniform(0.0, 0.03))
            for pid in pool.pids[: moments.choice((1, 2))]:
                os.kill(pid, signal.SIGKILL)
            assert await answers == [[number % 5 > 0 for number in range(200)]] * 4
        assert pool.restarts > 0


async def test_checks_that_verifiers_die_of_are_given_up_and_never_called_bad() -> None:
    async with running() as pool:
        checking = asyncio.ensure_future(pool.verify([make_check(number) for number in range(5_000)]))
        while not checking.done():
            for pid in pool.pids:
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.001)
        with pytest.raises(VerifierFault):
            await checking
    with pytest.raises(VerifierFault):
        await pool.verify([make_check(1)])


async def test_a_full_queue_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier_queue, "CHECKS_WAITING_MAX", 500)
    async with running() as pool:
        checks = [make_check(1)] * 400
        first = asyncio.ensure_future(pool.verify(checks))
        await asyncio.sleep(0)
        with pytest.raises(VerifierBusy) as busy:
            await pool.verify(checks)
        assert busy.value.waiting > 100
        assert await first == [True] * 400
        assert await pool.verify(checks) == [True] * 400


async def test_a_cancelled_caller_disturbs_nobody_and_its_checks_are_dropped() -> None:
    async with running() as pool:
        given_up = [asyncio.ensure_future(pool.verify([make_check(1)] * 300)) for _ in range(4)]
        await asyncio.sleep(0)
        for caller in given_up:
            caller.cancel()
        assert await pool.verify([make_check(2)]) == [True]
        assert pool.waiting == 0


async def test_closing_ends_the_processes_and_the_waiting() -> None:
    async with running(2) as pool:
        pids = pool.pids
        waiting = asyncio.ensure_future(pool.verify([make_check(1)] * 5_000))
        await asyncio.sleep(0)
    with pytest.raises(VerifierFault):
        await waiting
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    await pool.watch()


async def test_a_batch_gathers_callers_and_splits_what_is_too_large() -> None:
    loop = asyncio.get_running_loop()
    queue = CheckQueue()
    jobs = [Job([make_check(1)] * count, loop.create_future()) for count in (2, 1, BATCH_CHECKS_MAX)]
    for job in jobs:
        queue.add(job)
    first = queue.take()
    assert [(part.job is job, part.start, part.stop) for part, job in zip(first, jobs, strict=True)] == [
        (True, 0, 2),
        (True, 0, 1),
        (True, 0, BATCH_CHECKS_MAX - 3),
    ]
    queue.put_back(first)
    assert [part.stop - part.start for part in queue.take()] == [2, 1, BATCH_CHECKS_MAX - 3]
    second = queue.take()
    assert [(part.start, part.stop) for part in second] == [(BATCH_CHECKS_MAX - 3, BATCH_CHECKS_MAX)]
    assert (queue.take(), queue.checks, queue.size) == ([], 0, 0)
    settle(second, b"\x01\x00\x01")
    assert not jobs[2].future.done()
    settle(first, b"\x01" * BATCH_CHECKS_MAX)
    assert jobs[2].future.result()[-3:] == [True, False, True]


async def test_a_large_payload_travels_alone() -> None:
    loop = asyncio.get_running_loop()
    queue = CheckQueue()
    large: Check = (KEY, TAG, bytes(verifier_queue.BATCH_BYTES_MAX + 1), bytes(64))
    queue.add(Job([large, large, make_check(1)], loop.create_future()))
    assert [[(part.start, part.stop) for part in queue.take()] for _ in range(3)] == [[(0, 1)], [(1, 2)], [(2, 3)]]
