"""The sentence that tells the onset of an incident, the same on every face."""

from __future__ import annotations

from cluster.incident.model import Incident
from cluster.text.times import clock_time
from cluster.window import OnsetSource

_FROM = {
    OnsetSource.ESTIMATED: "Trouble began about {}, as it was estimated.",
    OnsetSource.OPERATOR: "Trouble began at {}, as it was set.",
    OnsetSource.GIVEN: "Trouble began at {}, by the journal of the injection.",
    OnsetSource.NOTICED: "Trouble began about {}, worked out from when it was noticed: it may be minutes off.",
}


def onset_sentence(incident: Incident) -> str:
    """When the trouble began, between which times, and what changed; or why that is not known.

    >>> from cluster.incident import tiny
    >>> onset_sentence(tiny.incident())
    'Trouble began at 00:18:20 UTC, as it was set.'
    """
    claim = incident.onset_claim
    if incident.onset is not None and claim:
        return claim
    if incident.onset is None and claim:
        return f"No onset found: {claim[0].lower()}{claim[1:].removesuffix('.')}."
    if incident.onset is None:
        return "No onset found." if incident.onset_searched else "No onset is set."
    return _FROM[incident.onset.source].format(clock_time(incident.onset.time))
