"""Executor and reader processes that end or stop at a named moment of their work, once for each time they are told to.

Each moment is a place in the product's own code, before or after one of its functions. What happens at which moment is
told by a file in the state folder. The executor looks for it at every moment and removes it first, so that its
successor gets past; the reader, which reaches no file once it is locked in, looks when it starts.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from executor_fake_runtime import FakeRuntime

from chain.ledger import Ledger
from chain.state_database import StateDatabase
from chain.store import LevelStore
from contracts.executor import reader, worker
from contracts.executor.reader_service import ReaderService
from contracts.executor.remote_store import RemoteStore
from contracts.executor.service import Service
from contracts.executor.state_link import BEGIN, GET, StateLink
from processes.channel import Channel
from processes.frames import decode_payload, encode_frame

TOLD: Final = "told"
"""The file: `kill` or `hang`, a colon, the kind of process, a colon, and the moment."""

Function = Callable[..., Any]
Trap = Callable[[], None]
Moment = tuple[object, str, Callable[[Function, Trap], Function]]
"""The owner of a function, its name, and what it is replaced by."""


def before(function: Function, trap: Trap) -> Function:
    def replaced(*arguments: Any, **named: Any) -> Any:
        trap()
        return function(*arguments, **named)

    return replaced


def after(function: Function, trap: Trap) -> Function:
    def replaced(*arguments: Any, **named: Any) -> Any:
        value = function(*arguments, **named)
        trap()
        return value

    return replaced


def only(kind: object, at: int, place: Callable[[Function, Trap], Function]) -> Callable[[Function, Trap], Function]:
    """Restrict a trap to calls whose argument number `at` is `kind`."""

    def placed(function: Function, trap: Trap) -> Function:
        trapped = place(function, trap)
        return lambda *arguments: (trapped if arguments[at] == kind else function)(*arguments)

    return placed


def looks(kind: int, place: Callable[[Function, Trap], Function]) -> Callable[[Function, Trap], Function]:
    """Restrict a trap to the reader's looks of one kind."""

    def placed(function: Function, trap: Trap) -> Function:
        trapped = place(function, trap)
        return lambda link, packet: (trapped if decode_payload(packet)[1] == kind else function)(link, packet)

    return placed


def replies(number: int, place: Callable[[Function, Trap], Function]) -> Callable[[Function, Trap], Function]:
    """Restrict a trap to what is sent in reply to the requests from a number on: 0 opens, the node's begin at 1."""

    def placed(function: Function, trap: Trap) -> Function:
        trapped = place(function, trap)
        return lambda channel, message: (trapped if min(message[0], 1) == number else function)(channel, message)

    return placed


def half(function: Function, trap: Trap) -> Function:
    """Write half of a message, and come to the moment."""

    def replaced(channel: Channel, message: list[Any]) -> None:
        frame = encode_frame(message)
        written = os.write(channel.fileno(), frame[: len(frame) // 2])
        trap()
        # Whoever gets past the moment sends the rest.
        os.write(channel.fileno(), frame[written:])

    return replaced


EXECUTOR: Final[dict[str, Moment]] = {
    "before the request to open is read": (worker, "_open", before),
    "locked in, before the database is open": (worker, "lock_down", after),
    "the database is open, the ledger is not": (worker, "open_ledger", before),
    "opened, before that is answered": (Channel, "send", replies(0, before)),
    "half of the first answer is sent": (Channel, "send", replies(0, half)),
    "a request waits and is not read": (worker.Ports, "next_request", before),
    "a block is read, its execution not begun": (Service, "answer", only("execute", 1, before)),
    "in the middle of an execution": (FakeRuntime, "call", after),
    "executed, before the answer is kept": (Ledger, "execute", after),
    "the outcome is computed, not sent": (Service, "answer", only("execute", 1, after)),
    "half of the outcome is sent": (Channel, "send", replies(1, half)),
    "the outcome is sent": (Channel, "send", replies(1, after)),
    "told to apply, nothing written": (Service, "answer", only("apply", 1, before)),
    "the batch is made, not written": (LevelStore, "write", before),
    "the batch is written, memory is not": (LevelStore, "write", after),
    "the database has it, the ledger has not": (StateDatabase, "apply", after),
    "applied, before it is answered": (Service, "answer", only("apply", 1, after)),
    "between the blocks of a replay": (Service, "_make_head", after),
    "a view has asked for a state": (StateLink, "answer", looks(BEGIN, before)),
    "a look of a view is read": (StateLink, "answer", looks(GET, before)),
    "a look of a view is answered in memory": (StateLink, "answer", looks(GET, after)),
}

READER: Final[dict[str, Moment]] = {
    "told to open, before the walls": (reader, "lock_down", before),
    "locked in, before that is answered": (reader, "lock_down", after),
    "half of the first answer is sent": (Channel, "send", replies(0, half)),
    "a question is read": (ReaderService, "answer", before),
    "it has taken a state": (RemoteStore, "begin", after),
    "in the middle of a view": (RemoteStore, "get", after),
    "the answer is computed, the state held": (RemoteStore, "end", before),
    "the answer is computed, not sent": (ReaderService, "answer", after),
    "half of the answer is sent": (Channel, "send", replies(1, half)),
    "the answer is sent": (Channel, "send", replies(1, after)),
}


def misbehave(deed: str) -> None:
    """Be killed, or wait for that."""
    if deed == "kill":
        signal.raise_signal(signal.SIGKILL)
    while deed == "hang":
        time.sleep(60)


def set_trap(moment: Moment, trap: Trap) -> None:
    """Have a process come by its moment."""
    owner, name, place = moment
    setattr(owner, name, place(getattr(owner, name), trap))


def told(path: Path, kind: str) -> tuple[str, str]:
    """Return what a process of this kind is told, moment and deed; two empty texts if it is told nothing."""
    if not path.exists():
        return "", ""
    deed, meant, moment = path.read_text(encoding="utf-8").split(":")
    return (moment, deed) if meant == kind else ("", "")


def tell(folder: Path, deed: str, kind: str, moment: str) -> Path:
    """Tell the next process of this kind that comes to its moment; return the file, which is removed there."""
    path = folder / TOLD
    path.with_suffix(".new").write_text(f"{deed}:{kind}:{moment}", encoding="utf-8")
    return path.with_suffix(".new").replace(path)


def main() -> None:
    """Serve as an executor; the state folder is the last argument of all."""
    folder = Path(sys.argv[-1])
    # What sends in halves does not call what it replaces, so it comes before whatever else is to be called.
    for name in sorted(EXECUTOR, key=lambda name: not name.startswith("half")):
        set_trap(EXECUTOR[name], partial(_at_moment, folder / TOLD, name))
    worker.run(FakeRuntime(folder))


def _at_moment(path: Path, name: str) -> None:
    moment, deed = told(path, "executor")
    if moment == name:
        path.unlink()
        misbehave(deed)
