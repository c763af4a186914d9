"""The pytest plugin, as somebody meets it who installed tallystick and wrote a contract and its tests."""

import json
from time import process_time

import hypothesis
import pytest

from tallystick.testing import ledger, sharing, summary

pytest_plugins = ["pytester"]
LOADED = (hypothesis, ledger, sharing, summary)
"""Imported here, because each run inside of this process forgets what it had to import itself."""

TOKEN = """balances = Map(str, int, default=0)

@call
def give(to: str, amount: int) -> int:
    require(amount > 0, "amount_not_positive")
    if amount > 1_000:
        return 0
    balances[to] += amount
    return balances[to]
"""
TESTS = """
from tallystick.testing import Ledger

def make():
    return Ledger(root=ROOT).deploy("other", "coins.py")

def test_one(ledger):
    assert ledger.deploy("token", "coins.py").give("a.b", 5) == 5

def test_own_ledger():
    assert make().give("a.b", 7) == 7

def test_two(ledger, new_ledger):
    token, other = ledger.deploy("token", "coins.py"), new_ledger().deploy("token", "coins.py")
    assert token.give("a.b", 5) == other.give("a.b", 5)
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.path.joinpath("coins.py").write_text(TOKEN)
    pytester.path.joinpath("test_token.py").write_text(f"ROOT = {str(pytester.path)!r}\n{TESTS}")
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_inprocess("-p", "no:asyncio", "-q", *options)


def test_the_fixture_is_there_without_being_asked_for(project: pytest.Pytester) -> None:
    result = run(project)
    result.assert_outcomes(passed=3)
    assert "coverage of contracts" not in result.stdout.str()


def test_all_ledgers_of_a_run_are_measured(project: pytest.Pytester) -> None:
    result = run(project, "--contracts", "--contract-lines")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "*= coverage of contracts =*",
            "contract  lines *branches",
            "coins.py    5/6  83%       2/4  50%",
            "coins.py: not run: 7",
            'coins.py:5: require "amount_not_positive" never refused anything',
            "coins.py:6: the condition was never true",
            "*= gas of methods =*",
            "method *calls  failed  least gas  median *most",
            "other.@init *1 *0 *",
            "token.give *3 *0 *",
            "*= coins.py =*",
            "       4 *   8 |     balances?to? += amount",
        ]
    )


def test_workers_of_xdist_are_measured_together(project: pytest.Pytester) -> None:
    plain = ("-p", "no:hypothesispytest", "-p", "no:timeout")  # workers that import little start soon
    alone, together = (run(project, "--contracts", *plain, *options).stdout.lines for options in ((), ("-n1",)))
    start = next(number for number, line in enumerate(alone) if "coverage of contracts" in line)
    assert alone[start:-1] == [line for line in together if line in alone[start:-1]]


def test_files_for_other_programs(project: pytest.Pytester) -> None:
    files = ("--contract-lcov=l.info", "--contract-cobertura=c.xml", "--contract-json=all.json")
    result = run(project, "--contracts", *files)
    result.stdout.fnmatch_lines(["wrote l.info", "wrote c.xml", "wrote all.json"])
    assert "SF:coins.py" in project.path.joinpath("l.info").read_text()
    assert 'filename="coins.py"' in project.path.joinpath("c.xml").read_text()
    methods = {
        (item["contract"], item["method"]): item
        for item in json.loads(project.path.joinpath("all.json").read_text())["methods"]
    }
    assert methods["token", "give"]["calls"] == 3


@pytest.mark.parametrize(("wanted", "verdict", "code"), [(70, "enough", 0), (71, "TOO LITTLE", 1)])
def test_too_little_coverage_fails_the_run(project: pytest.Pytester, wanted: int, verdict: str, code: int) -> None:
    result = run(project, "--contracts", f"--contract-fail-under={wanted}")
    assert result.ret == code
    result.stdout.fnmatch_lines([f"70.0% of lines and branches ran, {wanted}% are wanted: {verdict}"])


def test_a_failing_test_shows_the_contract_and_none_of_the_kit(project: pytest.Pytester) -> None:
    project.path.joinpath("test_token.py").write_text(
        "def test_bad(ledger):\n    ledger.deploy('token', 'coins.py').give('a.b', -1)\n"
        "def test_wrong(ledger):\n    token = ledger.deploy('token', 'coins.py')\n"
        "    with ledger.fails('no_such_code'):\n        token.give('a.b', -1)\n"
    )
    result = run(project)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            ">*ledger.deploy('token', 'coins.py').give('a.b', -1)",
            "E * token.give(to='a.b', amount=-1) by operator.admin failed: amount_not_positive",
            'E *>    5 |     require(amount > 0, "amount_not_positive")',
            "test_token.py:2: CallFailed",
        ]
    )
    result.stdout.fnmatch_lines(["E * expected no_such_code, but token.give(*", "test_token.py:5: WrongFailure"])


def test_fifty_tests_take_about_a_second(project: pytest.Pytester) -> None:
    project.path.joinpath("test_token.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(1, 51))\ndef test_give(ledger, n):\n"
        "    token = ledger.deploy('token', 'coins.py')\n    assert token.give('a.b', n) == n\n"
    )
    start = process_time()
    run(project).assert_outcomes(passed=50)
    assert process_time() - start < 5, "seconds of this process alone, pytest itself included"
