"""`tally contract` and `tally proposal` on a served ledger: a contract's whole life, and what is refused before."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from api_fake_node import FakeNode, fake_genesis
from api_support import serving
from chain_maker import seed_of
from click.testing import CliRunner, Result
from governed_chain import COUNTER_SOURCE, ELECTORATE, governed_genesis

from chain.actions import ACTIONS
from cli.errors import CliError
from cli.main import tally
from cli.proposal import ARGUMENTS
from contracts.engine.runtime import Engine
from tallystick import Wallet
from tallystick.building import local_time

SECOND = (
    COUNTER_SOURCE.replace("    count.value += step\n", "    count.value += 2 * step\n    moves.value += 1\n").replace(
        "count = Var(int, default=0)\n", "count = Var(int, default=0)\nmoves = Var(int, default=0)\n"
    )
    + '''

@migrate
def raise_to(floor: int) -> None:
    """Lift the count."""
    count.value = max(count.value, floor)
'''
)


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs `tally` on one served ledger, in a thread of its own."""

    address: str
    folder: Path

    async def __call__(self, *arguments: str, to: str = "") -> str:
        """Run a command that has to succeed and return what it printed."""
        result = await self.result(*arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    async def refused(self, *arguments: str) -> str:
        """Run a command that has to fail and return everything that it said."""
        result = await self.result(*arguments)
        assert isinstance(result.exception, CliError), result.output
        return f"{result.output}{result.exception}"

    async def result(self, *arguments: str) -> Result:
        named = [str(self.folder / f"{item[3:]}.key") if item.startswith("as:") else item for item in arguments]
        keys = [part for item in named for part in (("--as", item) if item.endswith(".key") else (item,))]
        command = [*keys, "--url", self.address, "--dir", str(self.folder / "no-cluster")]
        return await asyncio.to_thread(CliRunner().invoke, tally, command)

    def file(self, name: str, source: str) -> str:
        path = self.folder / name
        path.write_text(source, encoding="utf-8")
        return str(path)


@pytest.fixture
def consortium(tmp_path: Path) -> Callable[..., FakeNode]:
    """Make a node of four organisations that decide by three votes, and the key files of their administrators."""
    for organisation in (*ELECTORATE, "omega"):
        Wallet(seed_of(f"{organisation}.admin")).save(tmp_path / f"{organisation}.key")

    def make(**governance: Any) -> FakeNode:
        governed, base = governed_genesis(**governance), fake_genesis()
        organisations = tuple(
            sorted((*governed.organisations, base.organisations[0]), key=lambda it: it.organisation_id)
        )
        members = (*governed.members, *base.members[:1])
        parts: dict[str, Any] = {"governance": governed.governance, "contracts": governed.contracts}
        genesis = replace(base, organisations=organisations, members=members, **parts)
        return FakeNode(genesis=genesis, runtime=Engine(), now=local_time())

    return make


@pytest.fixture
async def run(consortium: Callable[..., FakeNode], tmp_path: Path) -> AsyncIterator[Commands]:
    async with serving(consortium()) as api:
        yield Commands(api.server.address, tmp_path)


async def test_the_whole_life_of_a_contract(run: Commands) -> None:
    first, second = run.file("first.py", COUNTER_SOURCE), run.file("second.py", SECOND)
    opened = await run("contract", "deploy", "tally", first, "3", "as:alpha")
    assert "value 1" in opened and "proposal 1 has 1 of 2 approvals" in opened
    assert "ContractDeployed" in await run("proposal", "approve", "1", "as:beta")
    opened = await run("contract", "upgrade", "tally", second, "10", "as:alpha", "--reason", "faster")
    assert "added: storage moves: a new Var" in opened and "proposal 2 has 1 of 3 approvals" in opened
    shown = await run("proposal", "show", "2")
    for line in (
        "proposal 2: upgrade tally",
        "reason: faster",
        "arguments of @migrate: [10]",
        "status: open",
        "approved by: alpha",
    ):
        assert line in shown
    assert "+    count.value += 2 * step" in shown and "storage: it only grows" in shown
    assert "alpha" in await run("proposal", "list")
    votes = await run("proposal", "approve", "2", "as:beta", "as:gamma", "as:delta")
    assert "proposal 2 has 2 of 3 approvals" in votes and "ContractUpgraded" in votes
    assert (await run("query", "view", "tally", "current")).strip() == "10"
    assert "status: carried_out in block" in await run("proposal", "show", "2")
    await run("contract", "freeze", "tally", "as:beta")
    assert "ContractFrozen" in await run("proposal", "approve", "3", "as:gamma")
    assert "contract_frozen" in await run.refused("tx", "send", "tally", "add", "1", "as:omega")
    shown = await run("contract", "show", "tally")
    assert "contract tally, version 2, FROZEN" in shown and "deployed by alpha.admin in block" in shown
    assert "@call add(step: int) -> int" in shown and "moves: Var(int) = 0" in shown
    assert "+moves = Var(int, default=0)" in await run("contract", "diff", "tally")


async def test_calls_are_checked_before_they_are_sent(consortium: Any, tmp_path: Path) -> None:
    async with serving(consortium(deployment_approvals_required=1)) as api:
        run = Commands(api.server.address, tmp_path)
        await run("contract", "deploy", "tally", run.file("first.py", COUNTER_SOURCE), "3", "as:alpha")
        methods = await run("tx", "send", "tally")
        assert "@call add(step: int) -> int" in methods and "current" not in methods
        assert "@view current() -> int" in await run("query", "view", "tally")
        height = api.node.ledger.head.height
        refused = await run.refused("tx", "send", "tally", "add", "step=much", "as:omega")
        assert "tally.add: step: expected int, not 'much'" in refused and "add(step: int) -> int" in refused
        assert "did you mean add?" in await run.refused("tx", "send", "tally", "ad", "1", "as:omega")
        assert "it is queried, not sent" in await run.refused("tx", "send", "tally", "current", "as:omega")
        assert "there is no contract telly" in await run.refused("tx", "send", "telly", "add", "1", "as:omega")
        assert api.node.ledger.head.height == height, "nothing of this was sent"
        assert "value 5" in await run("tx", "send", "tally", "add", "step=2", "as:omega")


async def test_a_dry_run_checks_everything_and_sends_nothing(consortium: Any, tmp_path: Path) -> None:
    async with serving(consortium(deployment_approvals_required=1)) as api:
        run = Commands(api.server.address, tmp_path)
        first, second = run.file("first.py", COUNTER_SOURCE), run.file("second.py", SECOND)
        shown = await run("contract", "deploy", "tally", first, "3", "as:alpha", "--dry-run")
        assert f"call system.deploy[tally, ({len(COUNTER_SOURCE)} characters), [3]]" in shown
        assert "nothing was submitted" in shown and api.node.ledger.head.height == 0
        assert "1 argument" not in shown and "given, but" in await run.refused(
            "contract", "deploy", "tally", first, "as:alpha", "-n"
        )
        await run("contract", "deploy", "tally", first, "3", "as:alpha")
        taken = await run.refused("contract", "deploy", "tally", first, "3", "as:alpha", "--dry-run")
        assert "the name tally is taken (contract_exists)" in taken
        document = json.loads(await run("tx", "send", "tally", "add", "step=2", "as:omega", "--dry-run", "--json"))
        assert document["submitted"] is False and document["calls"] == [
            {"contract": "tally", "method": "add", "args": [{"int": "2"}]}
        ]
        assert document["sender_key"] == Wallet.load(tmp_path / "omega.key").public_key.hex()
        assert document["gas_limit"] > 100_000 and document["bytes"] > 100
        assert "expected int" in await run.refused("tx", "send", "tally", "add", "much", "as:omega", "--dry-run")
        for verb in (["upgrade", "tally", second, "10"], ["freeze", "tally"], ["unfreeze", "tally"]):
            assert "call system.propose" in await run("contract", *verb, "as:alpha", "--dry-run")
        assert api.node.ledger.head.height == 1, "nothing but the deployment was sent"
        assert "no proposals" in await run("proposal", "list", "--all")
        await run("contract", "freeze", "tally", "as:alpha")
        await run("proposal", "approve", "1", "as:beta")
        frozen = await run.refused("tx", "send", "tally", "add", "step=2", "as:omega", "--dry-run")
        assert "tally is frozen" in frozen and "contract_frozen" in frozen


async def test_where_one_approval_is_enough_no_proposal_is_made(consortium: Any, tmp_path: Path) -> None:
    async with serving(consortium(deployment_approvals_required=1)) as api:
        run = Commands(api.server.address, tmp_path)
        text = await run("contract", "deploy", "tally", run.file("first.py", COUNTER_SOURCE), "3", "as:alpha")
        assert "ContractDeployed" in text and "Proposal" not in text
        assert "no proposals" in await run("proposal", "list", "--all")


async def test_an_upgrade_is_checked_before_anything_is_sent(run: Commands) -> None:
    renamed = COUNTER_SOURCE.replace("count = Var", "total = Var").replace("count.", "total.")
    cases: list[tuple[str, list[str], str]] = [
        (COUNTER_SOURCE, [], "is the source of counter@1"),
        (renamed, [], "line 1: storage_removed: count"),
        (COUNTER_SOURCE.replace("default=0", "default=1"), [], "line 3: storage_default: count"),
        (SECOND, [], "0 arguments given, but its @migrate takes floor: int"),
        (SECOND, ["many"], "floor: int of its @migrate does not take many: expected int, not str"),
        (SECOND, [str(2**64)], "integer"),
        (COUNTER_SOURCE + "\n", ["5"], "1 argument given, but it has no @migrate"),
        ("import os\n", [], "is not a contract"),
    ]
    for number, (source, args, expected) in enumerate(cases):
        path = run.file(f"case{number}.py", source)
        said = await run.refused("contract", "upgrade", "counter", path, *args, "as:alpha")
        assert expected in said, said
    assert "no proposals" in await run("proposal", "list", "--all")


async def test_what_does_not_exist_is_named(run: Commands) -> None:
    source = run.file("first.py", COUNTER_SOURCE)
    assert "there is no contract other" in await run.refused("contract", "upgrade", "other", source, "as:alpha")
    assert "there is no contract other" in await run.refused("contract", "show", "other")
    assert "with a version 7" in await run.refused("contract", "show", "counter@7")
    assert "NAME@VERSION" in await run.refused("contract", "show", "counter@seven")
    assert "cannot name a contract" in await run.refused("contract", "freeze", "No", "as:alpha")
    assert "is the first version" in await run.refused("contract", "diff", "counter")
    assert "there is no proposal 1" in await run.refused("proposal", "show", "1")
    assert "there is no proposal 1" in await run.refused("proposal", "approve", "1", "as:alpha")


async def test_refused_votes_say_why(run: Commands) -> None:
    await run("contract", "freeze", "counter", "as:alpha")
    assert "vote_unchanged" in await run.refused("proposal", "approve", "1", "as:alpha")
    assert "not_authorised" in await run.refused("proposal", "approve", "1", "as:omega")
    assert "no_vote" in await run.refused("proposal", "withdraw", "1", "as:beta")
    assert "value open" in await run("proposal", "reject", "1", "as:beta")
    assert "value withdrawn" in await run("proposal", "withdraw", "1", "as:alpha")
    assert "proposal_closed" in await run.refused("proposal", "approve", "1", "as:gamma")
    assert "not_frozen" in await run.refused("contract", "unfreeze", "counter", "as:alpha")


async def test_what_others_wrote_cannot_move_the_cursor(run: Commands) -> None:
    await run("contract", "freeze", "counter", "as:alpha", "--reason", "fine\x1b[2K\rstatus: \u202ecarried_out")
    shown = await run("proposal", "show", "1")
    assert "reason: fine\\x1b[2K\\rstatus: \\u202ecarried_out\n" in shown
    source = run.file("doc.py", COUNTER_SOURCE.replace("Counts.", "Counts.\\x1b[2K"))
    assert "\x1b" not in await run("contract", "show", source)


async def test_json_for_programs(run: Commands) -> None:
    second = run.file("second.py", SECOND)
    receipt = json.loads((await run.result("contract", "upgrade", "counter", second, "9", "as:alpha", "--json")).stdout)
    assert receipt["values"] == [{"int": "1"}]
    (listed,) = json.loads(await run("proposal", "list", "--json"))["proposals"]
    shown = json.loads(await run("proposal", "show", "1", "--json"))
    assert listed.items() <= shown.items()
    assert (listed["action"], listed["status"], listed["approvals_required"]) == ("upgrade", "open", 3)
    assert shown["args"][:2] == ["counter", {"int": "2"}]
    compared = json.loads(await run("contract", "diff", "counter", second, "--json"))
    assert compared["obstacles"] == [] and compared["same"] is False
    assert compared["changes"] == [{"weight": "added", "subject": "storage moves", "detail": "a new Var"}]
    described = json.loads(await run("contract", "show", "counter", "--json"))
    assert (described["version"], described["deployer"], described["frozen"]) == (1, "genesis", False)
    assert [method["name"] for method in described["abi"]["methods"]] == ["setup", "add", "current"]


async def test_files_are_compared_without_a_ledger(tmp_path: Path) -> None:
    run = Commands("http://127.0.0.1:9", tmp_path)
    first, second = run.file("first.py", COUNTER_SOURCE), run.file("second.py", SECOND)
    assert "same" in await run("contract", "diff", first, first)
    shrunk = await run("contract", "diff", second, first)
    assert "this is not growth" in shrunk and "storage_removed: moves" in shrunk
    text = await run("contract", "show", second)
    assert "@migrate raise_to(floor: int)\n    Lift the count." in text


def test_every_action_has_names_for_its_arguments() -> None:
    assert set(ARGUMENTS) == set(ACTIONS)


async def test_a_proven_absence_is_an_answer_and_no_id_a_wrong_use(run: Commands) -> None:
    await run("contract", "deploy", "tally", run.file("first.py", COUNTER_SOURCE), "3", "as:alpha")
    command = ("query", "state", "system", "member", "nobody")
    assert "its absence is proven at height" in await run(*command)
    assert json.loads(await run(*command, "--json"))["found"] is False
    for wrong in ("xy", "ab" * 31, "ab" * 33):
        assert "is no transaction id of 64 hexadecimal digits" in await run.refused("tx", "show", wrong)
