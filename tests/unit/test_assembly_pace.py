"""How long what clients send would wait: measured while there is enough to do, never by what an idle network does."""

import pytest

from assembly.pace import WAIT_SECONDS_MAX, WAITING_MIN, Pace

SECOND = 1.0


def test_nothing_is_known_before_two_busy_blocks() -> None:
    pace = Pace()
    assert pace.wait_seconds(10 * WAITING_MIN) == 0.0
    pace.applied(0.0, 500, 100)
    assert pace.wait_seconds(10 * WAITING_MIN) == 0.0


def test_a_backlog_waits_as_long_as_the_busy_blocks_take() -> None:
    pace = Pace()
    for number in range(20):
        pace.applied(number * SECOND / 2, 500, 10_000)
    assert pace.wait_seconds(10_000) == pytest.approx(10.0)
    assert pace.wait_seconds(WAITING_MIN - 1) == 0.0


def test_pauses_of_an_idle_network_do_not_count() -> None:
    pace = Pace()
    for number in range(20):
        pace.applied(number * 60 * SECOND, 1, 0)
    assert pace.wait_seconds(40_000) == 0.0
    # One block that leaves something, and the next half a second later: that interval alone counts.
    pace.applied(2_000.0, 500, 500)
    pace.applied(2_000.5, 500, 0)
    assert pace.wait_seconds(5_000) == pytest.approx(5.0)


def test_the_pace_follows_a_network_that_becomes_slower() -> None:
    pace, now = Pace(), 0.0
    for _ in range(50):
        now += 0.5
        pace.applied(now, 1_000, 5_000)
    assert pace.wait_seconds(5_000) < WAIT_SECONDS_MAX
    for _ in range(30):
        now += 5.0
        pace.applied(now, 1_000, 5_000)
    assert pace.wait_seconds(5_000) == pytest.approx(25.0, rel=0.05)
