"""Which walls around the helper processes this machine lacks, in the words in which the node says it.

The helpers report what their kernel did not offer (processes.lockdown). Whether that will do is the operator's
decision: `require_walls` of the configuration turns it into a reason not to run.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from consensus.verifier import VerifierPool
from contracts.executor.client import ExecutorClient

LOG = logging.getLogger("tallystick.walls")

READER_SECONDS_MAX: Final = 60.0
"""For which a node that requires walls waits for its reader to report its own."""


class WallsMissing(Exception):
    """The configuration requires walls that this machine lacks."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(f"require_walls is set, and this machine lacks walls around {'; '.join(missing)}")
        self.missing = tuple(missing)


def missing_of(lacking: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return a line for each wall that is missing: whom it is missing around, and the sentence that names it.

    `lacking` has the sentences by the name of the process. What several of them lack is one line.
    """
    around: dict[str, list[str]] = {}
    for name, sentences in lacking.items():
        for sentence in sentences:
            around.setdefault(sentence, []).append(name)
    return tuple(f"{', '.join(names)}: {sentence}" for sentence, names in around.items())


def missing_walls(executor: ExecutorClient, verifier: VerifierPool) -> tuple[str, ...]:
    """Return what is missing around the helpers of a node, as far as they have started."""
    return missing_of(
        {
            "executor": executor.walls_missing,
            "reader": executor.reader_walls_missing,
            "verifier": verifier.walls_missing,
        }
    )


class WallWatch:
    """Owns what was said of missing walls: each is a warning in the log once, and a failure where all are required."""

    def __init__(self, executor: ExecutorClient, verifier: VerifierPool, *, required: bool) -> None:
        self._executor = executor
        self._verifier = verifier
        self._required = required
        self._told: frozenset[str] = frozenset()

    async def start(self) -> None:
        """Look before anything else starts; where walls are required, when all helpers have reported theirs.

        Raises:
            WallsMissing: when a required wall is missing, or the reader does not say.
        """
        if self._required:
            try:
                async with asyncio.timeout(READER_SECONDS_MAX):
                    await self._executor.reader_opened()
            except TimeoutError as error:
                silent = f"what it lacks is not known; it has not started within {READER_SECONDS_MAX:.0f} s"
                raise WallsMissing(missing_of({"reader": [silent]})) from error
        self.look()

    def look(self) -> None:
        """Look again: helpers that were started again have reported anew.

        Raises:
            WallsMissing: when a required wall is missing.
        """
        missing = missing_walls(self._executor, self._verifier)
        for line in missing:
            if line not in self._told:
                LOG.warning("missing around %s", line)
        self._told = frozenset(missing)
        if self._required and missing:
            raise WallsMissing(missing)
