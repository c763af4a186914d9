"""Signature checks in processes of their own: many callers' checks are gathered into batches.

Owns the verifier processes and every check that has no outcome yet. A verifier that dies is started again and its
batches are sent again; a signature is called bad only by a verifier that has looked at it. With no processes, checks
run here, between the other work of the event loop.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from chain.crypto import verify
from consensus.verifier_queue import Check, CheckQueue, Job, Part, VerifierFault, fail, settle
from processes.child import Child, Ending
from processes.keeper import Keeper, Program

BATCHES_UNDER_WAY_MAX: Final = 2
"""By verifier: one that it works on and one that it finds when it is done."""

ATTEMPTS_MAX: Final = 3
"""Deaths of a verifier over a caller's checks after which they are given up."""

START_SECONDS_MAX: Final = 30.0
BATCH_SECONDS_MAX: Final = 10.0
INLINE_CHECKS: Final = 16
"""Checks in this process after which the event loop gets a turn."""

LOG: Final = logging.getLogger("tallystick.verifier")


class VerifierPool:
    """Owns the verifier processes and the checks given to them."""

    def __init__(self, processes: int = 1) -> None:
        self._queue = CheckQueue()
        self._verifiers = [_Verifier(self, number) for number in range(processes)]
        self._failure: VerifierFault | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """Checks that no verifier has begun with."""
        return self._queue.checks

    @property
    def restarts(self) -> int:
        """How often verifiers were started again."""
        return sum(verifier.keeper.restarts for verifier in self._verifiers)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the verifiers that live."""
        return tuple(child.pid for verifier in self._verifiers if (child := verifier.keeper.child) is not None)

    @property
    def walls_missing(self) -> tuple[str, ...]:
        """Sentences that name the walls which this kernel lacks."""
        return self._verifiers[0].walls_missing if self._verifiers else ()

    async def start(self) -> None:
        """Return once all verifiers are ready.

        Raises:
            VerifierFault: when one cannot be started.
        """
        for verifier in self._verifiers:
            verifier.keeper.start()
        try:
            for verifier in self._verifiers:
                await verifier.started.wait()
            if self._failure is not None:
                raise self._failure
        except BaseException:
            await self.close()
            raise

    async def verify(self, checks: Sequence[Check]) -> list[bool]:
        """Return for each check whether the signature is good.

        Raises:
            VerifierBusy: when too many checks are waiting.
            VerifierFault: when this machine could not check them.
        """
        if not checks:
            return []
        if not self._verifiers:
            return await _verify_here(checks)
        if self._failure is not None or self._closed:
            raise self._failure or VerifierFault("the verifiers were closed")
        job = Job(checks, asyncio.get_running_loop().create_future())
        self._queue.add(job)
        self._pump()
        return await job.future

    async def watch(self) -> None:
        """Return when this was closed.

        Raises:
            VerifierFault: when a verifier dies again and again.
        """
        await asyncio.gather(*(verifier.keeper.wait() for verifier in self._verifiers))
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """End the verifiers; what still waits raises VerifierFault."""
        self._closed = True
        await asyncio.gather(*(verifier.keeper.close() for verifier in self._verifiers))
        self._fail_all(self._failure or VerifierFault("the verifiers were closed"))

    def _pump(self) -> None:
        for verifier in self._verifiers:
            while self._queue.parts and verifier.has_room and (batch := self._queue.take()):
                verifier.send(batch)

    def _fail_all(self, error: VerifierFault) -> None:
        while batch := self._queue.take():
            for part in batch:
                fail(part.job, error)

    # What follows is for the verifiers of this pool.

    def verifier_ready(self) -> None:
        """Give a verifier that has room what waits."""
        self._pump()

    def verifier_died(self, under_way: list[list[Part]], text: str) -> None:
        """Let what was lost with a verifier wait again; give up what it seems to die of."""
        for part in under_way[0] if under_way else ():
            part.job.attempts += 1
            if part.job.attempts >= ATTEMPTS_MAX:
                fail(part.job, VerifierFault(f"the verifier {text}"))
        for batch in reversed(under_way):
            self._queue.put_back(batch)

    def verifier_lost(self, failure: Exception) -> None:
        """Give up."""
        self._failure = VerifierFault(f"the verifier is lost: {failure}")
        LOG.error("%s", self._failure)
        self._fail_all(self._failure)


class _Verifier:
    """Owns one verifier process and the batches that it has; implements processes.keeper.Owner."""

    def __init__(self, pool: VerifierPool, number: int) -> None:
        self._pool = pool
        self._under_way: deque[list[Part]] = deque()
        self._first_number = 1
        """Number of the batch that is answered next."""
        self._ready = False
        self.started = asyncio.Event()
        self.walls_missing: tuple[str, ...] = ()
        self.keeper = Keeper(self, f"verifier {number}", Program("consensus.verifier_worker"))

    @property
    def has_room(self) -> bool:
        """Whether a batch may be sent now."""
        return self._ready and len(self._under_way) < BATCHES_UNDER_WAY_MAX

    def send(self, batch: list[Part]) -> None:
        """Give the process a batch."""
        assert self.keeper.child is not None, "a verifier without a process has no room"
        fields = [item for part in batch for check in part.job.checks[part.start : part.stop] for item in check]
        self.keeper.child.send([self._first_number + len(self._under_way), fields])
        self._under_way.append(batch)
        if len(self._under_way) == 1:
            self.keeper.expect_answer(BATCH_SECONDS_MAX, "a batch of signatures")

    def on_start(self, child: Child) -> None:
        """Wait for the process to lock itself in."""
        self.keeper.expect_answer(START_SECONDS_MAX, "starting")

    def on_message(self, message: list[Any]) -> None:
        """Take the outcome of a batch, or the first message of a process."""
        match message:
            case [0, list(walls)] if not self._ready:
                self.walls_missing = tuple(str(wall) for wall in walls)
                self._ready = True
                self.started.set()
            case [int(number), bytes(good)] if self._answers(number, good):
                self._first_number += 1
                settle(self._under_way.popleft(), good)
                self.keeper.answered()
            case _:
                assert self.keeper.child is not None, "only a living process sends"
                self.keeper.child.kill("its answer was malformed")
                return
        if self._under_way:
            self.keeper.expect_answer(BATCH_SECONDS_MAX, "a batch of signatures")
        else:
            self.keeper.expect_nothing()
        self._pool.verifier_ready()

    def on_end(self, ending: Ending) -> Exception | None:
        """Hand back the batches."""
        self._ready = False
        under_way, self._under_way = list(self._under_way), deque()
        if not self.keeper.closing:
            LOG.warning("a verifier %s; it is started again", ending)
        self._pool.verifier_died(under_way, str(ending))
        return None

    def on_stop(self, failure: Exception | None) -> None:
        """Tell the pool that this verifier is not coming back."""
        if failure is not None:
            self._pool.verifier_lost(failure)
        self.started.set()

    def _answers(self, number: int, good: bytes) -> bool:
        if not self._under_way or number != self._first_number:
            return False
        count = sum(part.stop - part.start for part in self._under_way[0])
        return len(good) == count and max(good) <= 1


async def _verify_here(checks: Sequence[Check]) -> list[bool]:
    good: list[bool] = []
    for number, check in enumerate(checks):
        if number % INLINE_CHECKS == INLINE_CHECKS - 1:
            await asyncio.sleep(0)
        good.append(verify(*check))
    return good
