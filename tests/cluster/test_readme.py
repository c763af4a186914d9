"""The commands of the README and of the first hour do what they say, one after the other, as a stranger types them."""

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
FIRST_HOUR = (ROOT / "docs" / "first-hour.md").read_text(encoding="utf-8")
BASE_PORT = "7700"
"""The port that the README's addresses have."""

pytestmark = pytest.mark.cluster


def steps(page: str, workplace: Path) -> Iterator[str]:
    """Yield a page's commands in order; files that it shows are written when their place comes."""
    for kind, block in re.findall(r"```(console|python file=\S+)\n(.*?)```", page, re.DOTALL):
        if kind == "console":
            yield from (line[2:] for line in block.splitlines() if line.startswith("$ "))
        else:
            (workplace / kind.partition("=")[2]).write_text(block, encoding="utf-8")


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Path]:
    """A folder that looks like a clone after `make venv`: this installation's commands, the repository's files."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for name in ("benchmarks", "contracts", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    yield tmp_path
    subprocess.run([".venv/bin/tally", "cluster", "down"], cwd=tmp_path, capture_output=True, check=False)


@pytest.mark.parametrize("page", [README, FIRST_HOUR], ids=["readme", "first-hour"])
def test_the_page_can_be_followed(page: str, workplace: Path) -> None:
    port = str(free_base_port(4))
    path = f"{workplace}/.venv/bin:{os.environ['PATH']}"
    up = f"tally cluster up --base-port {port} && tally story run"
    for command in steps(page, workplace):
        if command in ("make test", "make down") or command.startswith("export PATH"):
            continue
        line = up if command == "make up" else command
        line = line.replace(f":{BASE_PORT}", f":{port}").replace("/tmp/", f"{workplace}/")
        environment = {**os.environ, "PATH": path}
        done = subprocess.run(
            line, shell=True, cwd=workplace, capture_output=True, text=True, timeout=180, check=False, env=environment
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr


def test_the_readme_begins_with_the_two_commands(workplace: Path) -> None:
    assert list(steps(README, workplace))[:2] == ["make up", "make test"]


def test_the_readme_names_existing_files() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), f"the README links to {target}"
