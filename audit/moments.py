"""Block times as people read them; a block may state any number."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(milliseconds: int) -> str:
    """Return a time, in milliseconds since 1970, in UTC; as a number where the calendar ends before it."""
    found = _datetime(milliseconds)
    if found is None:
        return f"{milliseconds} ms after 1970"
    return found.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def day(milliseconds: int) -> str:
    """Return the day of a time, such as 2026-11-22."""
    found = _datetime(milliseconds)
    return "beyond the calendar" if found is None else found.date().isoformat()


def _datetime(milliseconds: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
