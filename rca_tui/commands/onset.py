"""`--onset auto|TIME`, in the window of an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rca_tui.commands.errors import BadInput

if TYPE_CHECKING:
    from cluster.incident.model import Incident

HELP = (
    "auto, or when it began: HH:MM:SS or ISO 8601 (UTC unless said), +120 or +2m from the window's start, -5m from its "
    "end, or unix seconds."
)


def place(incident: Incident, onset: str) -> Incident:
    """The incident with the given onset, or with the estimated one for `auto`. Raises BadInput."""
    if onset == "auto":
        from methods.telemetry.onset import with_onset

        return with_onset(incident)
    from cluster.window import Onset, OnsetSource
    from rca_tui.when import WhenError, time_within

    try:
        time = time_within(onset, incident.window)
    except WhenError as error:
        raise BadInput(f"--onset {error}") from None
    return incident.at(Onset(time, OnsetSource.OPERATOR))
