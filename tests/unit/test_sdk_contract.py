"""Contracts as objects, and the typed module that is written for one."""

import asyncio
import inspect
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from api_fake_node import ALICE, BANK_INTERFACE, FakeNode
from api_support import serving
from click.testing import CliRunner
from test_sdk_blocking import with_client
from test_sdk_client import WALLET, connected

import tallystick
from cli.contract_client import client_module
from cli.errors import CliError
from cli.main import tally
from contracts.engine.abi import derive_abi
from tallystick import Client, InvalidCall, TransactionFailed
from tallystick.building import local_time

LIBRARY = sorted((Path(__file__).parents[2] / "contracts" / "library").glob("[a-z]*.py"))


def loaded(text: str) -> ModuleType:
    module = ModuleType("generated")
    exec(compile(text, "generated.py", "exec"), module.__dict__)
    return module


async def test_calls_are_submitted_and_views_evaluated() -> None:
    def use(client: Client) -> None:
        bank = client.contract("bank", WALLET)
        assert bank.deposit("acme.alice", amount=5).values == (5,)
        assert bank.balance("acme.alice") == 5
        with pytest.raises(TransactionFailed, match="amount_not_positive"):
            bank.deposit("acme.alice", 0)
        noted = bank.with_options(memo="rent", gas_limit=400_000).deposit("acme.alice", 1)
        body = client.proof(noted.transaction_id).transaction.body
        assert body.memo == "rent" and 400_000 <= body.gas_limit < 410_000, "what the transaction's size costs is added"
        assert {"deposit", "balance", "invoke"} <= set(dir(bank))
        assert repr(bank) == "Contract(bank@1)"

    await with_client(use)


async def test_what_the_interface_refuses_is_not_sent() -> None:
    def use(client: Client) -> None:
        bank = client.contract("bank", WALLET)
        before = client.evaluate("bank", "balance", "acme.alice")
        with pytest.raises(AttributeError, match="did you mean deposit"):
            bank.deposits("acme.alice", 5)
        with pytest.raises(InvalidCall, match=r"bank\.deposit: amount: expected int, not str '5'"):
            bank.deposit("acme.alice", "5")
        with pytest.raises(InvalidCall, match="missing: amount"):
            bank.deposit("acme.alice")
        with pytest.raises(InvalidCall, match="bank has no method close"):
            bank.invoke("close")
        with pytest.raises(InvalidCall, match="no signer"):
            client.contract("bank").deposit("acme.alice", 5)
        assert client.evaluate("bank", "balance", "acme.alice") == before
        assert client.contract("bank").balance("acme.alice") == before

    await with_client(use)


async def test_with_an_event_loop_results_are_awaited() -> None:
    async with connected(FakeNode()) as (client, _):
        bank = await client.contract("bank", WALLET)
        receipt = await bank.deposit("acme.alice", 5)
        assert receipt.succeeded and await bank.balance("acme.alice") == 5


async def test_the_written_module_works_and_is_typed() -> None:
    module = loaded(client_module("bank@1", "Bank", derive_abi(BANK_INTERFACE)))
    hints = typing.get_type_hints(module.Bank.deposit)
    assert hints == {"account": str, "amount": int, "return": tallystick.Receipt}
    assert inspect.getdoc(module.Bank.deposit) == "Add to a balance.\n\nIt submits. Error codes: amount_not_positive."
    assert inspect.iscoroutinefunction(module.AsyncBank.balance)
    node = FakeNode(now=local_time())

    def use(address: str) -> None:
        with Client(address, genesis_hash=node.chain_id) as client:
            bank = module.Bank(client.contract("bank", tallystick.Wallet(ALICE)))
            assert bank.deposit("acme.alice", 7).succeeded
            assert bank.with_options(memo="again").deposit(account="acme.alice", amount=1).values == (8,)
            assert bank.balance("acme.alice") == 8

    async with serving(node) as api:
        await asyncio.to_thread(use, api.server.address)


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_a_module_for_each_contract_of_the_library(path: Path, tmp_path: Path) -> None:
    output = tmp_path / "generated.py"
    outcome = CliRunner().invoke(tally, ["contract", "client", str(path), "-o", str(output), "--class", "Made"])
    assert outcome.exit_code == 0, outcome.output
    module = loaded(output.read_text(encoding="utf-8"))
    abi = derive_abi(path.read_text(encoding="utf-8"))
    for method in abi["methods"]:
        if method["kind"] in ("call", "view"):
            names = list(inspect.signature(getattr(module.Made, method["name"])).parameters)
            assert names[1:] == [param["name"] for param in method["params"]]
            typing.get_type_hints(getattr(module.AsyncMade, method["name"]))


def test_words_of_a_contract_cannot_become_code() -> None:
    """Whoever deploys a contract writes its documentation, and others run the module that is made of it."""
    words = '"""\nimport os\nraise SystemExit("run")\n\\"""\\\\" \x00 \u202e """'
    abi: dict[str, Any] = dict(derive_abi(BANK_INTERFACE))
    abi["doc"] = words
    abi["methods"] = [{**method, "doc": words, "errors": ['"""', "\\"]} for method in abi["methods"]]
    module = loaded(client_module('bank"""\nimport os\n', "Bank", abi))
    assert "os" not in vars(module) and "raise SystemExit" in str(module.Bank.__doc__)


def test_names_that_cannot_stand_in_a_module() -> None:
    abi = dict(derive_abi(BANK_INTERFACE))
    for name in ("class", "two words", ""):
        with pytest.raises(CliError, match="--class"):
            client_module("bank", name, abi)
    abi["records"] = [{"name": "Bank", "version": 1, "fields": []}]
    with pytest.raises(CliError, match="Bank cannot be a name here"):
        client_module("bank", "Bank", abi)
