"""Guards of dates and times: they check types and range, `dates` does the arithmetic. Nothing here reads a clock."""

from typing import Any, Final

from contracts.engine.dates import (
    DAY,
    TIME_MAX,
    TIME_MIN,
    months_later,
    parts_of_time,
    text_of_date,
    text_of_time,
    time_of_parts,
    time_of_text,
)
from contracts.engine.errors import Failed
from contracts.engine.guards_numbers import Guard, integer
from contracts.engine.guards_text import text

THURSDAY: Final = 4
"""1970-01-01 was one."""


def time_guards() -> dict[str, Guard]:
    """Return the guards of dates and times."""
    return {
        "format_time": lambda time: text_of_time(moment(time)),
        "format_date": lambda time: text_of_date(moment(time)),
        "parse_time": lambda value: time_of_text(text(value)),
        "time_parts": lambda time: parts_of_time(moment(time)),
        "time_from_parts": time_from_parts,
        "add_months": lambda time, months: existing(months_later(moment(time), integer(months))),
        "day_number": lambda time: moment(time) // DAY,
        "day_of_week": lambda time: (moment(time) // DAY + THURSDAY - 1) % 7 + 1,
    }


def moment(value: Any) -> int:
    """Return a value that must be a time."""
    if not TIME_MIN <= integer(value) <= TIME_MAX:
        raise Failed("a time is in milliseconds since 1970, within the years 1 to 9999")
    return int(value)


def existing(time: int | None) -> int:
    """Return a time that was found."""
    if time is None:
        raise Failed("there is no such date or time within the years 1 to 9999")
    return time


def time_from_parts(
    year: Any, month: Any, day: Any, hour: Any = 0, minute: Any = 0, second: Any = 0, millisecond: Any = 0
) -> int:
    """Return the time with these parts."""
    parts = [integer(part) for part in (year, month, day, hour, minute, second, millisecond)]
    return existing(time_of_parts(*parts))
