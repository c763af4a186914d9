"""`tally contract check` and `test` as an author meets them."""

import json
from pathlib import Path

import pytest

from cli.authoring import QUIET
from cli.main import main

GOOD = "@view\ndef f() -> int:\n    return 1\n"
BAD = (
    '"""Bad."""\nbalances = Map(str, int)\n\n\n@call\ndef f(to: str) -> None:\n    balances[to] = other\n    pay(to)\n'
)


def tally(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exited:
        main(list(arguments))
    return int(exited.value.code or 0)


def test_check_shows_all_problems_with_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(GOOD)
    bad.write_text(BAD)
    assert tally("contract", "check", str(good)) == 0
    assert capsys.readouterr().out == f"{good} is a valid contract\n"
    assert tally("contract", "check", str(bad), str(good)) == 1
    shown = capsys.readouterr()
    assert shown.out == (
        f"{bad}:7:20: unknown_name: other is not declared\n"
        "  7 |     balances[to] = other\n"
        "    |                    ^^^^^\n"
        "\n"
        f"{bad}:8:5: unknown_name: pay is no function; declare it with def\n"
        "  8 |     pay(to)\n"
        "    |     ^^^\n"
        f"{good} is a valid contract\n"
    )
    assert shown.err == "2 problems found\n"


def test_check_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(BAD)
    assert tally("contract", "check", "--json", str(bad)) == 1
    (report,) = json.loads(capsys.readouterr().out)
    assert (report["file"], report["valid"]) == (str(bad), False)
    assert report["problems"][1] == {
        "line": 8,
        "column": 5,
        "rule": "unknown_name",
        "advice": "pay is no function; declare it with def",
    }


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"\xff", "byte 0 is 0xff"),
        (b"", ":1:1: "),
        (b"x\r\n", ":1:2: "),
        (b"\tpass", ":1:"),
        ("é = 1\n".encode(), ":1:1: "),
        (b"# " + b"x" * 1000, ":1:"),
        (b"@view\ndef f() -> int:\n    return (1\n", ":"),
    ],
)
def test_check_survives_any_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, place: str
) -> None:
    file = tmp_path / "odd.py"
    file.write_bytes(content)
    assert tally("contract", "check", str(file)) == 1
    shown = capsys.readouterr()
    assert place in shown.out + shown.err
    assert len(shown.out) < 2_000


def test_check_needs_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tally("contract", "check") == 2
    assert tally("contract", "check", str(tmp_path / "missing.py")) == 2
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (pytest.ExitCode.OK, 0),
        (pytest.ExitCode.TESTS_FAILED, 1),
        (pytest.ExitCode.INTERRUPTED, 1),
        (pytest.ExitCode.INTERNAL_ERROR, 1),
        (pytest.ExitCode.NO_TESTS_COLLECTED, 1),
        (pytest.ExitCode.USAGE_ERROR, 2),
    ],
)
def test_test_runs_pytest_with_its_options(
    monkeypatch: pytest.MonkeyPatch, code: pytest.ExitCode, expected: int
) -> None:
    seen: list[list[str]] = []

    def run(arguments: list[str]) -> pytest.ExitCode:
        seen.append(arguments)
        return code

    monkeypatch.setattr("pytest.main", run)
    assert (
        tally("contract", "test", "tests", "-k", "transfer", "--lcov", "a.info", "--fail-under", "90", "-x") == expected
    )
    assert tally("contract", "test", "--no-coverage") == expected
    measured = [
        *QUIET,
        "--contracts",
        "--contract-lcov=a.info",
        "--contract-fail-under=90.0",
        "tests",
        "-k",
        "transfer",
        "-x",
    ]
    assert seen == [measured, [*QUIET]]


def test_test_says_how_to_get_pytest(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pytest", None)
    assert tally("contract", "test") == 1
    assert "pip install 'tallystick[authors]'" in capsys.readouterr().err
