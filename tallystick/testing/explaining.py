"""What a failed call looked like from inside: the lines of the contract that were active, and the values there.

The engine gives a code and nothing else, because a receipt holds nothing else. A test wants to see more; this is read
from the exception that ended the run, before the engine forgets it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from contracts.engine.errors import Failed, OutOfGas, Rejected, Stop
from contracts.engine.values import RecordValue

FILE_PREFIX: Final = "<contract "
"""What the file names of contracts that a session compiled begin with."""
TEXT_MAX: Final = 200
"""Characters of one value that are shown."""
ELEMENTS_MAX: Final = 20
"""Elements of one list or map that are shown."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A function of a contract that was active when the run stopped."""

    file_name: str
    """The name that the session gave to the source."""
    function: str
    line: int
    values: Mapping[str, str]
    """Parameters and locals, as they are shown."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a run stopped."""

    code: str
    reason: str
    """What the engine says beyond the code; empty where the code says it all."""
    frames: tuple[Frame, ...]
    """Outermost first; empty if no code of a contract was running."""
    rejected: Rejected | None
    """The refusal of a source that was to be deployed."""

    def text(self) -> str:
        """Return code, reason and line, on one line."""
        place = f"line {self.frames[-1].line}" if self.frames else ""
        return "; ".join(part for part in (self.code, self.reason, place) if part)


def explain(stop: Stop) -> Explanation:
    """Return what can be said about the end of a run."""
    rejected = stop.__cause__ if isinstance(stop.__cause__, Rejected) else None
    return Explanation(stop.code, _reason(stop), tuple(_frames(stop)), rejected)


def _reason(stop: Stop) -> str:
    if isinstance(stop, Failed):
        return stop.reason
    notes: list[str] = getattr(stop, "__notes__", [])
    if isinstance(stop, OutOfGas):
        return "the gas is used up"
    return "; ".join(notes)


def _frames(stop: Stop) -> Iterator[Frame]:
    frames = list(_contract_frames(stop.__traceback__))
    if not frames and stop.__cause__ is not None:
        # An error of Python's own, such as a name without a value, became the stop outside of the contract's code.
        frames = list(_contract_frames(stop.__cause__.__traceback__))
    yield from frames


def _contract_frames(trace: TracebackType | None) -> Iterator[Frame]:
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename.startswith(FILE_PREFIX):
            values = {name: show(value) for name, value in trace.tb_frame.f_locals.items() if not name.startswith("_")}
            yield Frame(code.co_filename, code.co_name.removeprefix("_f_"), trace.tb_lineno, values)
        trace = trace.tb_next


def show(value: Any) -> str:
    """Return a value as an author writes it, cut where it is long."""
    return _cut(_show(value))


def _show(value: Any) -> str:
    if isinstance(value, RecordValue):
        fields = ", ".join(f"{name}={_show(part)}" for name, part in value.fields.items())
        return f"{value.kind.name}({fields})"
    if isinstance(value, list):
        return f"[{', '.join([_show(item) for item in value[:ELEMENTS_MAX]] + _more(value))}]"
    if isinstance(value, dict):
        items = [f"{key!r}: {_show(item)}" for key, item in list(value.items())[:ELEMENTS_MAX]]
        return f"{{{', '.join(items + _more(value))}}}"
    if isinstance(value, str | bytes) and len(value) > TEXT_MAX:
        return f"{value[: TEXT_MAX // 2]!r}... ({len(value)} long)"
    return repr(value)


def _more(value: list[Any] | dict[str, Any]) -> list[str]:
    left = len(value) - ELEMENTS_MAX
    return [f"... {left} more"] if left > 0 else []


def _cut(text: str) -> str:
    return text if len(text) <= 4 * TEXT_MAX else f"{text[: 4 * TEXT_MAX]} ..."
