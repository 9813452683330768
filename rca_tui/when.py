"""What people and programs say about when it happened: an alert, `since` or `at`, turned into a `Moment`."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cluster import moment as moments
from cluster.errors import RcaError
from cluster.text.times import date_time, seconds_of, span

if TYPE_CHECKING:
    from cluster.alerts import AlertGroup
    from cluster.moment import Moment
    from cluster.window import Window

LEAST, MOST = 10.0, 7 * 86400.0
"""Seconds that `since` may count back."""


class WhenError(RcaError):
    """A time or a length of time that cannot be read."""


def moment_of(alerts: AlertGroup | None, since: str | None, at: str | None, now: float, step: float) -> Moment:
    """The moment that the alerts, `since` or `at` mean; without any, the last minutes.

    Args:
        since: a length of time such as 15m or 1h30m.
        at: HH:MM or HH:MM:SS in UTC, the last one before `now`; ISO 8601, UTC without an offset; or unix seconds.
        step: seconds between two samples of the deployment.

    Raises:
        WhenError: also where more than one of them is given.
    """
    if sum(said is not None for said in (alerts, since, at)) > 1:
        raise WhenError("an alert, since and at exclude each other", "give the one that you know best")
    if alerts is not None:
        return alerts.moment
    if at is not None:
        return moments.about(parse_time(at, now))
    return moments.since(now, moments.SAMPLES * step if since is None else _length(since))


def within(moment: Moment, window: Window) -> Moment:
    """The moment, if it touches the window of a saved incident. Raises WhenError."""
    if moment.earliest >= window.end or moment.until <= window.start:
        lasts = f"{date_time(window.start)} to {date_time(window.end)}"
        raise WhenError(f"{moment.why} is outside the incident, which lasts from {lasts}", "give another time, or none")
    return moment


def parse_time(text: str, now: float) -> float:
    """Unix seconds of `at`, see `moment_of`. Raises WhenError.

    >>> parse_time("03:02", 14400.0), parse_time("04:30", 14400.0), parse_time("12.5", 14400.0)
    (10920.0, -70200.0, 12.5)
    """
    text = text.strip()
    try:
        seconds = float(text)
        if math.isfinite(seconds):
            return seconds
    except ValueError:
        pass
    try:
        for form in ("%H:%M", "%H:%M:%S"):
            try:
                clock = datetime.strptime(text, form)
            except ValueError:
                continue
            today = datetime.fromtimestamp(now, UTC).replace(microsecond=0)
            moment = today.replace(hour=clock.hour, minute=clock.minute, second=clock.second)
            return (moment if moment.timestamp() <= now else moment - timedelta(days=1)).timestamp()
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise WhenError(f"{text[:80]!r} is no time", "give HH:MM (UTC), ISO 8601 or unix seconds") from None


def _length(text: str) -> float:
    try:
        seconds = seconds_of(text.strip())
    except ValueError:
        raise WhenError(f"{text[:80]!r} is no length of time", "give one such as 90s, 15m or 1h30m") from None
    if not LEAST <= seconds <= MOST:
        raise WhenError(f"{text[:80]} is not between {span(LEAST)} and {MOST / 86400:.0f} days", "give another length")
    return seconds
