"""What helpers report as missing is told once in the log, and ends a node whose configuration insists, at any time."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from assembly import walls
from assembly.exit_codes import ExitCode
from assembly.failures import exit_code_of
from assembly.walls import WallsMissing, WallWatch, missing_of


def helpers(executor: tuple[str, ...] = (), reader: tuple[str, ...] = ()) -> tuple[Any, Any]:
    opened = asyncio.Event()
    ports = SimpleNamespace(
        walls_missing=executor, reader_walls_missing=reader, reader_opened=opened.wait, opened=opened
    )
    return ports, SimpleNamespace(walls_missing=())


def test_what_several_lack_is_one_line() -> None:
    lacking = {"executor": ("a", "b"), "reader": ("b",), "verifier": ()}
    assert missing_of(lacking) == ("executor: a", "executor, reader: b")


async def test_each_is_told_once_and_where_none_is_required_nothing_ends(caplog: pytest.LogCaptureFixture) -> None:
    executor, verifier = helpers(("a",))
    watch = WallWatch(executor, verifier, required=False)
    with caplog.at_level(logging.WARNING, "tallystick.walls"):
        await watch.start()
        watch.look()
        executor.reader_walls_missing = ("b",)
        watch.look()
    assert caplog.messages == ["missing around executor: a", "missing around reader: b"]


async def test_a_node_that_requires_walls_waits_for_what_its_reader_reports() -> None:
    executor, verifier = helpers()
    starting = asyncio.create_task(WallWatch(executor, verifier, required=True).start())
    await asyncio.sleep(0)
    assert not starting.done()
    executor.reader_walls_missing = ("b",)
    executor.opened.set()
    with pytest.raises(WallsMissing, match="lacks walls around reader: b") as caught:
        await starting
    assert exit_code_of(caught.value) == ExitCode.WALLS_MISSING


async def test_a_reader_that_never_reports_is_not_taken_for_one_with_all_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walls, "READER_SECONDS_MAX", 0.0)
    with pytest.raises(WallsMissing, match="reader: what it lacks is not known"):
        await WallWatch(*helpers(), required=True).start()


async def test_a_helper_that_is_started_again_with_less_ends_the_node() -> None:
    executor, verifier = helpers()
    executor.opened.set()
    watch = WallWatch(executor, verifier, required=True)
    await watch.start()
    watch.look()
    verifier.walls_missing = ("c",)
    with pytest.raises(WallsMissing, match="verifier: c"):
        watch.look()
