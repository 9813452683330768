"""What people and programs say about when it happened: an alert, `since` or `at`, turned into a `Moment`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import TYPE_CHECKING

from cluster import moment as moments
from cluster.errors import RcaError
from cluster.text.times import date_time, instant, seconds_of, span

if TYPE_CHECKING:
    from cluster.alerts import AlertGroup
    from cluster.moment import Moment
    from cluster.window import Window

FORMS = "HH:MM:SS (UTC), a date and time, -5m (before the end) or unix seconds"
"""The forms of a time, for messages and help."""
LEAST, MOST = 10.0, 7 * 86400.0
"""Seconds that `since` may count back."""

_NUMBER = re.compile(r"\d{1,12}(?:\.\d{0,9})?")
_ZONE = re.compile(r"\s*(?:UTC|Z)$", re.IGNORECASE)
_CLOCK = re.compile(r"\d{1,2}:")


class WhenError(RcaError):
    """A time or a length of time that cannot be read."""


def moment_of(
    alerts: AlertGroup | None, since: str | None, at: str | None, now: float, step: float, start: float | None = None
) -> Moment:
    """The moment that the alerts, `since` or `at` mean; without any, the last minutes.

    Args:
        since: a length of time such as 15m or 1h30m.
        at: a time as `parse_time` reads it, `start` that of a saved incident.
        step: seconds between two samples of the deployment.

    Raises:
        WhenError: also where more than one of them is given.
    """
    if sum(said is not None for said in (alerts, since, at)) > 1:
        raise WhenError("an alert, since and at exclude each other", "give the one that you know best")
    if alerts is not None:
        return alerts.moment
    if at is not None:
        return moments.about(parse_time(at, now, start))
    return moments.since(now, moments.SAMPLES * step if since is None else _length(since))


def within(moment: Moment, window: Window) -> Moment:
    """The moment, if it touches the window of a saved incident. Raises WhenError."""
    if moment.earliest >= window.end or moment.until <= window.start:
        lasts = f"{date_time(window.start)} to {date_time(window.end)}"
        raise WhenError(f"{moment.why} is outside the incident, which lasts from {lasts}", "give another time, or none")
    return moment


def parse_time(text: str, now: float, start: float | None = None) -> float:
    """Unix seconds of a time as people and screens write it.

    Args:
        text: HH:MM or HH:MM:SS in UTC, the last one before `now`, the zone said or not; a date before it; ISO 8601, UTC
            without an offset; `-5m` or `-120`, so long before `now`; `+2m` or `+120`, so long after `start`; or unix
            seconds.

    Raises:
        WhenError: it is none of these.

    >>> parse_time("03:02", 14400.0), parse_time("04:30 UTC", 14400.0), parse_time("12.5", 14400.0)
    (10920.0, -70200.0, 12.5)
    >>> parse_time("-5m", 14400.0), parse_time("-120", 14400.0), parse_time("+1m30s", 14400.0, 14000.0)
    (14100.0, 14280.0, 14090.0)
    """
    days = _times(text, now, start)
    return max((time for time in days if time <= now), default=days[0])


def time_within(text: str, window: Window) -> float:
    """The same in a window: a time of day is the one that lies in it. Raises WhenError, also outside the window."""
    times = _times(text, window.end, window.start)
    inside = [time for time in times if window.start < time < window.end]
    if len(inside) == 1:
        return inside[0]
    lasts = f"{instant(window.start)} to {instant(window.end)} (+0 to +{window.seconds:.0f})"
    if inside:
        raise WhenError(
            f"{text[:80]!r} comes {len(inside)} times in the incident, which lasts from {lasts}: say the day"
        )
    raise WhenError(f"{text[:80]!r} is outside the incident, which lasts from {lasts}")


def _times(text: str, end: float, start: float | None) -> list[float]:
    """The one time that is meant; of a time of day that of each day up to the day after `end`, in order."""
    said = text.strip()
    try:
        if said[:1] in ("+", "-"):
            if said[0] == "-":
                return [end - _seconds(said[1:])]
            if start is not None:
                return [start + _seconds(said[1:])]
            raise ValueError(text)
        if _NUMBER.fullmatch(said):
            return [float(said)]
        said = _ZONE.sub("+00:00", said)
        if _CLOCK.match(said):
            return _days(
                time_of_day.fromisoformat(f"0{said}" if said[1] == ":" else said), end if start is None else start, end
            )
        moment = datetime.fromisoformat(said)
        return [(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()]
    except (ValueError, OverflowError, OSError):
        forms = FORMS if start is None else f"+2m (after the start), {FORMS}"
        raise WhenError(f"{text[:80]!r} is no time", f"give {forms}") from None


def _days(clock: time_of_day, first: float, last: float) -> list[float]:
    clock = clock if clock.tzinfo else clock.replace(tzinfo=UTC)
    day, until = (datetime.fromtimestamp(t, UTC).date() + timedelta(days=d) for t, d in ((first, -2), (last, 1)))
    count = (until - day).days + 1
    return [datetime.combine(day + timedelta(days=n), clock).timestamp() for n in range(count)]


def _seconds(text: str) -> float:
    """Seconds of 120, 5m, 1h30m. Raises ValueError."""
    return float(text) if _NUMBER.fullmatch(text) else seconds_of(text)


def _length(text: str) -> float:
    try:
        seconds = seconds_of(text.strip())
    except ValueError:
        raise WhenError(f"{text[:80]!r} is no length of time", "give one such as 90s, 15m or 1h30m") from None
    if not LEAST <= seconds <= MOST:
        raise WhenError(f"{text[:80]} is not between {span(LEAST)} and {MOST / 86400:.0f} days", "give another length")
    return seconds
