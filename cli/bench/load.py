"""An open loop: transactions that were signed beforehand are sent at their intended times, whatever comes back.

Latency counts from the intended time to the certified receipt, so that a slow answer cannot hide the ones that it keeps
waiting. A transaction counts only when the receipt says that it succeeded; everything else is counted by what was said.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import field
from typing import Any, Final

import aiohttp

from chain.encoding import encode
from chain.transaction import Transaction
from chain.values import dataclass

ANSWER_SECONDS_MAX: Final = 30
"""How long a node may keep a request waiting for commitment; it answers 202 then."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a load is offered."""

    rate: float
    """Transactions a second."""
    batch: int
    """Transactions in one request."""
    grace_seconds: float = 2.0
    """Answers count as in time until so long after the last intended time."""


@dataclass(slots=True)
class LoadOutcome:
    """What came back."""

    sent: int = 0
    seconds: float = 0.0
    """From the first intended time to the last answer."""
    in_time: int = 0
    """Committed and successful before the grace was over."""
    latencies_ms: list[float] = field(default_factory=list)
    """Of everything that was committed and successful."""
    other: Counter[str] = field(default_factory=Counter)
    """Transactions with another outcome, by what was said of them."""
    backlog_half: int = 0
    """Transactions that were sent and not answered when half of the load had been sent."""
    backlog_end: int = 0
    """The same when all of it had been sent."""
    cpu_seconds: float = 0.0
    """Processor time that the generator itself used while it sent."""

    @property
    def committed(self) -> int:
        """Transactions that were committed and successful."""
        return len(self.latencies_ms)


async def offer(transactions: Sequence[Transaction], pace: Pace, apis: Sequence[str]) -> LoadOutcome:
    """Send transactions to nodes in turn at a constant rate, and wait for every answer."""
    outcome = LoadOutcome(sent=len(transactions))
    bodies = [_body(transactions[first : first + pace.batch]) for first in range(0, len(transactions), pace.batch)]
    cpu_before = time.process_time()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        started = time.perf_counter()
        deadline = started + len(transactions) / pace.rate + pace.grace_seconds

        answered = 0

        async def send(body: bytes, size: int, intended: float, api: str) -> None:
            nonlocal answered
            succeeded = await submit(session, api, body, size, outcome.other)
            answered += size
            now = time.perf_counter()
            outcome.latencies_ms.extend([(now - intended) * 1000] * succeeded)
            if now <= deadline:
                outcome.in_time += succeeded

        async with asyncio.TaskGroup() as tasks:
            for number, body in enumerate(bodies):
                intended = started + number * pace.batch / pace.rate
                await asyncio.sleep(max(0.0, intended - time.perf_counter()))
                size = min(pace.batch, len(transactions) - number * pace.batch)
                tasks.create_task(send(body, size, intended, apis[number % len(apis)]))
                if number == len(bodies) // 2:
                    outcome.backlog_half = number * pace.batch + size - answered
            outcome.backlog_end = len(transactions) - answered
        outcome.seconds = time.perf_counter() - started
    outcome.cpu_seconds = time.process_time() - cpu_before
    return outcome


async def submit(session: aiohttp.ClientSession, api: str, body: bytes, size: int, other: Counter[str]) -> int:
    """Submit a request of so many transactions, wait for their commitment, and return how many succeeded."""
    headers = {"Content-Type": "application/msgpack", "Accept": "application/json"}
    url = f"{api}/v1/transactions?wait=committed&timeout={ANSWER_SECONDS_MAX}"
    try:
        async with session.post(url, data=body, headers=headers) as response:
            answer = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        other[type(error).__name__] += size
        return 0
    return count_outcomes(answer, response.status, size, other)


async def offer_in_turn(transactions: Sequence[Transaction], api: str) -> Counter[str]:
    """Submit each transaction when the one before is committed; return what was said of those that did not succeed."""
    other: Counter[str] = Counter()
    async with aiohttp.ClientSession() as session:
        for transaction in transactions:
            await submit(session, api, encode(transaction.raw), 1, other)
    return other


def _body(batch: Sequence[Transaction]) -> bytes:
    raws = [transaction.raw for transaction in batch]
    return encode(raws if len(raws) > 1 else raws[0])


def count_outcomes(answer: Any, status: int, size: int, other: Counter[str]) -> int:
    """Return how many transactions of an answer succeeded, and count the others by what is said of them."""
    if status >= 400 and "transactions" not in answer:
        other[str(answer.get("code", status))] += size
        return 0
    succeeded = 0
    for entry in answer.get("transactions", [answer]):
        if entry.get("status") == "committed" and entry["receipt"]["code"] is None:
            succeeded += 1
        elif entry.get("status") == "committed":
            other[entry["receipt"]["code"]] += 1
        else:
            other[str(entry.get("code") or entry.get("status"))] += 1
    return succeeded


async def lone_latencies(transactions: Sequence[Transaction], apis: Sequence[str], pause_seconds: float) -> list[float]:
    """Send transactions one at a time with pauses; return milliseconds to each certified receipt."""
    latencies: list[float] = []
    other: Counter[str] = Counter()
    async with aiohttp.ClientSession() as session:
        for number, transaction in enumerate(transactions):
            body = encode(transaction.raw)
            started = time.perf_counter()
            if await submit(session, apis[number % len(apis)], body, 1, other):
                latencies.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(pause_seconds)
    return latencies
