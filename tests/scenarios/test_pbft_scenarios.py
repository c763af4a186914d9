"""Runs the scenario files in pbft/; set PBFT_SCENARIOS=rewrite to write what happens into them, and read the change."""

import os
from pathlib import Path

import pytest
from pbft_script import Script

FOLDER = Path(__file__).parent / "pbft"
FILES = sorted(FOLDER.glob("*.txt"))


def test_there_are_scenarios() -> None:
    assert len(FILES) >= 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_scenario(path: Path) -> None:
    text = path.read_text()
    actual = replay(text)
    if os.environ.get("PBFT_SCENARIOS") == "rewrite":
        path.write_text(actual)
    assert actual == text


def replay(text: str) -> str:
    """Return the scenario with its expected output replaced by what happens."""
    script = Script()
    blocks = []
    for block in text.strip().split("\n\n"):
        lines = block.split("\n----")[0].split("\n")
        commands = [line for line in lines if not line.startswith("#")]
        shown = [line for command in commands for line in script.run(command)]
        blocks.append("\n".join([*lines, "----", *shown]) if commands else block)
    return "\n\n".join(blocks) + "\n"
