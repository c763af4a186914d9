"""Tries on this machine the walls that a node's helpers put around themselves, in processes of their own."""

import asyncio
import tempfile
from typing import Any, Final

from assembly.walls import missing_of
from cli.errors import CliError
from processes.child import start_child

SECONDS_MAX: Final = 60.0


def try_walls() -> tuple[str, ...]:
    """Return a line for each wall that this machine lacks, as a node would report it.

    Raises:
        CliError: when a process cannot be started, or ends before it reports.
    """
    with tempfile.TemporaryDirectory() as folder:
        executor = asyncio.run(_lacking(folder))
    others = asyncio.run(_lacking(None))
    return missing_of({"executor": executor, "reader": others, "verifier": others})


async def _lacking(folder: str | None) -> list[str]:
    """Let a process lock itself in, with the folder or without any, and return what it reports as missing."""
    said: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()

    def take(message: list[Any]) -> None:
        if not said.done():
            said.set_result(message)

    try:
        child = await start_child("processes.wall_probe", take)
    except OSError as error:
        raise CliError(f"no process could be started to try the walls: {error}") from error
    try:
        child.send([folder])
        ended = asyncio.create_task(child.wait())
        waiting: set[asyncio.Future[Any]] = {said, ended}
        async with asyncio.timeout(SECONDS_MAX):
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not said.done():
                raise CliError(f"the process that tries the walls {ended.result()}")
            child.close_pipe()
            await ended
    except TimeoutError as error:
        raise CliError(f"the walls could not be tried within {SECONDS_MAX:.0f} s") from error
    finally:
        child.collect()
    (missing,) = said.result()
    return [str(sentence) for sentence in missing]
