"""The page on editors is true: the settings are those of new projects, and the command shows what it says."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.contract_new import project
from cli.main import tally

PAGE = (Path(__file__).parents[2] / "docs" / "contracts" / "editors.md").read_text()
SOURCE = """balances = Map(str, int, default=0)


@call
def pay(to: str) -> int:
    balances[to] = 1
    require(to != "", "nobody")
"""


def block(kind: str) -> str:
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def test_settings_are_those_of_new_projects() -> None:
    files = project("coins", "token")
    assert json.loads(files["pyrightconfig.json"]) == json.loads(block("json"))
    ours, theirs = tomllib.loads(block("toml"))["tool"]["mypy"], tomllib.loads(files["pyproject.toml"])["tool"]["mypy"]
    assert ours.items() <= theirs.items()


def test_the_command_shows_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("coins.py").write_text(SOURCE + "    return balances[to] + to\n")
    result = CliRunner().invoke(tally, ["contract", "check", "--types", "coins.py"])
    assert result.exit_code == 1
    for line in block("text").splitlines():
        assert line in result.output, result.output


def test_the_command_tells_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("coins.py").write_text("import os\n")
    result = CliRunner().invoke(tally, ["contract", "check", "--types", "--json", "coins.py"])
    (report,) = json.loads(result.stdout)
    assert set(report) == {"file", "valid", "problems"}
    assert set(report["problems"][0]) == {"line", "column", "rule", "advice"}
    assert all(f"`{field}`" in PAGE for field in (*report, *report["problems"][0]))
