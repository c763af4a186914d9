"""A node that joins answers for its condition alone: nothing of the ledger is served, not even an empty list."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

import pytest
from api_fake_node import FakeNode, fake_genesis
from api_support import Api, check_schema, serving

from api.ports import CatchUpStatus, Lacking, PeerStatus
from assembly.joining_view import JoiningView
from chain.types import Height

PROGRESS = CatchUpStatus(
    "state", Height(7), Height(90), 512, 2048, "bytes", 128.0, 12.0, ("node-2",), (("node-3", "lied: chunk 4"),)
)
READS = (
    "/v1/blocks",
    "/v1/blocks/raw?from=1",
    "/v1/blocks/1",
    "/v1/blocks/latest",
    "/v1/transactions",
    f"/v1/transactions/{'00' * 32}",
    "/v1/events",
    "/v1/contracts",
    "/v1/state/bank",
    "/v1/organisations",
    "/v1/validators",
)


def view() -> JoiningView:
    peers = (PeerStatus("node-2", "127.0.0.1:7002", True, Height(90)),)
    return JoiningView(
        "node-1",
        fake_genesis(),
        "the state is of block 7, and blocks 8 to 90 after it are not held",
        lambda: peers,
        lambda: PROGRESS,
        lambda: Lacking(((Height(8), Height(90)),)),
        lambda: replace(FakeNode().detail(), phase="joining", consensus=None, pool=None, helpers=None),
    )


@pytest.fixture
async def joining() -> AsyncIterator[Api]:
    async with serving(cast(FakeNode, view())) as api:
        yield api


@pytest.mark.parametrize("path", READS)
async def test_nothing_of_the_ledger_is_served(joining: Api, path: str) -> None:
    problem = await joining.problem("GET", path, "not_ready")
    assert problem.json is not None
    assert "blocks 8 to 90" in problem.json["detail"] and "512 of 2048 bytes" in problem.json["detail"]


async def test_what_it_knows_is_told_without_what_only_a_running_node_knows(joining: Api) -> None:
    status = await joining.get("/v1/network/status")
    check_schema(status.json, "NetworkStatus")
    assert (status.json["phase"], status.json["consensus"], status.json["node"]["ready"]) == ("joining", None, False)


async def test_it_says_how_far_it_is(joining: Api) -> None:
    assert (await joining.get("/livez")).status == 200
    ready = await joining.problem("GET", "/readyz?verbose=true", "not_ready")
    network = await joining.get("/v1/network")
    check_schema(network.json, "Network")
    for node in (ready.json, network.json["node"]):
        assert node is not None
        check_schema(node["catch_up"], "CatchUp")
        assert node["catch_up"]["phase"] == "state" and node["catch_up"]["remaining_seconds"] == 12.0
        assert node["lacking"] == {"blocks": [{"first": 8, "last": 90}], "versions_until": None}
    assert network.json["node"]["height"] == 7 and not network.json["node"]["ready"]
