"""What a failed call looked like from inside: the lines of the contract that were active, and the values there.

The engine gives a code and nothing else, because a receipt holds nothing else. A test wants to see more; this is read
from the exception that ended the run, before the engine forgets it.
"""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final

from chain.values import dataclass
from contracts.engine.errors import Failed, OutOfGas, Stop
from contracts.engine.values import RecordValue

FILE_PREFIX: Final = "<contract "
"""What the file names of contracts that a session compiled begin with."""
TEXT_MAX: Final = 200
"""Characters of one value that are shown."""
ELEMENTS_MAX: Final = 20
"""Elements of one list or map that are shown."""
PARTS_MAX: Final = 100
"""Parts of one value that are shown, however they are nested."""
DEPTH_MAX: Final = 6


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

    def text(self) -> str:
        """Return code, reason and line, on one line."""
        place = f"line {self.frames[-1].line}" if self.frames else ""
        return "; ".join(part for part in (self.code, self.reason, place) if part)


def explain(stop: Stop) -> Explanation:
    """Return what can be said about the end of a run."""
    return Explanation(stop.code, _reason(stop), tuple(_frames(stop)))


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
            # Names of the engine's, and those of Python's own that a comprehension has, are nothing to an author.
            values = {name: show(value) for name, value in trace.tb_frame.f_locals.items() if name[0] not in "_."}
            yield Frame(code.co_filename, code.co_name.removeprefix("_f_"), trace.tb_lineno, values)
        trace = trace.tb_next


def show(value: Any) -> str:
    """Return a value as an author writes it, cut where it is long or deep."""
    return _show(value, DEPTH_MAX, [PARTS_MAX])


def _show(value: Any, depth: int, left: list[int]) -> str:
    """Return one value; `left` counts the parts that may still be shown, so that shared parts cannot multiply."""
    left[0] -= 1
    if isinstance(value, str | bytes) and len(value) > TEXT_MAX:
        return f"{value[: TEXT_MAX // 2]!r}... ({len(value)} long)"
    if not isinstance(value, list | dict | RecordValue):
        return repr(value)
    if depth == 0 or left[0] <= 0:
        return "..."
    if isinstance(value, list):
        items = [_show(item, depth - 1, left) for item in value[:ELEMENTS_MAX]]
        return f"[{', '.join(items + _more(value))}]"
    if isinstance(value, RecordValue):
        fields = [f"{name}={_show(part, depth - 1, left)}" for name, part in value.fields.items()]
        return f"{value.kind.name}({', '.join(fields)})"
    shown = list(value.items())[:ELEMENTS_MAX]
    pairs = [f"{_show(key, 0, left)}: {_show(item, depth - 1, left)}" for key, item in shown]
    return f"{{{', '.join(pairs + _more(value))}}}"


def _more(value: list[Any] | dict[str, Any]) -> list[str]:
    left = len(value) - ELEMENTS_MAX
    return [f"... {left} more"] if left > 0 else []
