"""An incident as if it had happened at another time, the times in its log lines and events included."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from cluster.incident.model import Incident
from cluster.window import Onset, OnsetSource, Window

_DAY = 86400.0
_FORMS = {
    "%Y-%m-%d %H:%M:%S": r"(?<!\d)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?!\d)",
    "%Y-%m-%dT%H:%M:%S": r"(?<!\d)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?!\d)",
    "%Y/%m/%d %H:%M:%S": r"(?<!\d)\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?!\d)",  # nginx's errors
    "%d/%b/%Y:%H:%M:%S": r"(?<!\d)\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?!\d)",  # access logs
    "%m-%d %H:%M:%S": r"(?<![\d-])\d\d-\d\d \d\d:\d\d:\d\d(?!\d)",  # vLLM
    "%m%d %H:%M:%S": r"(?<=\b[IWEF])\d{4} \d\d:\d\d:\d\d(?!\d)",  # Kubernetes
}
_UNIX = re.compile(r"(?<![\w.-])1\d{9}(?![\w-])")
_TIMES = re.compile("|".join(f"({pattern})" for pattern in (_UNIX.pattern, *_FORMS.values())))


def redated(incident: Incident, seconds: float) -> Incident:
    """The incident that many seconds later. Times in messages keep their form and their fraction of a second.

    An onset that a search found is dropped, for its words and candidates tell the first time: it can be searched again.
    """
    if not seconds:
        return incident
    telemetry, window, onset = incident.telemetry, incident.window, incident.onset
    retold = _retold(window, seconds)
    kept = onset is not None and onset.source is not OnsetSource.ESTIMATED
    moved = Onset(onset.time + seconds, onset.source) if onset is not None and kept else None
    return replace(
        incident.at(moved),
        window=Window(window.start + seconds, window.end + seconds),
        telemetry=replace(
            telemetry,
            metrics=telemetry.metrics.set_axis(telemetry.metrics.index + seconds),
            edge_metrics=telemetry.edge_metrics.set_axis(telemetry.edge_metrics.index + seconds),
            spans=telemetry.spans.assign(start=telemetry.spans["start"] + seconds),
            logs=_moved(telemetry.logs, seconds, retold),
            events=_moved(telemetry.events, seconds, retold),
        ),
    )


def _moved(frame: pd.DataFrame, seconds: float, retold: Callable[[re.Match[str]], str]) -> pd.DataFrame:
    messages = frame["message"].str.replace(_TIMES, retold, regex=True)
    return frame.assign(time=frame["time"] + seconds, message=messages)


def _retold(window: Window, seconds: float) -> Callable[[re.Match[str]], str]:
    """What stands for a time in a message: a number is one only where it is within a day of the incident."""
    year = datetime.fromtimestamp(window.start, UTC).year

    def retold(match: re.Match[str]) -> str:
        text = match[0]
        if match[1] is not None:
            near = window.start - _DAY <= float(text) <= window.end + _DAY
            return str(int(text) + round(seconds)) if near else text
        form = list(_FORMS)[(match.lastindex or 2) - 2]
        try:
            dated = "%Y" in form
            time = datetime.strptime(text if dated else f"{year} {text}", form if dated else f"%Y {form}")
            return (time + timedelta(seconds=round(seconds))).strftime(form)
        except (ValueError, OverflowError):  # no date after all, such as 99-99 99:99:99
            return text

    return retold
