"""`tally contract new`: what it makes is a contract, passes its tests at once, and type checks."""

from pathlib import Path

import hypothesis
import pytest
from click.testing import CliRunner

from cli.contract_new import TEMPLATES, project
from cli.errors import CliError
from cli.main import tally
from contracts.engine.compiler import find_problems
from tallystick.contract_types.checking import STUB
from tallystick.testing import ledger, properties, summary

pytest_plugins = ["pytester"]
LOADED = (hypothesis, ledger, properties, summary)
"""Imported here, because each run inside of this process forgets what it had to import itself."""


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_passes_its_tests(pytester: pytest.Pytester, template: str) -> None:
    made = CliRunner().invoke(tally, ["contract", "new", "goods", "--template", template])
    assert made.exit_code == 0, made.output
    folder = pytester.path / "goods"
    assert find_problems((folder / "goods.py").read_text()) == []
    assert "sample" not in "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    result = pytester.runpytest_inprocess("-p", "no:asyncio", "-q", "--contracts", f"--rootdir={folder}", str(folder))
    assert set(result.parseoutcomes()) == {"passed"}
    result.stdout.fnmatch_lines(["goods/goods.py *100%*100%"])


def test_editors_find_what_they_need() -> None:
    files = project("goods", "token")
    assert files["__builtins__.pyi"] == STUB.read_text()
    assert '"goods.py"' in files["pyproject.toml"]
    assert {".vscode/settings.json", "pyrightconfig.json", ".gitignore", "README.md"} < files.keys()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("token", "a module of Python"),
        ("system", "is the ledger"),
        ("chain", "a package that the file would hide"),
        ("Goods", "cannot name"),
        ("a-b", "cannot name"),
        ("there", "exists already"),
    ],
)
def test_names_that_will_not_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    result = CliRunner().invoke(tally, ["contract", "new", name])
    assert isinstance(result.exception, CliError)
    assert message in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
