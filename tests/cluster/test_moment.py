from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.deployment import DeploymentError
from cluster.moment import MOST_SAMPLES, SAMPLES, Moment, about, since, window

NOW = 1_700_000_000.0


def test_the_last_minutes_have_as_long_a_baseline_before_them() -> None:
    assert window(since(NOW, 240), NOW, 1.0) == (window(since(NOW, 240), NOW, 1.0)[0], 1.0)
    chosen, _ = window(since(NOW, 240), NOW, 1.0)
    assert (chosen.start, chosen.end) == (NOW - 480, NOW)


def test_an_alert_that_waited_five_minutes_has_its_onset_well_inside() -> None:
    fired = NOW - 30
    moment = Moment(fired - 420, fired - 300, fired, "the alert Slow")
    chosen, step = window(moment, NOW, 1.0)
    assert chosen.start == fired - 420 - SAMPLES
    assert chosen.end == NOW
    assert step == 1.0


def test_a_time_of_last_night_is_read_around_and_not_up_to_now() -> None:
    chosen, step = window(about(NOW - 6 * 3600), NOW, 5.0)
    assert chosen.end < NOW - 5 * 3600
    assert step == 5.0


def test_what_lies_ahead_is_refused() -> None:
    with pytest.raises(DeploymentError, match=r"^trouble about .* lies ahead of now"):
        window(about(NOW + 3600), NOW, 1.0)


def test_what_no_calendar_shows_is_refused() -> None:
    with pytest.raises(DeploymentError, match="before the year 1"):
        window(about(-62135596800.0), NOW, 1.0)


def test_times_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="not in order"):
        Moment(2.0, 1.0, 3.0, "x")


@given(st.floats(0, 7 * 86400), st.floats(0, 6 * 3600), st.floats(0, 86400), st.sampled_from([1.0, 5.0, 15.0]))
def test_every_window_is_bounded_and_holds_a_baseline(ago: float, broad: float, goes_on: float, step: float) -> None:
    earliest = NOW - ago - broad - 1
    moment = Moment(earliest, earliest + broad, earliest + broad + goes_on, "x")
    chosen, between = window(moment, NOW, step)
    assert chosen.seconds / between <= MOST_SAMPLES + 1e-6
    assert between % step == 0
    assert chosen.start <= earliest - SAMPLES * step
    assert chosen.end <= NOW
