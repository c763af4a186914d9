"""The manual's page on the life of contracts is true: examples run, commands exist, rules and codes are all named."""

import re
from pathlib import Path

import click
import pytest

from chain.actions import ACTIONS
from cli.main import tally
from contracts.engine.compiler import compile_contract
from contracts.engine.growth import RULES, obstacles

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "contracts" / "lifecycle.md").read_text(encoding="utf-8")
FIRST, SECOND, SCRIPT = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def test_the_second_version_may_follow_the_first_and_the_script_runs() -> None:
    assert obstacles(compile_contract(FIRST).module, compile_contract(SECOND).module) == []
    exec(SCRIPT, {"FIRST": FIRST, "SECOND": SECOND})


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_one_of_tally(line: str) -> None:
    first, *words = line.split()
    assert first == "tally"
    command: click.Command | None = tally
    for word in words[:2]:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None, line
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_every_rule_and_every_code_of_a_decision_on_contracts_is_named() -> None:
    assert re.findall(r"^\| `((?:storage|field)_[a-z_]+)` \|", PAGE, re.MULTILINE) == list(RULES)
    source = "".join((ROOT / "chain" / name).read_text() for name in ("governance.py", "decisions.py"))
    for code in set(re.findall(r'(?:_failed\(|return |else )"([a-z]+(?:_[a-z]+)+)"', source)):
        about_members = code in (
            "unusable_key",
            "key_already_registered",
            "unknown_member",
            "already_revoked",
            "unknown_method",
        )
        assert about_members or f"`{code}`" in PAGE, code
    assert {"deploy", "upgrade", "freeze", "unfreeze"} <= set(ACTIONS)
