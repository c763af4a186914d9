"""Whether something grows: a straight line through samples, how well it is known, and what it comes to in a day."""

import math
from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Final

from chain.values import dataclass

DAY_HOURS: Final = 24.0
TELLING_ERRORS: Final = 3.0
"""A slope is told from none when it is more than so many of its standard errors."""
SETTLING_SHARE: Final = 0.5
"""Of the samples at the begin are left out: caches and the window of ids fill, heaps find their size."""
SAMPLES_MIN: Final = 8


class Verdict(StrEnum):
    """What a series shows."""

    STEADY = "steady"
    """No growth can be told from noise, or what there is adds up to nothing that matters in a day."""
    SLOW = "grows, within bounds for a day"
    GROWS = "grows beyond bounds within a day"
    UNKNOWN = "cannot be told from this run"


@dataclass(frozen=True, slots=True)
class Trend:
    """A line through samples, without those of the begin."""

    start: float
    end: float
    """Of all samples, first and last."""
    slope_an_hour: float
    error_an_hour: float
    """Standard error of the slope."""
    day: float
    """What it comes to after a day at the upper end of what the slope may be, never below the last value."""
    verdict: Verdict


def trend(samples: Sequence[tuple[float, float]], bound: float, harmless: float) -> Trend:
    """Return the trend of (seconds, value) samples.

    `bound` is what the value must stay below for a day, `harmless` what growth in a day is too little to matter.
    """
    values = [value for _, value in samples]
    kept = samples[int(len(samples) * SETTLING_SHARE) :]
    if len(kept) < SAMPLES_MIN:
        last = values[-1] if values else math.nan
        return Trend(values[0] if values else math.nan, last, math.nan, math.nan, math.nan, Verdict.UNKNOWN)
    slope, error = _line([(seconds / 3_600, value) for seconds, value in kept])
    growth = max(0.0, slope + TELLING_ERRORS * error) * DAY_HOURS
    day = values[-1] + growth
    if day > bound and (slope > TELLING_ERRORS * error or values[-1] > bound):
        verdict = Verdict.GROWS
    elif day > bound:
        # Not told from none, and not excluded either: a longer run has to say.
        verdict = Verdict.UNKNOWN
    elif growth <= harmless or slope <= TELLING_ERRORS * error:
        verdict = Verdict.STEADY
    else:
        verdict = Verdict.SLOW
    return Trend(values[0], values[-1], slope, error, day, verdict)


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return slope and standard error of the least squares line; samples follow each other, so errors are widened."""
    count = len(points)
    x_mean = sum(x for x, _ in points) / count
    y_mean = sum(y for _, y in points) / count
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in points) / spread
    rests = [y - y_mean - slope * (x - x_mean) for x, y in points]
    squares = sum(rest * rest for rest in rests)
    if squares == 0.0:
        return slope, 0.0
    follows = max(0.0, min(0.95, sum(a * b for a, b in pairwise(rests)) / squares))
    effective = max(1.0, count * (1 - follows) / (1 + follows))
    return slope, math.sqrt(squares / (count - 2) / spread * count / effective)
