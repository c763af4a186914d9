"""Times of EPCIS events: xsd:dateTimeStamp in, integer milliseconds and their one canonical spelling out."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

_STAMP: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_OFFSET: Final = re.compile(r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def is_offset(text: str) -> bool:
    """Tell whether text is a UTC offset as eventTimeZoneOffset wants it."""
    return _OFFSET.fullmatch(text) is not None


def milliseconds(text: str) -> int:
    """Return the milliseconds since 1970 that a time stamp names; a fourth decimal of 5 or more rounds up.

    Raises:
        ValueError: for text that is no date and time with an offset.
    """
    match = _STAMP.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is no date and time with an offset")
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if hour > "23" or minute > "59" or second > "59":
        raise ValueError(f"{text[:40]!r} names an hour, minute or second that does not exist")
    days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_DAY
    total = ((days * 24 + int(hour)) * 60 + int(minute)) * 60 + int(second)
    if offset != "Z":
        if not is_offset(offset):
            raise ValueError(f"{offset!r} is no UTC offset")
        shift = int(offset[1:3]) * 3600 + int(offset[4:6]) * 60
        total += shift if offset[0] == "-" else -shift
    return total * 1000 + _rounded(fraction)


def canonical_time(text: str) -> str:
    """Return a time stamp in UTC with exactly three decimals, as the event hash wants it.

    Raises:
        ValueError: for text that is no date and time with an offset, or lies outside the years 1 to 9999.
    """
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds(text))
    except OverflowError as error:
        raise ValueError(f"{text[:40]!r} lies outside the years 1 to 9999") from error
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def _rounded(fraction: str | None) -> int:
    if fraction is None:
        return 0
    kept = int(fraction[:3].ljust(3, "0"))
    return kept + 1 if fraction[3:4] >= "5" else kept
