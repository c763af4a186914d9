"""Colours: on terminals and nowhere else, and never where the user wants none."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest

from chain.receipt import Receipt
from chain.types import Digest, Height
from cli.colours import bad, colour_choice, good
from cli.output import table
from cli.receipts import receipt_text

ESCAPE = "\x1b["


def on_a_terminal(arguments: list[str], folder: Path, **environ: str) -> str:
    """Return what a command prints on a terminal of its own."""
    ours, theirs = pty.openpty()
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    command = [sys.executable, "-c", "from cli.main import main; main()", *arguments]
    kept = {**plain, "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parents[2]), **environ}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=kept, cwd=folder) as process:
        os.close(theirs)
        printed = b""
        try:
            while piece := os.read(ours, 4096):
                printed += piece
        except OSError:
            pass  # Linux says so that nobody holds the other end any more
        process.wait(timeout=20)
    os.close(ours)
    return printed.decode()


def test_an_error_is_red_on_a_terminal(tmp_path: Path) -> None:
    printed = on_a_terminal(["cluster", "status", "--dir", "nowhere"], tmp_path)
    assert f"{ESCAPE}31mtally:{ESCAPE}0m" in printed, printed


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colours_gets_none(tmp_path: Path, environ: dict[str, str]) -> None:
    printed = on_a_terminal(["cluster", "status", "--dir", "nowhere"], tmp_path, **environ)
    assert "tally:" in printed
    assert ESCAPE not in printed


def test_an_empty_wish_is_none() -> None:
    assert colour_choice({"NO_COLOR": ""}) is None
    assert colour_choice({"NO_COLOR": "0"}) is False, "any value that is not empty counts"


def test_pipes_and_files_get_none(capsys: pytest.CaptureFixture[str]) -> None:
    click.echo(f"{good('ready')} {bad('gone')}")
    assert capsys.readouterr().out == "ready gone\n"


def test_a_table_stays_aligned_whatever_its_cells_wear() -> None:
    rows = [("node1", good("ready"), "5"), ("node2", bad("no quorum"), "17")]
    lines = table(("NODE", "STATE", "HEIGHT"), rows).split("\n")
    assert lines[0].startswith(f"{ESCAPE}1m")
    assert [click.unstyle(line) for line in lines] == [
        "NODE   STATE      HEIGHT",
        "node1  ready      5",
        "node2  no quorum  17",
    ]


@pytest.mark.parametrize(("code", "colour"), [(None, "32"), ("funds_insufficient", "31")])
def test_a_receipt_shows_at_a_glance_how_it_went(code: str | None, colour: str) -> None:
    receipt = Receipt(Digest(bytes(32)), Height(7), 0, code, (), 1_000, ())
    outcome = "succeeded" if code is None else f"FAILED: {code}"
    assert f"{ESCAPE}{colour}m{outcome}{ESCAPE}0m" in receipt_text(receipt)
