"""The README's commands do what it says, one after the other, as a stranger would type them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_support import free_base_port

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BASE_PORT = "7700"
"""The port that the README's addresses have."""

pytestmark = pytest.mark.cluster


def commands() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Path]:
    """A folder that looks like a clone after `make venv`: this installation's commands, the repository's files."""
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    for name in ("benchmarks", "contracts", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    yield tmp_path
    subprocess.run([".venv/bin/tally", "cluster", "down"], cwd=tmp_path, capture_output=True, check=False)


def test_the_readme_can_be_followed(workplace: Path) -> None:
    listed = commands()
    assert listed[:2] == ["make up", "make test"], "the two commands come first"
    port = str(free_base_port(4))
    steps = [f".venv/bin/tally cluster up --base-port {port}", ".venv/bin/tally story run"]
    for command in [*steps, *listed[2:]]:
        line = command.replace(f":{BASE_PORT}", f":{port}").replace("/tmp/", f"{workplace}/")
        done = subprocess.run(
            line, shell=True, cwd=workplace, capture_output=True, text=True, timeout=180, check=False, env=os.environ
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr


def test_the_readme_names_existing_files() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), f"the README links to {target}"
