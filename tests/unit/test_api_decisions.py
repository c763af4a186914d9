"""Versions of contracts and proposals over HTTP, as the state has them after real votes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from api_fake_node import ALICE, BOB, FakeNode, fake_genesis, make_transaction
from api_support import Api, check_schema, serving

from chain.crypto import public_key_of
from chain.genesis import GenesisMember
from chain.identity import source_hash
from chain.types import Milliseconds


def voting_node() -> FakeNode:
    """Return a node whose two organisations both decide, two votes being needed for everything but freezing."""
    genesis = fake_genesis()
    governance = replace(genesis.governance, electorate=("acme", "zenith"), approvals_required=2)
    members = (genesis.members[0], GenesisMember("zenith.bob", public_key_of(BOB), ("administrator",)))
    return FakeNode(genesis=replace(genesis, governance=governance, members=members))


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    node = voting_node()
    async with serving(node) as served:
        yield served


async def system(api: Api, method: str, *args: Any, seed: bytes = ALICE) -> None:
    node = api.node
    call = ("system", method, args)
    made = make_transaction(call, seed=seed, nonce=len(node.submitted), genesis=node.genesis, gas_limit=100_000)
    (submission,) = await node.submit([made.raw])
    assert submission.transaction_id is not None, submission


async def test_versions_of_a_contract(api: Api) -> None:
    for version in (2, 3):
        await system(api, "propose", "upgrade", ["bank", version, f"source {version}", []], "")
        await system(api, "approve", version - 1, seed=BOB)
    current = (await api.get("/v1/contracts/bank")).json
    assert (current["version"], current["source"]) == (3, "source 3")
    check_schema(current, "Contract")
    page = await api.get("/v1/contracts/bank/versions?limit=2")
    assert [entry["version"] for entry in page.json["versions"]] == [1, 2]
    assert page.json["next"] is not None and 'rel="next"' in page.headers["Link"]
    rest = await api.get(f"/v1/contracts/bank/versions?limit=2&cursor={page.json['next']}")
    assert [(entry["version"], entry["deployer"]) for entry in rest.json["versions"]] == [(3, "acme.alice")]
    assert rest.json["next"] is None
    check_schema(rest.json["versions"][0], "ListedVersion")
    first = (await api.get("/v1/contracts/bank/versions/1")).json
    check_schema(first, "ContractVersion")
    assert (first["source"], first["deployer"]) == ("the source of bank", "genesis")
    assert first["source_hash"] == source_hash("the source of bank").hex()
    await api.problem("GET", "/v1/contracts/bank/versions/4", "unknown_version")
    await api.problem("GET", "/v1/contracts/bank/versions/0", "unknown_version")
    await api.problem("GET", "/v1/contracts/bank/versions/one", "unknown_version")
    await api.problem("GET", "/v1/contracts/other/versions", "unknown_contract")
    await api.problem("GET", "/v1/contracts/bank/versions?cursor=x", "invalid_parameter")


async def test_a_proposal_from_its_opening_to_its_end(api: Api) -> None:
    await system(api, "propose", "unfreeze", ["bank"], "too early")
    await api.problem("GET", "/v1/proposals/1", "unknown_proposal")
    await system(api, "propose", "upgrade", ["bank", 2, "source 2", [7]], "a new source")
    opened = await api.get("/v1/proposals/1")
    check_schema(opened.json, "Proposal")
    assert opened.json["status"] == "open" and opened.json["decided_height"] is None
    assert opened.json["args"] == ["bank", {"int": "2"}, "source 2", [{"int": "7"}]]
    assert (opened.json["reason"], opened.json["approvals_required"]) == ("a new source", 2)
    assert [vote["member"] for vote in opened.json["votes"]] == ["acme.alice"]
    assert opened.headers["X-Ledger-Height"] == "2"
    await system(api, "approve", 1, seed=BOB)
    decided = (await api.get("/v1/proposals/1")).json
    assert (decided["status"], decided["decided_height"]) == ("carried_out", 3)
    for path in ("0", "2", "x", "-1", "1" * 30):
        await api.problem("GET", f"/v1/proposals/{path}", "unknown_proposal")


async def test_proposals_are_listed_newest_first_and_filtered(api: Api) -> None:
    for version in (2, 3, 4):
        await system(api, "propose", "upgrade", ["bank", version, f"source {version}", []], "")
    await system(api, "withdraw", 2)
    listing = (await api.get("/v1/proposals")).json
    assert [entry["number"] for entry in listing["proposals"]] == [3, 2, 1]
    assert listing["next"] is None
    check_schema(listing["proposals"][0], "ListedProposal")
    assert "args" not in listing["proposals"][0]
    page = (await api.get("/v1/proposals?limit=2")).json
    assert [entry["number"] for entry in page["proposals"]] == [3, 2]
    rest = (await api.get(f"/v1/proposals?limit=2&cursor={page['next']}")).json
    assert ([entry["number"] for entry in rest["proposals"]], rest["next"]) == ([1], None)
    opened = (await api.get("/v1/proposals?status=open")).json["proposals"]
    assert [entry["number"] for entry in opened] == [3, 1]
    await api.problem("GET", "/v1/proposals?status=undecided", "invalid_parameter")
    await api.problem("GET", "/v1/proposals?cursor=0", "invalid_parameter")


async def test_a_proposal_whose_time_has_passed_is_shown_as_expired(api: Api) -> None:
    await system(api, "propose", "upgrade", ["bank", 2, "source 2", []], "")
    api.node.now = Milliseconds(api.node.now + 60_001)
    await system(api, "revoke_member", b"nobody")
    assert (await api.get("/v1/proposals/1")).json["status"] == "expired"
    assert [entry["number"] for entry in (await api.get("/v1/proposals?status=expired")).json["proposals"]] == [1]
    assert (await api.get("/v1/proposals?status=open")).json["proposals"] == []
