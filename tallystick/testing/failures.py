"""The error of a call that failed in a test, and how it is told: call, code, lines of the contract, values."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from tallystick.testing.explaining import Explanation, Frame, show
from tallystick.testing.sources import Source

CONTEXT_LINES: Final = 2
"""Lines of the contract that are shown before and after the one that failed."""


class CallFailed(Exception):
    """A call, view or deployment failed; nothing of it remains in the state."""

    def __init__(self, call: str, explanation: Explanation, gas_used: int, message: str) -> None:
        super().__init__(message)
        self.call = call
        self.code = explanation.code
        """The stable code, which a client would see."""
        self.reason = explanation.reason
        """What the engine says beyond the code; clients never see it."""
        self.function = explanation.frames[-1].function if explanation.frames else None
        self.line = explanation.frames[-1].line if explanation.frames else None
        """Line of the contract, None if its code was not running."""
        self.gas_used = gas_used


class WrongFailure(AssertionError):
    """A call did not fail as the test expected it to."""


class ExpectedFailure:
    """A block in which a call must fail with a code; see Ledger.fails."""

    error: CallFailed
    """The failure, once the block is left."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        __tracebackhide__ = True
        if error is None:
            raise WrongFailure(f"expected a call to fail with {self._code}; none failed")
        if not isinstance(error, CallFailed):
            return False
        if error.code != self._code:
            raise WrongFailure(f"expected {self._code}, but {error}") from None
        self.error = error
        return True


def call_text(contract: str, method: str, args: Sequence[Any], names: Sequence[str], sender: str | None) -> str:
    """Return a call as a test writes it, with the names of its parameters as far as they are known."""
    given = [f"{names[place]}={show(value)}" if place < len(names) else show(value) for place, value in enumerate(args)]
    by = "" if sender is None else f" by {sender}"
    return f"{contract}.{method}({', '.join(given)}){by}"


def failure_text(call: str, explanation: Explanation, sources: Mapping[str, Source], reads: Sequence[str]) -> str:
    """Return what a test shows of a failed call, in several lines."""
    head = f"{call} failed: {explanation.code}"
    if explanation.reason:
        head += f" ({explanation.reason})"
    lines = [head]
    for frame in explanation.frames[:-1]:
        lines += ["", _place(frame, sources), *_context(frame, sources, 0)]
    if explanation.frames:
        frame = explanation.frames[-1]
        lines += ["", _place(frame, sources), *_context(frame, sources, CONTEXT_LINES)]
        if frame.values:
            lines += ["  where", *(f"    {name} = {value}" for name, value in frame.values.items())]
    if reads:
        lines += ["  read", *(f"    {read}" for read in reads)]
    return "\n".join(lines)


def _place(frame: Frame, sources: Mapping[str, Source]) -> str:
    source = sources.get(frame.file_name)
    label = frame.file_name if source is None else source.label
    return f"{label}:{frame.line} in {frame.function}"


def _context(frame: Frame, sources: Mapping[str, Source], around: int) -> list[str]:
    source = sources.get(frame.file_name)
    if source is None:
        return []
    lines = source.text.split("\n")
    first, last = max(frame.line - around, 1), min(frame.line + around, len(lines))
    return [
        f"  {'>' if number == frame.line else ' '} {number:4} | {lines[number - 1]}".rstrip()
        for number in range(first, last + 1)
    ]
