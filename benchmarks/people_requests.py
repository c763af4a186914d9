"""Requests, streams and the SDK at one node of a running cluster: how many, how long, at what cost."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import aiohttp

from chain.encoding import encode
from chain.transaction import Call
from chain.types import Digest
from cli.bench.figures import quantile
from cli.bench.load import Pace, offer, submit
from cli.bench.workloads import ACCOUNTS, GAS_LIMIT, SENDERS, signed_transactions
from cli.cluster_layout import ClusterLayout
from tallystick.client import AsyncClient
from tallystick.wallet import Wallet

ASKERS: Final = 16
"""Requests that are under way at once."""
SUBMISSIONS_PER_SECOND_MAX: Final = 2_000
"""Signed beforehand for the measurement of submissions."""
STREAMS_MAX: Final = 2_000
EVENT_SECONDS: Final = 30.0
SDK_TRANSACTIONS: Final = 1_000
SDK_LONE: Final = 50

Ask = Callable[[aiohttp.ClientSession, int], Any]


async def measure_requests(layout: ClusterLayout, seconds: float, rate: int) -> dict[str, dict[str, Any]]:
    """Return requests a second and latencies of each kind at the first node, while the cluster commits."""
    api = layout.nodes[0].api
    known = await _some_ids(api)
    signed = [encode(each.raw) for each in signed_transactions(layout, int(seconds * SUBMISSIONS_PER_SECOND_MAX))]
    packed = {"Content-Type": "application/msgpack"}
    kinds: dict[str, Ask] = {
        "submit": lambda session, number: session.post(
            f"{api}/v1/transactions", data=signed[number % len(signed)], headers=packed
        ),
        "status": lambda session, number: session.get(f"{api}/v1/transactions/{known[number % len(known)]}"),
        "view": lambda session, number: session.get(
            f'{api}/v1/contracts/transfer/views/balance?args=["account-{number % ACCOUNTS}"]'
        ),
    }
    return {kind: await _measured(layout, ask, seconds, rate) for kind, ask in kinds.items()}


async def _measured(layout: ClusterLayout, ask: Ask, seconds: float, rate: int) -> dict[str, Any]:
    """Ask in a closed loop while others' transactions are committed at a constant rate."""
    load = signed_transactions(layout, int(rate * seconds))
    others = [node.api for node in layout.nodes[1:]]
    offering = asyncio.create_task(offer(load, Pace(rate, max(1, rate // 20)), others))
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    numbers = itertools.count()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        started = time.perf_counter()

        async def asker() -> None:
            while time.perf_counter() < started + seconds:
                sent = time.perf_counter()
                async with ask(session, next(numbers)) as response:
                    await response.read()
                statuses[response.status] += 1
                latencies.append((time.perf_counter() - sent) * 1000)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(ASKERS):
                tasks.create_task(asker())
        taken = time.perf_counter() - started
    outcome = await offering
    return {
        "per_second": len(latencies) / taken,
        "median_ms": quantile(latencies, 0.5),
        "p99_ms": quantile(latencies, 0.99),
        "statuses": dict(statuses),
        "committed_meanwhile": outcome.committed,
        "sent_meanwhile": outcome.sent,
    }


async def _some_ids(api: str) -> list[str]:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{api}/v1/transactions?limit=200") as response:
            return [entry["id"] for entry in (await response.json())["transactions"]]


async def measure_streams(layout: ClusterLayout) -> dict[str, Any]:
    """Open streams of events until the node refuses one, then commit an event; return when all had it."""
    api = layout.nodes[0].api
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None))
        )
        held: list[aiohttp.ClientResponse] = []
        refused = None
        while refused is None and len(held) < STREAMS_MAX:
            response = await stack.enter_async_context(
                session.get(f"{api}/v1/events?contract=transfer", headers={"Accept": "text/event-stream"})
            )
            if response.status == 200:
                held.append(response)
            else:
                refused = response.status
        delays: list[float] = []

        async def heard(response: aiohttp.ClientResponse, sent: float) -> None:
            async for line in response.content:
                if line.startswith(b"data: "):
                    delays.append((time.perf_counter() - sent) * 1000)
                    return

        (transaction,) = signed_transactions(layout, 1)
        async with asyncio.timeout(EVENT_SECONDS), asyncio.TaskGroup() as tasks:
            sent = time.perf_counter()
            for response in held:
                tasks.create_task(heard(response, sent))
            other: Counter[str] = Counter()
            tasks.create_task(submit(session, layout.nodes[1].api, encode(transaction.raw), 1, other))
    return {
        "held": len(held),
        "the_next_one_got": refused,
        "median_ms_from_submission": quantile(delays, 0.5),
        "last_ms_from_submission": max(delays, default=float("nan")),
    }


async def measure_sdk(layout: ClusterLayout) -> dict[str, float]:
    """Return what the SDK's own process spends on a transaction, in microseconds of processor time."""
    wallet = Wallet.load(layout.party_key(f"{SENDERS[0]}.ops"))
    call = Call("transfer", "transfer", ("account-0", 1))
    found: dict[str, float] = {}
    async with _client(layout, verify=True) as client:
        started = time.process_time()
        signed = [await client.prepare(wallet, call, gas_limit=GAS_LIMIT) for _ in range(2 * SDK_TRANSACTIONS)]
        found["build_and_sign"] = _per(started, len(signed))
        started = time.process_time()
        await client.submit_many(signed[:SDK_TRANSACTIONS])
        found["batch_verified"] = _per(started, SDK_TRANSACTIONS)
        started = time.process_time()
        for _ in range(SDK_LONE):
            await client.submit(wallet, call, gas_limit=GAS_LIMIT)
        found["lone_verified"] = _per(started, SDK_LONE)
    async with _client(layout, verify=False) as client:
        started = time.process_time()
        await client.submit_many(signed[SDK_TRANSACTIONS:])
        found["batch_unverified"] = _per(started, SDK_TRANSACTIONS)
    return found


@asynccontextmanager
async def _client(layout: ClusterLayout, *, verify: bool) -> AsyncIterator[AsyncClient]:
    genesis_hash = Digest(bytes.fromhex(layout.chain_id))
    async with AsyncClient(layout.nodes[0].api, genesis_hash=genesis_hash, verify=verify) as client:
        yield client


def _per(started: float, count: int) -> float:
    return (time.process_time() - started) * 1e6 / count
