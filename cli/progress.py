"""A line on standard error that tells how far a long command has come; nothing where nobody watches."""

import sys
import time
from typing import Final

INTERVAL_SECONDS: Final = 0.2


class ProgressLine:
    """Owns the last line of a terminal; on anything but a terminal it stays silent."""

    def __init__(self) -> None:
        self._visible = sys.stderr.isatty()
        self._shown = 0.0
        self._width = 0

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, text: str, *, last: bool = False) -> None:
        """Replace the line, unless it was replaced a moment ago."""
        now = time.monotonic()
        if not self._visible or (now - self._shown < INTERVAL_SECONDS and not last):
            return
        self._shown = now
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = len(text)

    def clear(self) -> None:
        """Take the line away, so that other output begins on an empty one."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0


def bar(done: int, total: int, width: int = 24) -> str:
    """Return a bar of a fixed width and the share in percent."""
    share = 1.0 if total == 0 else done / total
    filled = int(share * width)
    return f"[{'#' * filled}{'.' * (width - filled)}] {share:4.0%}"


def remaining(done: int, total: int, seconds: float) -> str:
    """Return the time that the rest will take at the speed so far."""
    if done == 0 or seconds == 0:
        return "-:--"
    rest = int((total - done) * seconds / done)
    hours, minutes = rest // 3600, rest // 60 % 60
    return f"{hours}:{minutes:02d}:{rest % 60:02d}" if hours else f"{minutes}:{rest % 60:02d}"
