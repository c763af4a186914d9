"""`tally evidence` as people and scripts use it: what nodes hold is listed and fetched, and checked by the genesis."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from api_fake_node import FakeNode
from api_support import Api, serving
from click.testing import CliRunner, Result
from test_evidence import BAD, GENESIS, ONE, TWICE, TWO, two, vote

from api.ports import HeldEvidence
from chain.evidence import EvidenceKind
from chain.genesis import genesis_to_json
from chain.types import Digest, Height
from cli.evidence_words import MEANINGS
from cli.main import main, tally

PROVEN = two(vote(ONE), vote(TWO))
INNOCENT = two(vote(ONE), vote(TWO, view=1))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(tally, ["evidence", *arguments])


@pytest.fixture
def genesis(tmp_path: Path) -> str:
    path = tmp_path / "genesis.json"
    path.write_text(genesis_to_json(GENESIS), encoding="utf-8")
    return str(path)


def file_of(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def test_proof_exits_0_and_says_what_was_signed(tmp_path: Path, genesis: str) -> None:
    file = file_of(tmp_path, "a.evidence", PROVEN.encoded())
    result = run("verify", file, "--genesis", genesis)
    assert result.exit_code == 0, result.output
    assert f"{file}: PROVEN\n  {BAD} signed two different PREPAREs in one view (two_prepares)" in result.stdout
    assert result.stdout.count("PREPARE at height 3, view 0: block ") == 2
    assert PROVEN.digest.hex() in result.stdout
    (judged,) = json.loads(run("verify", file, "--genesis", genesis, "--json").stdout)["files"]
    assert (judged["proven"], judged["validator"], judged["code"], judged["height"]) == (True, BAD, "two_prepares", 3)


@pytest.mark.parametrize("code", TWICE)
def test_every_contradiction_can_be_shown(code: str, tmp_path: Path, genesis: str) -> None:
    file = file_of(tmp_path, "a.evidence", two(*TWICE[code]).encoded())
    result = run("verify", file, "--genesis", genesis)
    assert result.exit_code == 0
    assert MEANINGS[code] in result.stdout


@pytest.mark.parametrize(
    ("data", "code"),
    [(INNOCENT.encoded(), "proves_nothing"), (b"rubbish", "malformed"), (PROVEN.encoded()[:-1], "malformed")],
)
def test_what_proves_nothing_exits_3(data: bytes, code: str, tmp_path: Path, genesis: str) -> None:
    good, bad = file_of(tmp_path, "a.evidence", PROVEN.encoded()), file_of(tmp_path, "b.evidence", data)
    result = run("verify", good, bad, "--genesis", genesis)
    assert result.exit_code == 3
    assert f"{bad}: PROVES NOTHING ({code}: " in result.stdout
    assert f"{good}: PROVEN" in result.stdout


def test_without_a_genesis_nothing_can_be_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = file_of(tmp_path, "a.evidence", PROVEN.encoded())
    monkeypatch.setattr("sys.argv", ["tally", "evidence", "verify", file, "--dir", str(tmp_path / "none")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "give --genesis FILE" in capsys.readouterr().err
    assert run("verify").exit_code == 2


def test_every_kind_of_finding_has_a_meaning() -> None:
    """A code that the check returns and this table lacks would be a crash in front of somebody who needs it."""
    root = Path(__file__).resolve().parents[2] / "chain"
    source = "".join(
        (root / name).read_text(encoding="utf-8") for name in ("evidence_check.py", "evidence_messages.py")
    )
    refusals = {"malformed", "foreign_chain", "unknown_epoch", "unknown_validator", "proves_nothing"}
    assert all(f'"{code}"' in source for code in MEANINGS)
    page = (root.parent / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert all(f"`{code}`" in page for code in {*MEANINGS, *refusals})
    assert len(EvidenceKind) == 4


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    node = FakeNode()
    place = (Height(3), 0, PROVEN.encoded())
    held = HeldEvidence(PROVEN.digest, BAD, "two_prepares", 0, *place, durable=True)
    node.held.append(held)
    async with serving(node) as served:
        yield served


async def test_a_node_lists_and_hands_out_what_it_holds(api: Api) -> None:
    answer = await api.get("/v1/evidence")
    (entry,) = answer.json["evidence"]
    assert (entry["validator"], entry["code"], entry["durable"]) == (BAD, "two_prepares", True)
    one = await api.get(f"/v1/evidence/{PROVEN.digest.hex()}")
    assert one.body == PROVEN.encoded()
    same = await api.get(f"/v1/evidence/{PROVEN.digest.hex()}", headers={"If-None-Match": one.headers["ETag"]})
    assert same.status == 304
    for unknown in (ONE.hex(), "rubbish", "zz" * 32):
        await api.problem("GET", f"/v1/evidence/{unknown}", "unknown_evidence")
    status = await api.get("/v1/network/status")
    assert status.json["convicted"] == {BAD: ["two_prepares"]}


async def test_what_a_node_holds_is_listed_fetched_and_verified(api: Api, tmp_path: Path, genesis: str) -> None:
    url = api.server.address
    listed = await asyncio.to_thread(run, "list", "--url", url)
    assert listed.exit_code == 0, listed.output
    assert f"two_prepares  3       0     {PROVEN.digest.hex()[:16]}" in listed.stdout
    out = tmp_path / "fetched.evidence"
    fetched = await asyncio.to_thread(run, "fetch", PROVEN.digest.hex()[:8], str(out), "--url", url)
    assert fetched.exit_code == 0, fetched.output
    assert run("verify", str(out), "--genesis", genesis).exit_code == 0
    wrong = await asyncio.to_thread(run, "fetch", Digest(b"\xff" * 32).hex(), str(out), "--url", url)
    assert wrong.exit_code == 1
    assert "no piece of evidence" in str(wrong.exception)
