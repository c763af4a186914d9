"""An audit goes on where it was stopped; a place that was altered, or is another history's, is refused."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audit_support import write_data_folder
from chain_maker import ChainMaker, make_genesis

from audit.mismatch import Level
from audit.resume import ResumeError, place_key, states_folder
from audit.seeing import AuditStopped, Progress
from audit.verdict import Verdict
from cli.audit_run import Request, run

BLOCKS = 12
STOP_AT = 7


@pytest.fixture(scope="module")
def maker() -> ChainMaker:
    maker = ChainMaker()
    maker.decide_many(BLOCKS)
    return maker


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "user"))


@pytest.fixture
def folder(maker: ChainMaker, tmp_path: Path) -> Path:
    return write_data_folder(maker, tmp_path / "node")


def go(folder: Path, place: Path, stop_at: int | None, level: Level = Level.EXECUTION) -> tuple[Verdict, list[int]]:
    heights: list[int] = []

    def hear(progress: Progress) -> None:
        heights.append(progress.height)

    request = Request(str(folder), None, level, (), place, 1)
    audited = run(request, hear, lambda: bool(heights) and heights[-1] == stop_at)
    return audited.verdict, heights


@pytest.fixture
def stopped(folder: Path, tmp_path: Path) -> Path:
    place = tmp_path / "place.json"
    with pytest.raises(AuditStopped) as caught:
        go(folder, place, STOP_AT)
    assert caught.value.height == STOP_AT
    return place


@pytest.mark.parametrize("level", [Level.EXECUTION, Level.RECEIPTS, Level.CERTIFICATES])
def test_it_goes_on_behind_the_block_where_it_stopped(folder: Path, tmp_path: Path, level: Level) -> None:
    place = tmp_path / "place.json"
    whole, _ = go(folder, tmp_path / "other.json", None, level)
    with pytest.raises(AuditStopped):
        go(folder, place, STOP_AT, level)
    verdict, heights = go(folder, place, None, level)
    assert heights == list(range(STOP_AT + 1, BLOCKS + 1))
    assert (verdict.blocks, verdict.transactions) == (whole.blocks, whole.transactions)
    assert (verdict.head_hash, verdict.state_root) == (whole.head_hash, whole.state_root)
    assert verdict.first_mismatch is None
    assert not place.exists() and not states_folder(place).exists()


def test_it_stops_and_goes_on_many_times(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "place.json"
    for height in (1, 2, 5):
        with pytest.raises(AuditStopped):
            go(folder, place, height)
    verdict, heights = go(folder, place, None)
    assert (verdict.blocks, heights[0]) == (BLOCKS, 6)


def alterations() -> Iterator[Callable[[dict[str, object]], object]]:
    yield lambda document: document.update(height=BLOCKS)
    yield lambda document: document.update(transactions=10**6)
    yield lambda document: document.update(level="receipts")
    yield lambda document: document.update(code="00")
    yield lambda document: document.pop("code")
    yield lambda document: document.update(blocks_before="00")


@pytest.mark.parametrize("alter", list(alterations()))
def test_an_altered_file_is_refused(folder: Path, stopped: Path, alter: Callable[[dict[str, object]], object]) -> None:
    document = json.loads(stopped.read_text())
    alter(document)
    stopped.write_text(json.dumps(document))
    with pytest.raises(ResumeError, match="remove it to begin anew"):
        go(folder, stopped, None)


def test_a_file_of_somebody_else_is_refused(folder: Path, stopped: Path, tmp_path: Path) -> None:
    (tmp_path / "user" / "tallystick" / "audit-places.key").unlink()
    with pytest.raises(ResumeError, match="written by somebody else"):
        go(folder, stopped, None)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert place_key(path) == place_key(path)
    path.chmod(0o644)
    with pytest.raises(ResumeError, match="chmod 600"):
        place_key(path)


def test_another_kind_of_audit_is_refused(folder: Path, stopped: Path) -> None:
    with pytest.raises(ResumeError, match="--level execution"):
        go(folder, stopped, None, Level.RECEIPTS)


def test_another_network_and_another_history_are_refused(stopped: Path, tmp_path: Path) -> None:
    other = ChainMaker(make_genesis(name="another network"))
    other.decide_many(BLOCKS)
    with pytest.raises(ResumeError, match="is of the network"):
        go(write_data_folder(other, tmp_path / "other"), stopped, None)
    fork = ChainMaker()
    fork.decide_many(3)
    fork.decide(fork.transfer(amount=9))
    fork.decide_many(8)
    with pytest.raises(ResumeError, match="histories differ"):
        go(write_data_folder(fork, tmp_path / "fork"), stopped, None)
    short = ChainMaker()
    short.decide_many(2)
    with pytest.raises(ResumeError, match="ends at 2"):
        go(write_data_folder(short, tmp_path / "short"), stopped, None)


def test_a_state_that_was_altered_is_refused(folder: Path, stopped: Path) -> None:
    for path in (states_folder(stopped) / str(STOP_AT)).iterdir():
        original = path.read_bytes()
        path.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        with pytest.raises(ResumeError, match="not proven"):
            go(folder, stopped, None)
        path.write_bytes(original)
    assert go(folder, stopped, None)[0].first_mismatch is None
