"""`tally prove` and `tally verify` as a person uses them: against a served node, then offline."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from api_support import Api, serving
from click.testing import CliRunner, Result
from proof_support import UETR, VIAL, proof_genesis, proof_ledger

from chain.genesis import genesis_to_json
from cli.errors import CliError
from cli.main import tally

GENESIS = proof_genesis()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(tally, list(arguments), catch_exceptions=True)


def exit_code(result: Result) -> int:
    """Return the code with which the console script would end."""
    return result.exception.exit_code if isinstance(result.exception, CliError) else result.exit_code


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with serving(await proof_ledger()) as served:
        yield served


async def prove(api: Api, out: Path, *arguments: str) -> Result:
    where = ["--url", api.server.address, "--genesis-hash", GENESIS.genesis_hash.hex(), "-o", str(out)]
    return await asyncio.to_thread(run, "prove", *arguments, *where)


@pytest.fixture
def genesis_file(tmp_path: Path) -> str:
    path = tmp_path / "genesis.json"
    path.write_text(genesis_to_json(GENESIS))
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["key", "remittance", "balances", "bolt"], "20, written by transaction 1 of block 6"),
        (["key", "remittance", "balances", "bolt", "--at", "5"], "12, written by transaction 1 of block 4"),
        (["key", "remittance", "balances", "nobody"], "nothing; it had never held anything there"),
        (["history", "remittance", "balances", "closed"], "deleted by transaction 0 of block 6"),
        (["story", "transfer", UETR], f"Story of the transfer {UETR}"),
        (["story", "item", VIAL], "complete up to block 6"),
        (["validators", "--height", "3"], "node-4"),
    ],
)
async def test_what_is_written_is_proven_offline(
    api: Api, tmp_path: Path, genesis_file: str, arguments: list[str], says: str
) -> None:
    out = tmp_path / "some.proof"
    made = await prove(api, out, *arguments)
    assert made.exit_code == 0, made.output
    checked = run("verify", str(out), "--genesis", genesis_file)
    assert checked.exit_code == 0, checked.output
    assert says in checked.stdout
    assert checked.stdout in made.stdout
    assert "NOT PROVEN" in checked.stdout


async def test_the_hash_is_enough_with_the_genesis_in_the_file(api: Api, tmp_path: Path) -> None:
    out, digest = tmp_path / "some.proof", GENESIS.genesis_hash.hex()
    assert (await prove(api, out, "validators", "--with-genesis")).exit_code == 0
    result = run("verify", str(out), "--genesis-hash", digest, "--json")
    assert json.loads(result.stdout)["proven"] is True
    assert (await prove(api, out, "validators")).exit_code == 0
    assert exit_code(run("verify", str(out), "--genesis-hash", digest)) == 2


async def test_a_proof_that_does_not_hold_exits_with_3(api: Api, tmp_path: Path, genesis_file: str) -> None:
    out = tmp_path / "some.proof"
    assert (await prove(api, out, "key", "remittance", "balances", "bolt")).exit_code == 0
    data = bytearray(out.read_bytes())
    data[-1] ^= 1
    out.write_bytes(data)
    result = run("verify", str(out), "--genesis", genesis_file, "--json")
    assert exit_code(result) == 3
    assert json.loads(result.stdout)["proven"] is False
    other = run("verify", str(out), "--genesis", genesis_file, "--genesis-hash", "00" * 32)
    assert exit_code(other) == 3


async def test_wrong_use_exits_with_2(api: Api, tmp_path: Path) -> None:
    out = tmp_path / "some.proof"
    assert (await prove(api, out, "validators")).exit_code == 0
    assert exit_code(run("verify", str(out))) == 2
    assert exit_code(run("verify", str(out), "--genesis-hash", "abc")) == 2
    assert exit_code(run("verify", str(tmp_path / "none.proof"), "--genesis-hash", "00" * 32)) == 2
    assert exit_code(await prove(api, out, "transaction", "xyz")) == 2
    assert exit_code(await prove(api, out, "story", "rumour", "x")) == 2


async def test_what_cannot_be_proven_writes_nothing(api: Api, tmp_path: Path) -> None:
    out = tmp_path / "some.proof"
    for arguments in (
        ["transaction", "00" * 32],
        ["key", "remittance", "balances", "bolt", "--at", "7"],
        ["story", "transfer", "no-such-transfer"],
        ["story", "item", UETR, "--contract", "remittance"],
        ["story", "item", UETR, "--contract", "nowhere"],
        ["validators", "--height", "99"],
    ):
        result = await prove(api, out, *arguments)
        assert exit_code(result) == 1, (arguments, result.output)
        assert not out.exists()


async def test_long_histories_are_read_page_by_page(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.proving.PAGE_VERSIONS", 1)
    result = await prove(api, tmp_path / "some.proof", "history", "remittance", "balances", "bolt")
    assert result.exit_code == 0, result.output
    assert result.stdout.count(" written by ") == 3
