"""Contracts in force and decisions, read by the client and verified; and the calls that make decisions."""

from collections.abc import Callable
from typing import Any

import pytest
from api_fake_node import FakeNode
from test_sdk_client import WALLET, connected

from chain.identity import source_hash
from tallystick import ApiError, AsyncClient, VerificationError, decisions
from tallystick.decisions import propose_upgrade


async def upgraded(client: AsyncClient, *sources: str) -> None:
    for number, source in enumerate(sources):
        await client.submit(WALLET, propose_upgrade("bank", number + 2, source, reason=f"number {number}"))


async def test_a_contract_and_its_versions() -> None:
    async with connected(FakeNode()) as (client, _):
        await upgraded(client, "second", "third")
        current = await client.contract_source("bank")
        assert current is not None and (current.source, current.frozen) == ("third", False)
        assert (current.version.version, current.version.deployer) == (3, "acme.alice")
        first = await client.contract_source("bank", 1)
        assert first is not None and (first.source, first.frozen) == ("the source of bank", None)
        assert first.version.source_hash == source_hash("the source of bank")
        assert await client.contract_source("bank", 4) is None
        assert await client.contract_source("nothing") is None


async def test_proposals_newest_first() -> None:
    async with connected(FakeNode()) as (client, _):
        await upgraded(client, *(f"source {number}" for number in range(4)))
        assert [proposal.number for proposal in await client.proposals(3)] == [4, 3, 2]
        assert len(await client.proposals(9)) == 4
        found = await client.proposal(2)
        assert found is not None and found.motion.args == ("bank", 3, "source 1", [])
        assert (found.motion.reason, found.proposal.status) == ("number 1", "carried_out")
        assert await client.proposal(5) is None


async def test_without_proposals_the_listing_is_empty() -> None:
    node = FakeNode()
    async with connected(node) as (client, _):
        with pytest.raises(ApiError, match="not_certified"):
            await client.proposals()
        await node.commit()
        assert await client.proposals() == []


async def test_a_source_that_its_hash_does_not_name_is_refused() -> None:
    async def state(contract: str, *key: Any) -> Any:
        found = await client.state(contract, *key)
        return type(found)("another source", True, 1, 1) if key[0] == "source" else found

    node = FakeNode()
    async with connected(node) as (client, _):
        await node.commit()
        with pytest.raises(VerificationError):
            await decisions.read_contract(state, "bank", None)


CALLS: list[tuple[Callable[..., Any], tuple[Any, ...], str, tuple[Any, ...]]] = [
    (decisions.deploy, ("token", "source", 1, "a"), "deploy", ("token", "source", [1, "a"])),
    (decisions.propose, ("freeze", "token"), "propose", ("freeze", ["token"], "")),
    (decisions.propose_deployment, ("t", "s", (1,)), "propose", ("deploy", ["t", "s", [1]], "")),
    (decisions.propose_upgrade, ("t", 2, "s"), "propose", ("upgrade", ["t", 2, "s", []], "")),
    (decisions.propose_freeze, ("t",), "propose", ("freeze", ["t"], "")),
    (decisions.propose_unfreeze, ("t",), "propose", ("unfreeze", ["t"], "")),
    (decisions.approve, (7,), "approve", (7,)),
    (decisions.reject, (7,), "reject", (7,)),
    (decisions.withdraw, (7,), "withdraw", (7,)),
]


@pytest.mark.parametrize(("build", "args", "method", "expected"), CALLS)
def test_calls(build: Callable[..., Any], args: tuple[Any, ...], method: str, expected: tuple[Any, ...]) -> None:
    call = build(*args)
    assert (call.contract, call.method, call.args) == ("system", method, expected)
