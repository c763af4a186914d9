"""The prompt: names that are at hand, errors in one line, code from the command line."""

import asyncio

from api_fake_node import FakeNode
from api_support import serving
from click.testing import CliRunner, Result

from cli.main import tally


async def asked(*arguments: str, typed: str | None = None) -> Result:
    node = FakeNode()

    def ask(url: str) -> Result:
        options = ["--url", url, "--genesis-hash", node.chain_id.hex()]
        return CliRunner().invoke(tally, ["console", *options, *arguments], input=typed)

    async with serving(node) as api:
        return await asyncio.to_thread(ask, api.server.address)


async def test_code_of_the_command_line() -> None:
    outcome = await asked("-c", "print(contract('bank').balance('a'), client.anchored, call('a', 'b').method)")
    assert (outcome.exit_code, outcome.stdout) == (0, "0 True b\n")


async def test_the_prompt_tells_what_is_there_and_survives_errors() -> None:
    typed = "contract('bank').deposit('a', 5)\n1 / 0\nprint(contract('bank').balance('a'))\n"
    outcome = await asked(typed=typed)
    assert outcome.exit_code == 0 and "a contract's methods" in outcome.stderr + outcome.stdout
    assert "InvalidCall: bank.deposit is submitted, and no signer was given" in outcome.stderr
    assert "ZeroDivisionError" in outcome.stderr
    assert "0\n" in outcome.stdout


async def test_wrong_uses() -> None:
    assert (await asked("--json")).exit_code == 2
    failed = await asked("-c", "client.evaluate('nothing', 'x')")
    assert failed.exit_code == 1 and type(failed.exception).__name__ == "EvaluateError"
