"""A contract's life on real nodes, told by the command line: deployed, replaced with a migration, frozen, audited."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from cluster_support import Cluster, tally

pytestmark = pytest.mark.cluster

FIRST = '''"""Counts orders."""

orders = Var(int, default=0)


@call
def order(count: int) -> int:
    """Add orders and return how many there are."""
    require(count > 0, "count_not_positive")
    orders.value += count
    return orders.value


@view
def ordered() -> int:
    return orders.value
'''
SECOND = (
    FIRST.replace("orders = Var(int, default=0)\n", "orders = Var(int, default=0)\nlots = Var(int, default=0)\n")
    + '''

@migrate
def into_lots(lot: int) -> None:
    """Count what there is in lots."""
    lots.value = orders.value // lot


@view
def lots_ordered() -> int:
    return lots.value
'''
)
ADMINISTRATORS = [f"{name}.admin" for name in ("bsp", "cityclinic", "clearbank", "fxhouse", "healthauth")]


def opened(text: str, approvals: int) -> str:
    """Return the number of the proposal that a command says it has opened."""
    found = re.search(rf"proposal (\d+) has 1 of {approvals} approvals", text)
    assert found is not None, text
    return found[1]


async def test_deploy_upgrade_and_freeze(cluster: Cluster, tmp_path: Path) -> None:
    """Every command is a user's; in the end all nodes agree and an auditor reproduces all of it."""
    place = ("--dir", str(cluster.layout.folder))

    async def run(*arguments: str) -> str:
        return (await asyncio.to_thread(tally, *arguments, *place)).stdout

    def as_administrators(count: int) -> list[str]:
        return [part for name in ADMINISTRATORS[:count] for part in ("--as", name)]

    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text(FIRST, encoding="utf-8")
    second.write_text(SECOND, encoding="utf-8")
    deployed = await run("contract", "deploy", "orders", str(first), "--as", "brightvax.admin")
    assert "ContractDeployed" in deployed, "genesis lets each organisation of the electorate deploy alone"
    await run("tx", "send", "orders", "order", "25", "--as", "brightvax.ops")

    number = opened(await run("contract", "upgrade", "orders", str(second), "10", "--as", "brightvax.admin"), 6)
    assert "+lots = Var(int, default=0)" in await run("proposal", "show", number)
    assert "ContractUpgraded" in await run("proposal", "approve", number, *as_administrators(5))
    assert (await run("query", "view", "orders", "lots_ordered")).strip() == "2"

    freeze = ("contract", "freeze", "orders", "--as", "brightvax.admin", "--reason", "the lots are wrong")
    number = opened(await run(*freeze), 3)
    assert "ContractFrozen" in await run("proposal", "approve", number, *as_administrators(2))
    refused = await asyncio.to_thread(
        tally, "tx", "send", "orders", "order", "1", "--as", "brightvax.ops", *place, check=False
    )
    assert refused.returncode == 1 and "contract_frozen" in refused.stderr
    assert "version 2, FROZEN" in await run("contract", "show", "orders")

    served = json.loads(await run("query", "get", "/v1/contracts/orders/abi"))
    assert served["version"] == 2 and "lots_ordered" in [method["name"] for method in served["abi"]["methods"]]
    before = json.loads(await run("query", "get", "/v1/contracts/orders/versions/1/abi"))
    assert [method["name"] for method in before["abi"]["methods"]] == ["order", "ordered"]

    await cluster.same_everywhere()
    node = cluster.nodes[0].api
    audited = await asyncio.to_thread(tally, "audit", node, "--genesis-hash", cluster.layout.chain_id)
    assert audited.returncode == 0, audited.stdout
