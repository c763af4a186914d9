"""What shells are offered: verbs, names from files, names from a node that answers, nothing from one that does not."""

import asyncio
import socket
import time
from pathlib import Path

import pytest
from api_fake_node import FakeNode
from api_support import serving
from click.testing import CliRunner

from cli.cluster_layout import ClusterLayout, node_places, save
from cli.completing import PATIENCE_SECONDS
from cli.main import tally

SHELLS = ("bash", "zsh", "fish")


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_printed(shell: str) -> None:
    outcome = CliRunner().invoke(tally, ["completion", shell])
    assert outcome.exit_code == 0 and "_TALLY_COMPLETE" in outcome.output


def offered(words: str, shell: str = "zsh") -> list[str]:
    """Return what a shell is offered at the end of a line, where a new word begins after a space."""
    parts = words.split(" ")
    environment = {"_TALLY_COMPLETE": f"{shell}_complete", "COMP_WORDS": words.rstrip()}
    environment["COMP_CWORD"] = parts[-1] if shell == "fish" else str(len(parts) - 1)
    output = CliRunner().invoke(tally, [], env=environment, prog_name="tally").output
    lines = output.splitlines()
    if shell == "zsh":
        return lines[1::3]
    return [line.partition(",")[2].partition("\t")[0] for line in lines if line]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a cluster of two nodes that do not run, and two profiles."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    layout = ClusterLayout(tmp_path / ".tally", "ab" * 32, node_places(tmp_path / ".tally", 2, 9))
    (layout.folder / "parties").mkdir(parents=True)
    save(layout)
    for party in ("acme.alice", "acme.admin", "bolt.bob"):
        layout.party_key(party).write_text("{}", encoding="utf-8")
    (tmp_path / "tally.toml").write_text('[profiles.far]\nurl="http://far"\n[profiles.near]\ndir="d"', encoding="utf-8")
    return tmp_path


def test_verbs() -> None:
    assert offered("tally con")[:2] == ["console", "contract"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tally tx send bank pay --as acme.", ["acme.admin", "acme.alice"]),
        ("tally proposal approve 1 --as b", ["bolt.bob"]),
        ("tally query view bank balance --profile ", ["far", "near"]),
        ("tally doctor --profile n", ["near"]),
        ("tally cluster kill node1 ", ["node2"]),
    ],
)
def test_names_from_files(place: Path, shell: str, words: str, expected: list[str]) -> None:
    assert offered(words, shell) == expected


@pytest.mark.parametrize("shell", SHELLS)
async def test_names_from_a_node(place: Path, shell: str) -> None:
    async with serving(FakeNode()) as api:
        url = api.server.address

        async def answer(words: str) -> list[str]:
            return await asyncio.to_thread(offered, words.replace("URL", url), shell)

        assert await answer("tally tx send --url URL b") == ["bank"]
        assert await answer("tally contract show --url URL b") == ["bank"]
        assert "deposit" in await answer("tally tx send bank --url URL d")
        assert await answer("tally query view bank --url URL ba") == ["balance"]
        assert "balances" in await answer("tally query state bank --url URL b")
        assert await answer("tally query view --url URL nothing ") == []


def test_a_node_that_does_not_answer_is_not_waited_for(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        assert offered(f"tally tx send --url {url} --url {url} b") == []
        assert time.monotonic() - started < PATIENCE_SECONDS + 2
    (place / "tally.toml").write_text("nonsense", encoding="utf-8")
    assert offered("tally tx send b") == []
    assert offered("tally tx send bank pay --profile ") == []
