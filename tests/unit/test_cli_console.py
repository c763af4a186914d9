"""The prompt: names that are at hand, errors in one line, code from the command line."""

import asyncio

import pytest
from api_fake_node import FakeNode
from api_support import serving
from click.testing import CliRunner, Result

from cli.console import PROGRAM_CHARACTERS_MAX
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
    outcome = await asked("--interactive", typed=typed)
    assert outcome.exit_code == 0 and "a contract's methods" in outcome.stderr + outcome.stdout
    assert "InvalidCall: invalid_call: bank.deposit is submitted, and no signer was given" in outcome.stderr
    assert "ZeroDivisionError" in outcome.stderr
    assert "0\n" in outcome.stdout


async def test_a_program_that_comes_through_a_pipe_is_run_as_python_does() -> None:
    outcome = await asked(typed="for name in ('a', 'b'):\n    print(contract('bank').balance(name))\n\n1 + 1\n")
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, "0\n0\n", "")


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print(1)\nclient.evaluate('nothing', 'x')\nprint(2)", "EvaluateError: unknown_contract: "),
        ("print(1)\n1 / 0\nprint(2)", 'Traceback (most recent call last):\n  File "<stdin>", line 2, in <module>'),
        ("print(1)\nprint(2", "SyntaxError: "),
        ("print(1)\nraise SystemExit(1)\nprint(2)", ""),
    ],
)
async def test_a_program_ends_at_its_first_error(program: str, said: str) -> None:
    for outcome in (await asked(typed=program), await asked("-c", program)):
        assert outcome.exit_code == 1 and "2" not in outcome.stdout
        assert said in outcome.stderr.replace("<command>", "<stdin>")
        assert "cli/console" not in outcome.stderr and "Connected" not in outcome.stderr


async def test_wrong_uses() -> None:
    assert (await asked("--json")).exit_code == 2
    assert (await asked(typed="#" * (PROGRAM_CHARACTERS_MAX + 1))).exit_code == 1
