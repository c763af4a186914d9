"""The calendar of contracts: milliseconds since 1970-01-01 UTC to dates and back, by arithmetic of our own.

It is the Gregorian calendar of ISO 8601 for the years 1 to 9999, before 1582 too; a day has 86,400 seconds. Python's
datetime is not used, because its limits, its parser and its errors differ between versions and platforms. In between,
a year begins in March, so that the leap day is its last; 400 such years have always as many days.
"""

import re
from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

YEAR_MIN: Final = 1
YEAR_MAX: Final = 9999
ERA_YEARS: Final = 400
ERA_DAYS: Final = 146_097
DAYS_TO_1970: Final = 719_468
"""Days from 0000-03-01 to 1970-01-01."""
MONTH_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

TIME_TEXT: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,3}))?(?:Z|([+-])([0-9]{2}):([0-9]{2})))?"
)
TIME_TEXT_LENGTH_MAX: Final = len("2026-03-01T12:30:00.000+08:00")


def is_leap(year: int) -> bool:
    """Tell whether a year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    """Return how many days a month has."""
    return 29 if month == 2 and is_leap(year) else MONTH_LENGTHS[month - 1]


def day_of_date(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date that exists."""
    shifted = year - (month <= 2)
    era, year_of_era = divmod(shifted, ERA_YEARS)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * ERA_DAYS + day_of_era - DAYS_TO_1970


def date_of_day(number: int) -> tuple[int, int, int]:
    """Return year, month and day of a number of days since 1970-01-01."""
    era, day_of_era = divmod(number + DAYS_TO_1970, ERA_DAYS)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    return era * ERA_YEARS + year_of_era + (month <= 2), month, day


TIME_MIN: Final = day_of_date(YEAR_MIN, 1, 1) * DAY
TIME_MAX: Final = day_of_date(YEAR_MAX + 1, 1, 1) * DAY - 1


def parts_of_time(time: int) -> list[int]:
    """Return year, month, day, hour, minute, second and millisecond of a time within TIME_MIN and TIME_MAX."""
    number, rest = divmod(time, DAY)
    hour, rest = divmod(rest, HOUR)
    minute, rest = divmod(rest, MINUTE)
    return [*date_of_day(number), hour, minute, *divmod(rest, SECOND)]


def time_of_parts(year: int, month: int, day: int, hour: int, minute: int, second: int, millisecond: int) -> int | None:
    """Return the time with these parts, or None if there is no such time in the years 1 to 9999."""
    if not (YEAR_MIN <= year <= YEAR_MAX and 1 <= month <= 12 and 1 <= day <= days_in_month(year, month)):
        return None
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60 and 0 <= millisecond < 1000):
        return None
    return day_of_date(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND + millisecond


def months_later(time: int, months: int) -> int | None:
    """Return the same day and time of day in another month, or its last day; None outside of the years 1 to 9999."""
    year, month, day, *rest = parts_of_time(time)
    year, month = divmod(year * 12 + month - 1 + months, 12)
    if not YEAR_MIN <= year <= YEAR_MAX:
        return None
    return time_of_parts(year, month + 1, min(day, days_in_month(year, month + 1)), *rest)


def time_of_text(text: str) -> int | None:
    """Return the time that a text in one of the forms of ISO 8601 stands for, or None.

    The forms are `2026-03-01` and `2026-03-01T12:30:00`, with one to three digits behind a point or none, and `Z` or
    an offset such as `+08:00` at the end. There is no leap second, no hour 24 and no offset `-00:00`.
    """
    match = TIME_TEXT.fullmatch(text) if len(text) <= TIME_TEXT_LENGTH_MAX else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3, 4, 5, 6))
    time = time_of_parts(year, month, day, hour, minute, second, int((match[7] or "").ljust(3, "0")))
    if time is None or match[8] is None:
        return time
    hours, minutes = int(match[9]), int(match[10])
    offset = hours * HOUR + minutes * MINUTE
    if hours > 23 or minutes > 59 or (match[8] == "-" and offset == 0):
        return None
    time += -offset if match[8] == "+" else offset
    return time if TIME_MIN <= time <= TIME_MAX else None


def text_of_time(time: int) -> str:
    """Return a time in the one form that contracts write: `2026-03-01T12:30:00.000Z`."""
    hour, minute, second, millisecond = parts_of_time(time)[3:]
    return f"{text_of_date(time)}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z"


def text_of_date(time: int) -> str:
    """Return the UTC day of a time: `2026-03-01`."""
    year, month, day = date_of_day(time // DAY)
    return f"{year:04}-{month:02}-{day:02}"
