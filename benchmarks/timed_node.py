"""Runs a node that notes where it is whenever it has used some more processor time: a launcher for benchmarks.profile.

    python -m benchmarks.timed_node FILE PYTHON -m node --config NODE.toml

A profiler that looks from outside sees a process that waits for a processor wherever it was interrupted, mostly where
it had just woken another one. The timer here runs only while the process does. SIGUSR1 forgets what was noted so far;
when the node ends the file holds folded stacks, one `frame;frame;frame count` a line.
"""

import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

INTERVAL_SECONDS: Final = 0.001
"""Less than what kernels tell apart: each of their ticks that falls into the process counts."""
ROOT: Final = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the node whose command follows the file."""
    output, _, _, module, *arguments = sys.argv[1:]
    noted: Counter[tuple[CodeType, ...]] = Counter()

    def note(number: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            stack.append(frame.f_code)
            frame = frame.f_back
        noted[tuple(reversed(stack))] += 1

    signal.signal(signal.SIGPROF, note)
    signal.signal(signal.SIGUSR1, lambda number, frame: noted.clear())
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        lines = [f"{';'.join(map(name_of, stack))} {count}\n" for stack, count in noted.items()]
        Path(output).write_text("".join(lines), encoding="utf-8")


def name_of(code: CodeType) -> str:
    """Return a function as the other profiler writes it, its file below our own folder or that of its library."""
    path = Path(code.co_filename)
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) and ".venv" not in path.parts else path
    return f"{code.co_qualname} ({'/'.join(shown.parts[-3:])}:{code.co_firstlineno})".replace(";", ",")


if __name__ == "__main__":
    main()
