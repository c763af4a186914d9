"""Signature checks on their way into batches: what waits, in the order in which it came.

Owns nothing but the queue; the processes are consensus.verifier's. A caller's checks may be spread over several
batches, and a batch may hold the checks of several callers.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

Check = tuple[bytes, str, bytes, bytes]
"""Public key, tag, payload and signature, as chain.crypto.verify takes them."""

BATCH_CHECKS_MAX: Final = 64
"""About 6 ms of work, so that what comes in later does not wait long for what is under way."""

BATCH_BYTES_MAX: Final = 1024 * 1024
CHECKS_WAITING_MAX: Final = 200_000
BYTES_WAITING_MAX: Final = 64 * 1024 * 1024


class VerifierBusy(Exception):
    """More checks are waiting than there is room for."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} signature checks are waiting already")
        self.waiting = waiting


class VerifierFault(Exception):
    """This machine could not check a signature; it says nothing of the signature."""


@dataclass(slots=True)
class Job:
    """One caller's checks."""

    checks: Sequence[Check]
    future: "asyncio.Future[list[bool]]"
    good: list[bool] = field(init=False)
    left: int = field(init=False)
    attempts: int = 0

    def __post_init__(self) -> None:
        self.good = [False] * len(self.checks)
        self.left = len(self.checks)


@dataclass(slots=True)
class Part:
    """Neighbouring checks of one job."""

    job: Job
    start: int
    stop: int


@dataclass(slots=True)
class CheckQueue:
    """Owns the checks that are not under way."""

    parts: deque[Part] = field(default_factory=deque)
    checks: int = 0
    size: int = 0
    """Bytes of all payloads."""

    def add(self, job: Job) -> None:
        """Let a job wait.

        Raises:
            VerifierBusy: when there is no room for it.
        """
        size = _size(job.checks)
        if self.checks + len(job.checks) > CHECKS_WAITING_MAX or self.size + size > BYTES_WAITING_MAX:
            raise VerifierBusy(self.checks)
        self.parts.append(Part(job, 0, len(job.checks)))
        self.checks += len(job.checks)
        self.size += size

    def put_back(self, batch: list[Part]) -> None:
        """Let a batch wait again, before all others."""
        self.parts.extendleft(reversed(batch))
        self.checks += sum(part.stop - part.start for part in batch)
        self.size += sum(_size(part.job.checks[part.start : part.stop]) for part in batch)

    def take(self) -> list[Part]:
        """Return the next batch, empty if nothing waits."""
        batch: list[Part] = []
        room, room_bytes = BATCH_CHECKS_MAX, BATCH_BYTES_MAX
        while self.parts and room > 0 and (room_bytes > 0 or not batch):
            part = self.parts.popleft()
            stop = part.start
            while stop < part.stop and room > 0 and (room_bytes > 0 or stop == part.start):
                room_bytes -= len(part.job.checks[stop][2])
                room -= 1
                stop += 1
            if stop < part.stop:
                self.parts.appendleft(Part(part.job, stop, part.stop))
            self.checks -= stop - part.start
            self.size -= _size(part.job.checks[part.start : stop])
            if not part.job.future.done():
                batch.append(Part(part.job, part.start, stop))
            else:
                room += stop - part.start
        return batch


def settle(batch: list[Part], good: bytes) -> None:
    """Note the outcome of a batch and answer the callers that wait for nothing else."""
    at = 0
    for part in batch:
        job, count = part.job, part.stop - part.start
        job.good[part.start : part.stop] = [flag == 1 for flag in good[at : at + count]]
        job.left -= count
        at += count
        if job.left == 0 and not job.future.done():
            job.future.set_result(job.good)


def fail(job: Job, error: VerifierFault) -> None:
    """Tell a caller that there will be no outcome."""
    if not job.future.done():
        job.future.set_exception(error)


def _size(checks: Sequence[Check]) -> int:
    return sum(len(check[2]) for check in checks)
