"""Fixed-point arithmetic against fractions and decimal; dates and times against datetime, where it has an opinion."""

import calendar
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.engine.builtins import ROUNDINGS
from contracts.engine.dates import (
    DAY,
    TIME_MAX,
    TIME_MIN,
    date_of_day,
    day_of_date,
    months_later,
    parts_of_time,
    text_of_date,
    text_of_time,
    time_of_parts,
    time_of_text,
)
from contracts.engine.errors import Failed
from contracts.engine.gas import CURRENT
from contracts.engine.guards import value_guards
from contracts.engine.limits import INTEGER_MAX, INTEGER_MIN, PLACES_MAX
from contracts.engine.run import Run

WIDE = st.integers(INTEGER_MIN, INTEGER_MAX)
NARROW = st.integers(-50, 50)
ROUNDING = st.sampled_from(sorted(ROUNDINGS))
PLACES = st.integers(0, PLACES_MAX)
TIMES = st.integers(TIME_MIN, TIME_MAX)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def twin(exact: Fraction, rounding: str) -> int | None:
    """Round a fraction by its definition; None where there is no answer."""
    low, high = floor(exact), ceil(exact)
    nearest = round(exact)
    tie = exact - low == Fraction(1, 2)
    toward, away = (low, high) if exact > 0 else (high, low)
    answers = {
        "floor": low,
        "ceil": high,
        "down": toward,
        "up": away,
        "half_even": nearest,
        "half_up": away if tie else nearest,
        "half_down": toward if tie else nearest,
    }
    if rounding == "exact":
        return low if low == high else None
    return answers[rounding]


def computed(name: str, *arguments: object) -> object:
    """Return what a guard gives, or None where it fails."""
    run = Run(CURRENT)
    run.gas = 10**9
    try:
        return value_guards(run)[name](*arguments)
    except Failed:
        return None


def expected(exact: Fraction, rounding: str) -> int | None:
    value = twin(exact, rounding)
    return value if value is not None and INTEGER_MIN <= value <= INTEGER_MAX else None


@given(WIDE | NARROW, (WIDE | NARROW).filter(bool), ROUNDING)
def test_a_division_rounds_the_exact_quotient(a: int, b: int, rounding: str) -> None:
    assert computed("divide", a, b, rounding) == expected(Fraction(a, b), rounding)


@given(WIDE | NARROW, WIDE | NARROW, (WIDE | NARROW).filter(bool), ROUNDING)
def test_mul_div_rounds_the_exact_quotient(a: int, b: int, c: int, rounding: str) -> None:
    assert computed("mul_div", a, b, c, rounding) == expected(Fraction(a * b, c), rounding)


@given(WIDE | NARROW, WIDE | NARROW, ROUNDING)
def test_basis_points_are_ten_thousandths(amount: int, points: int, rounding: str) -> None:
    exact = Fraction(amount * points, 10_000)
    assert computed("basis_points_of", amount, points, rounding) == expected(exact, rounding)


@given(WIDE | st.integers(-(10**9), 10**9), PLACES, PLACES, ROUNDING)
def test_rescaling_keeps_the_amount(amount: int, places: int, other: int, rounding: str) -> None:
    exact = Fraction(amount, 10**places) * 10**other
    assert computed("rescale", amount, places, other, rounding) == expected(exact, rounding)


@given(st.integers(0, 2 * 10**9), st.integers(1, 10**9), st.integers(0, 200), ROUNDING)
def test_compounding_rounds_the_exact_power(rate: int, scale: int, periods: int, rounding: str) -> None:
    exact = Fraction(rate, scale) ** periods * scale
    assert computed("compound_rate", rate, scale, periods, rounding) == expected(exact, rounding)


@pytest.mark.parametrize("arguments", [(-1, 1, 1), (1, 0, 1), (1, -1, 1), (1, 1, -1), (2**64, 1, 1009), (2, 1, 32769)])
def test_compounding_has_bounds(arguments: tuple[int, int, int]) -> None:
    assert computed("compound_rate", *arguments, "floor") is None


@given(WIDE, PLACES)
def test_amounts_are_written_as_decimal_writes_them_and_read_back(amount: int, places: int) -> None:
    written = computed("format_amount", amount, places)
    with localcontext() as context:
        context.prec = 200
        assert written == f"{Decimal(amount).scaleb(-places):.{places}f}"
    assert computed("parse_amount", written, places) == amount


AMOUNT_TEXT = st.text("0123456789.-+ _eE\u0661", max_size=12)


@given(AMOUNT_TEXT, st.integers(0, 5))
def test_any_text_is_an_amount_of_so_many_places_or_none(text: str, places: int) -> None:
    match = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text, re.ASCII)
    fits = match is not None and len((match[1] or ".")[1:]) <= places
    assert computed("parse_amount", text, places) == (int(Decimal(text).scaleb(places)) if fits else None)


def moment(time: int) -> datetime:
    return EPOCH + timedelta(milliseconds=time)


@given(TIMES)
def test_times_have_the_parts_and_texts_that_datetime_gives(time: int) -> None:
    there = moment(time)
    parts = parts_of_time(time)
    assert parts == [*there.timetuple()[:6], there.microsecond // 1000]
    assert text_of_time(time) == there.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert text_of_date(time) == there.date().isoformat()
    assert time_of_parts(*parts) == time
    assert time_of_text(text_of_time(time)) == time
    assert time_of_text(text_of_date(time)) == time // DAY * DAY
    assert computed("day_of_week", time) == there.isoweekday()
    assert computed("day_number", time) == (there - EPOCH).days


def test_every_day_of_the_calendar_has_one_number() -> None:
    """All days of 400 years, which repeat for ever, and the edges of what contracts know."""
    first = day_of_date(1600, 1, 1)
    number = first
    for year in range(1600, 2000):
        for month in range(1, 13):
            for day in range(1, calendar.monthrange(year, month)[1] + 1):
                assert day_of_date(year, month, day) == number
                assert date_of_day(number) == (year, month, day)
                number += 1
    assert number - first == 146_097
    assert text_of_time(TIME_MIN) == "0001-01-01T00:00:00.000Z"
    assert text_of_time(TIME_MAX) == "9999-12-31T23:59:59.999Z"


NUMBERS = st.integers(-2, 70) | st.integers(-(10**20), 10**20)


@given(st.integers(-5, 10_005), st.integers(-1, 14), st.integers(-1, 33), NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_parts_make_a_time_if_datetime_knows_it(
    year: int, month: int, day: int, hour: int, minute: int, second: int, millisecond: int
) -> None:
    try:
        there = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except (ValueError, OverflowError):
        assert time_of_parts(year, month, day, hour, minute, second, 0) is None
        return
    found = time_of_parts(year, month, day, hour, minute, second, millisecond)
    if not 0 <= millisecond < 1000:
        assert found is None
    else:
        assert found == (there - EPOCH) // timedelta(milliseconds=1) + millisecond


@given(TIMES, st.integers(-130_000, 130_000))
def test_months_are_added_to_the_day_or_to_the_end_of_the_month(time: int, months: int) -> None:
    found = months_later(time, months)
    year, month, day, *rest = parts_of_time(time)
    there = year * 12 + month - 1 + months
    if not 12 <= there < 120_000:
        assert found is None
        return
    assert found is not None
    last = calendar.monthrange(there // 12, there % 12 + 1)[1]
    assert parts_of_time(found) == [there // 12, there % 12 + 1, min(day, last), *rest]


OFFSETS = st.integers(-(23 * 60 + 59), 23 * 60 + 59)


@given(TIMES, OFFSETS, st.integers(0, 3))
def test_texts_with_an_offset_stand_for_the_same_moment(time: int, offset: int, digits: int) -> None:
    rounded = time - time % 10 ** (3 - digits)
    try:
        local = moment(rounded).astimezone(timezone(timedelta(minutes=offset)))
    except OverflowError:
        return
    fraction = f".{local.microsecond // 1000:03}"[: digits + 1] if digits else ""
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    text = f"{local.date().isoformat()}T{local:%H:%M:%S}{fraction}{zone}"
    assert time_of_text(text) == rounded


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-3-1",
        "2026-02-29",
        "2026-00-10",
        "2026-13-01",
        "2026-04-31",
        "0000-01-01",
        "02026-01-01",
        "-2026-01-01",
        "20260301",
        "2026-03-01 12:00:00Z",
        "2026-03-01T12:00:00",
        "2026-03-01T12:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T12:60:00Z",
        "2026-03-01T23:59:60Z",
        "2026-03-01T12:00:00.Z",
        "2026-03-01T12:00:00.1234Z",
        "2026-03-01T12:00:00,5Z",
        "2026-03-01T12:00:00z",
        "2026-03-01t12:00:00Z",
        "2026-03-01T12:00:00+08",
        "2026-03-01T12:00:00+0800",
        "2026-03-01T12:00:00-00:00",
        "2026-03-01T12:00:00+24:00",
        "2026-03-01T12:00:00+08:60",
        "2026-03-01T12:00:00Z\n",
        " 2026-03-01",
        "2026-03-\u0661\u0662",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2026-03-01Z",
    ],
)
def test_what_is_no_time(text: str) -> None:
    assert time_of_text(text) is None


@pytest.mark.parametrize(
    ("text", "time"), [("2024-02-29", 1_709_164_800_000), ("2026-03-01T12:00:00+00:00", 1_772_366_400_000)]
)
def test_what_is_a_time(text: str, time: int) -> None:
    assert time_of_text(text) == time
