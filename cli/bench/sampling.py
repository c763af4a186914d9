"""Samples one node's processes from outside while they are under load: in which stage of a transaction's life they are.

The profiler is py-spy, which comes with the developers' tools; it stops nothing, so that the nodes run as always.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cli.bench.samples import Samples, read_samples
from cli.bench.usage import ProcessTime, process_time

SAMPLES_PER_SECOND: Final = 200
END_SECONDS_MAX: Final = 60.0


def profiler() -> Path | None:
    """Return where the profiler is, None where it is not installed."""
    path = Path(sys.executable).with_name("py-spy")
    return path if path.exists() else None


@contextmanager
def sampled(watched: Mapping[str, list[int]], found: dict[str, Samples]) -> Iterator[None]:
    """Sample the first process of each kind while the caller loads them; `found` holds the samples by kind afterwards.

    Where the profiler is not installed, nothing is found.
    """
    program = profiler()
    if program is None:
        yield
        return
    with TemporaryDirectory(prefix="tally-samples-") as folder:
        running = {kind: _start(program, ids[0], Path(folder) / kind) for kind, ids in watched.items() if ids}
        try:
            yield
        finally:
            for each in running.values():
                each.send_signal(signal.SIGINT)
            for each in running.values():
                each.wait(END_SECONDS_MAX)
        for kind in running:
            written = Path(folder) / kind
            if written.exists():
                found[kind] = read_samples(written.read_text(encoding="utf-8").splitlines())


def times_of(watched: Mapping[str, list[int]]) -> dict[str, ProcessTime]:
    """Return the processor time of a node's processes by kind."""
    return {kind: sum(map(process_time, ids), ProcessTime()) for kind, ids in watched.items()}


def stage_microseconds(seen: Samples, spent: ProcessTime, count: int) -> dict[str, float]:
    """Divide a process's time over stages by their samples; microseconds of each of `count` transactions."""
    one = spent.running / 1000 / max(1, count) / max(1, sum(seen.stages.values()))
    return {stage: number * one for stage, number in sorted(seen.stages.items(), key=lambda entry: -entry[1])}


def _start(program: Path, pid: int, output: Path) -> "subprocess.Popen[bytes]":
    how = ["--nonblocking", "--function", "--format", "raw", "--duration", "unlimited"]
    command = [str(program), "record", "--pid", str(pid), *how, "--rate", str(SAMPLES_PER_SECOND)]
    return subprocess.Popen(  # noqa: S603 - a program of our own environment
        [*command, "--output", str(output)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
