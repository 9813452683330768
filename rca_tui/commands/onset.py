"""`--onset auto|TIME`, relative to the window of an incident."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cluster.window import Onset, OnsetSource, Window
from rca_tui.commands.errors import BadInput

if TYPE_CHECKING:
    from cluster.incident.model import Incident

HELP = "auto, or when it began: unix seconds, ISO 8601 (UTC without an offset), or +SECONDS from the window's start."


def place(incident: Incident, onset: str) -> Incident:
    """The incident with the given onset, or with the estimated one for `auto`. Raises BadInput."""
    if onset == "auto":
        from methods.telemetry.onset import with_onset

        return with_onset(incident)

    return incident.at(Onset(parse(onset, incident.window), OnsetSource.OPERATOR))


def parse(text: str, window: Window) -> float:
    """Unix seconds. Raises BadInput for text that is not a time, or a time outside the window."""
    time = _seconds(text.strip(), window.start)
    if time is None or not math.isfinite(time):
        raise BadInput(f"--onset {text!r} is no time: give auto, unix seconds, ISO 8601, or +SECONDS from the start")
    if not window.start < time < window.end:
        raise BadInput(
            f"--onset {text!r} is outside the incident, which lasts from {_iso(window.start)} to {_iso(window.end)} "
            f"(+0 to +{window.seconds:.0f})"
        )
    return time


def _seconds(text: str, start: float) -> float | None:
    try:
        return start + float(text[1:]) if text.startswith("+") else float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _iso(time: float) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"{time:g}"
