"""The order of requests to the executor, its limits, and what becomes of them when it dies."""

import asyncio
from typing import Any

import pytest

from contracts.executor.errors import ExecutorBusy
from contracts.executor.protocol import Kind
from contracts.executor.requests import (
    ATTEMPTS_MAX,
    BLOCKS_UNDER_WAY_MAX,
    BLOCKS_WAITING_MAX,
    QUERIES_WAITING_MAX,
    QUERY_SECONDS_WAITING_MAX,
    Request,
    RequestQueue,
)


def request(kind: Kind) -> Request:
    """Return a request that waits for an answer."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    return Request(kind, [], future, lambda values: None)


def sent(queue: RequestQueue) -> list[Kind]:
    """Return the kinds of all that may be sent now."""
    kinds: list[Kind] = []
    while (one := queue.next(0.0)) is not None:
        kinds.append(one.kind)
    return kinds


async def test_blocks_go_before_queries_and_one_query_is_under_way_at_most() -> None:
    queue = RequestQueue()
    for kind in (Kind.VIEW, Kind.PROOF, Kind.EXECUTE, Kind.APPLY):
        queue.add(request(kind))
    assert sent(queue) == [Kind.EXECUTE, Kind.APPLY, Kind.VIEW]
    assert [one.number for one in queue.under_way] == [1, 2, 3]
    queue.add(request(Kind.EXECUTE))
    assert sent(queue) == [Kind.EXECUTE]
    queue.under_way.clear()
    assert sent(queue) == [Kind.PROOF]


async def test_a_query_waits_while_blocks_wait() -> None:
    queue = RequestQueue()
    for _ in range(BLOCKS_UNDER_WAY_MAX + 1):
        queue.add(request(Kind.EXECUTE))
    queue.add(request(Kind.VIEW))
    assert sent(queue) == [Kind.EXECUTE] * BLOCKS_UNDER_WAY_MAX


async def test_each_class_has_room_of_its_own() -> None:
    queue = RequestQueue()
    for _ in range(QUERIES_WAITING_MAX):
        queue.add(request(Kind.VIEW))
    with pytest.raises(ExecutorBusy) as busy:
        queue.add(request(Kind.STATISTICS))
    assert busy.value.waiting == QUERIES_WAITING_MAX
    for _ in range(BLOCKS_WAITING_MAX):
        queue.add(request(Kind.EXECUTE))
    with pytest.raises(ExecutorBusy):
        queue.add(request(Kind.APPLY))


async def test_what_was_under_way_is_sent_again_in_its_order() -> None:
    queue = RequestQueue()
    kinds = [Kind.EXECUTE, Kind.APPLY, Kind.REPLAY, Kind.VIEW]
    for kind in [*kinds, Kind.PROOF]:
        queue.add(request(kind))
    assert sent(queue) == kinds
    assert queue.died() == []
    assert sent(queue) == kinds
    assert [one.attempts for one in queue.under_way] == [1, 0, 0, 0]


async def test_only_the_first_in_line_is_taken_for_the_cause() -> None:
    queue = RequestQueue()
    block, query = request(Kind.EXECUTE), request(Kind.VIEW)
    queue.add(block)
    queue.add(query)
    for _ in range(ATTEMPTS_MAX - 1):
        sent(queue)
        assert queue.died() == []
    sent(queue)
    assert queue.died() == [block]
    sent(queue)
    assert queue.died() == [query]
    assert queue.died() == []


async def test_a_caller_who_gave_up_is_passed_over() -> None:
    queue = RequestQueue()
    first, second = request(Kind.VIEW), request(Kind.PROOF)
    queue.add(first)
    queue.add(second)
    first.future.cancel()
    assert sent(queue) == [Kind.PROOF]
    assert list(queue.drain()) == [second]
    assert sent(queue) == []


async def test_a_query_that_waited_too_long_is_refused_when_its_turn_would_come() -> None:
    queue = RequestQueue()
    late, cancelled, good = request(Kind.VIEW), request(Kind.VIEW), request(Kind.PROOF)
    good.since = 0.1
    for one in (late, cancelled, good):
        queue.add(one)
    cancelled.future.cancel()
    assert queue.next(QUERY_SECONDS_WAITING_MAX + 0.05) is good
    with pytest.raises(ExecutorBusy, match=r"waited for 5\.0 s"):
        await late.future


async def test_blocks_are_never_too_late() -> None:
    queue = RequestQueue()
    block = request(Kind.EXECUTE)
    queue.add(block)
    assert queue.next(1_000.0) is block


async def test_without_blame_nothing_is_given_up() -> None:
    queue = RequestQueue(2)
    queries = [request(Kind.VIEW) for _ in range(3)]
    for one in queries:
        queue.add(one)
    for _ in range(ATTEMPTS_MAX + 1):
        assert sent(queue) == [Kind.VIEW] * 2
        assert queue.died(blame=False) == []
    assert sent(queue) == [Kind.VIEW] * 2
    assert queue.died() == queries[:1]
    assert sent(queue) == [Kind.VIEW] * 2
    assert list(queue.under_way) == queries[1:]
