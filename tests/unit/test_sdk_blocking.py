"""The synchronous client, in a thread of its own beside a server."""

import asyncio
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pytest
from api_fake_node import ALICE, START, FakeNode, fake_genesis
from api_support import serving

import tallystick
from chain.types import Milliseconds
from tallystick import Client, EvaluateError, Receipt, TransactionFailed, Wallet, call

T = TypeVar("T")
WALLET = Wallet(ALICE)


async def with_client(use: Callable[[Client], T]) -> T:
    """Serve a fake node and use a blocking client of it in another thread."""

    def run(address: str) -> T:
        hash_ = fake_genesis().genesis_hash.hex()
        with Client(address, genesis_hash=hash_, clock=lambda: Milliseconds(START + 1_000)) as client:
            return use(client)

    async with serving(FakeNode()) as api:
        return await asyncio.to_thread(run, api.server.address)


async def test_everything_once() -> None:
    def use(client: Client) -> None:
        assert client.anchored
        assert client.chain_id() == client.genesis().genesis_hash
        receipt = client.submit(WALLET, call("bank", "deposit", "a", 5))
        assert client.evaluate("bank", "balance", "a") == 5
        assert client.state("bank", "balances", "a").value == 5
        assert client.proof(receipt.transaction_id).receipt == receipt
        assert client.block(1).receipts == (receipt,)
        transaction = client.submit_async(WALLET, call("bank", "deposit", "a", 6))
        assert client.status(transaction.transaction_id).status == "committed"
        first, _ = client.submit_many([transaction, client.prepare(WALLET, call("bank", "close", "a"))])
        assert isinstance(first, Receipt)
        assert first.height == 2
        assert client.read("/v1/blocks/latest")["height"] == 3
        assert [event.name for event in islice(client.events(), 3)] == ["Deposited", "Deposited", "Closed"]
        assert [block.certified.header.height for block in islice(client.blocks(1), 2)] == [2, 3]

    await with_client(use)


async def test_errors_come_through() -> None:
    def use(client: Client) -> None:
        with pytest.raises(TransactionFailed):
            client.submit(WALLET, call("bank", "deposit", "a", 0))
        with pytest.raises(EvaluateError):
            client.evaluate("bank", "nothing")

    await with_client(use)


def test_every_name_of_the_package_is_there() -> None:
    for name in tallystick.__all__:
        assert getattr(tallystick, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tallystick.nothing


def test_both_clients_have_the_same_methods() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(Client) == public(tallystick.AsyncClient)


def test_the_package_says_that_it_is_typed() -> None:
    assert tallystick.__file__ is not None
    assert (Path(tallystick.__file__).parent / "py.typed").exists()
