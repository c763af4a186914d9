"""The page on testing is true: its contract, its tests and what it says that they print."""

import re
from pathlib import Path

import hypothesis
import pytest

from contracts.engine.compiler import find_problems
from tallystick.testing import Ledger, ledger, properties, summary
from tallystick.testing.plugin import OPTIONS

pytest_plugins = ["pytester"]
LOADED = (hypothesis, ledger, properties, summary)
"""Imported here, because each run inside of this process forgets what it had to import itself."""
PAGE = (Path(__file__).parents[2] / "docs" / "contracts" / "testing.md").read_text()
FILES = {
    match[1]: match[2].lstrip("\n")
    for match in re.finditer(r"^```python\n# (\w+\.py)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
}
FAILURE, COVERAGE, STORY = re.findall(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    for name, text in FILES.items():
        pytester.path.joinpath(name).write_text(text)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_inprocess("-p", "no:asyncio", "-q", *options)


def test_every_program_of_the_page_is_a_file() -> None:
    assert list(FILES) == ["coins.py", "test_coins.py", "test_more.py", "test_properties.py"]
    assert len(re.findall(r"^```python", PAGE, re.MULTILINE)) == len(FILES)
    assert find_problems(FILES["coins.py"]) == []


def test_the_tests_pass_and_cover_what_the_page_says(project: pytest.Pytester) -> None:
    run(project).assert_outcomes(passed=8)
    measured = run(project, "--contracts", "test_coins.py", "test_more.py")
    shown = [" ".join(line.split()) for line in measured.stdout.lines]
    assert [line for line in COVERAGE.splitlines() if " ".join(line.split()) not in shown] == [], measured.stdout.str()


def test_a_failure_looks_as_the_page_shows(project: pytest.Pytester) -> None:
    project.path.joinpath("test_bad.py").write_text(
        "def test_bad(ledger):\n    coins = ledger.deploy('coins', 'coins.py', 1_000, by='mint.admin')\n"
        "    coins.transfer('acme.alice', 20)\n    coins.by('acme.alice').transfer('bolt.bob', 50)\n"
    )
    shown = "\n".join(line.removeprefix("E").strip() for line in run(project, "test_bad.py").stdout.lines)
    for line in FAILURE.splitlines():
        assert line.strip() in shown, line


def test_a_forgotten_deletion_is_found_as_the_page_shows(project: pytest.Pytester) -> None:
    path = project.path.joinpath("coins.py")
    assert "    del promises[number]\n" in FILES["coins.py"]
    path.write_text(FILES["coins.py"].replace("    del promises[number]\n", ""))
    result = run(project, "test_properties.py")
    result.assert_outcomes(failed=1)
    shown = anybody(result.stdout.str())
    for line in STORY.splitlines():
        assert anybody(line.strip()) in shown, result.stdout.str()


def anybody(text: str) -> str:
    """Leave open who it is: which of two equally plain stories is found depends on the project."""
    return re.sub(r"'(mint\.admin|acme\.alice)'", "'somebody'", text)


def test_options_and_names_are_on_the_page() -> None:
    assert all(f"`{option}`" in PAGE for option in OPTIONS)
    public = {name for name in vars(Ledger) if not name.startswith("_")} - {
        "carry_out",
        "attempt",
        "module_of",
        "deploy",
        "failure",
    }
    assert {name for name in public if f"ledger.{name}" not in PAGE} == set()
