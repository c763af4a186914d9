"""A node that notes when it passes the milestones of a transaction's way; `benchmarks.lone` starts it.

    python lone_node.py FILE PYTHON -m node --config CONFIG

What follows FILE is the command that would start the node: it is run in this very process, with a few functions of it
wrapped, each of which costs a microsecond or two. When the node has ended, FILE holds its marks, one line each: the
milestone and a time of the monotonic clock in nanoseconds, which all processes of a machine share.
"""

import functools
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

NODE_ARGUMENTS: Final = 3
"""Of the command: the interpreter and `-m node`."""

_BLOCKING: Final = (
    ("assembly.proposals", "Proposals.build", "build"),
    ("chain.mempool", "Mempool.add", "admit"),
    ("chain.block_store", "BlockStore.append", "store"),
)
"""Functions whose beginning and end are noted, and what they are called."""
_AWAITED: Final = (
    ("api.submission", "submit", "http"),
    ("assembly.consensus_host", "ConsensusHostService.execute", "execute"),
    ("assembly.consensus_host", "ConsensusHostService.apply", "apply"),
)
"""The same of coroutines."""

Marks = list[tuple[str, int]]


def main() -> int:
    """Run the node; return its exit code."""
    path, arguments = Path(sys.argv[1]), sys.argv[2 + NODE_ARGUMENTS :]
    node = importlib.import_module("node")
    marks: Marks = []
    with node.cheap_imports():
        for module, name, mark in _BLOCKING:
            _replace(module, name, functools.partial(_timed, mark=mark, marks=marks))
        for module, name, mark in _AWAITED:
            _replace(module, name, functools.partial(_timed_coroutine, mark=mark, marks=marks))
        _note_syncs(marks)
    code: int = node.main(arguments)
    path.write_text("".join(f"{name} {moment}\n" for name, moment in marks), encoding="ascii")
    return code


def _replace(module_name: str, name: str, wrap: Callable[[Any], Any]) -> None:
    """Put a wrapped function in the place of one of a module or of a class in it."""
    owner = importlib.import_module(module_name)
    *classes, last = name.split(".")
    for each in classes:
        owner = getattr(owner, each)
    setattr(owner, last, wrap(getattr(owner, last)))


def _timed(function: Callable[..., Any], mark: str, marks: Marks) -> Callable[..., Any]:
    @functools.wraps(function)
    def timed(*arguments: Any, **named: Any) -> Any:
        marks.append((f"{mark}>", time.monotonic_ns()))
        try:
            return function(*arguments, **named)
        finally:
            marks.append((f"{mark}<", time.monotonic_ns()))

    return timed


def _timed_coroutine(function: Callable[..., Any], mark: str, marks: Marks) -> Callable[..., Any]:
    @functools.wraps(function)
    async def timed(*arguments: Any, **named: Any) -> Any:
        marks.append((f"{mark}>", time.monotonic_ns()))
        try:
            return await function(*arguments, **named)
        finally:
            marks.append((f"{mark}<", time.monotonic_ns()))

    return timed


def _note_syncs(marks: Marks) -> None:
    """Note each sync of the log by what it lets out: a proposal, a PREPARE, a COMMIT, or several of them."""
    log = importlib.import_module("consensus.log").WriteAheadLog
    kinds = importlib.import_module("consensus.pbft.records").RecordKind
    append, sync = log.append, log.sync
    waiting: set[str] = set()

    def noting_append(self: Any, records: Any) -> None:
        found = {record.kind for record in records}
        if kinds.PREPARED in found:
            waiting.add("commit")
        if kinds.RESULT in found:
            waiting.add("prepare")
        elif kinds.BODY in found:
            waiting.add("propose")
        append(self, records)

    def noting_sync(self: Any) -> None:
        marks.extend((f"{name}>", time.monotonic_ns()) for name in waiting)
        sync(self)
        marks.extend((f"{name}<", time.monotonic_ns()) for name in waiting)
        waiting.clear()

    log.append, log.sync = noting_append, noting_sync


if __name__ == "__main__":
    sys.exit(main())
