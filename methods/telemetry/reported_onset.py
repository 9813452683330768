"""The onset of an incident that an alert or a person has noticed, and whether what lies before it can be a baseline.

What is noticed gives a stretch of time (`cluster.moment.Moment`); the SLI gives a sharper time, and is believed inside
that stretch. Outside of it, the SLI is searched again up to the end of the stretch, for what came later may be larger.
Where that finds nothing either, the moment's own time is taken, which may be minutes off.
"""

from __future__ import annotations

from cluster.incident.model import Incident
from cluster.moment import Moment
from cluster.text.times import clock_time
from cluster.window import Onset, OnsetSource, Window
from methods.answer.wording import counted
from methods.telemetry.earlier_trouble import in_trouble, without_earlier
from methods.telemetry.onset import OnsetEstimate, estimate

MARGIN = 60.0
"""Seconds by which the onset in the SLI may lie outside of the moment."""
LEAST_BASELINE = 60
"""Samples before the onset, below which the baseline is said to be short."""


def with_reported_onset(incident: Incident, moment: Moment) -> tuple[Incident, tuple[str, ...]]:
    """The incident with its onset, and what is doubtful about it and the baseline: a sentence each.

    Its window begins after a trouble that was over before the one that was noticed.
    """
    incident, earlier = without_earlier(incident, moment)
    located, doubts = _located(incident, moment)
    return located, (earlier, *doubts) if earlier else doubts


def _located(incident: Incident, moment: Moment) -> tuple[Incident, tuple[str, ...]]:
    first, last = moment.earliest - MARGIN, moment.latest + MARGIN
    whole = estimate(incident)
    found = whole
    if not _within(found, first, last) and incident.window.start < last < incident.window.end:
        found = estimate(incident.within(Window(incident.window.start, last)))
    if _within(found, first, last):
        located = incident.searched(found.onset, found.claim, found.candidates)
        return located, _short(located)
    return _unseen(incident, moment, whole)


def _unseen(incident: Incident, moment: Moment, whole: OnsetEstimate) -> tuple[Incident, tuple[str, ...]]:
    """The same where the SLI shows no onset in the moment."""
    start = incident.window.start
    if moment.likely is None:
        located = incident.searched(whole.onset, whole.claim, whole.candidates)
        if whole.onset is None or whole.onset.time >= moment.earliest:
            return located, _short(located)
        now = "reaches into it" if in_trouble(incident, moment.earliest) else "may be over"
        older = (
            f"The SLI shows no onset in what was asked for ({moment.why}): what is judged began at "
            f"{clock_time(whole.onset.time)} already, and {now}."
        )
        return located, (older, *_short(located))
    if moment.latest <= start:
        sentence = (
            f"The baseline holds the trouble: it began by {clock_time(moment.latest)} ({moment.why}), and the "
            f"telemetry begins at {clock_time(start)}."
        )
        return incident.searched(None), (sentence,)
    if whole.onset is not None and whole.onset.time < moment.earliest:
        doubt = f"it got worse at {clock_time(whole.onset.time)} already, so that the baseline holds trouble"
    elif whole.onset is not None:
        doubt = f"it got worse at {clock_time(whole.onset.time)} only"
    else:
        doubt = f"if the trouble is older than {clock_time(start)}, the baseline holds it, too"
    sentence = (
        f"The SLI shows no onset between {clock_time(moment.earliest)} and {clock_time(moment.latest)} ({moment.why}): "
        f"{doubt}."
    )
    if not start < moment.likely < incident.window.end:
        return incident.searched(None), (sentence,)
    located = incident.at(Onset(moment.likely, OnsetSource.NOTICED))
    return located, (sentence, *_short(located))


def _within(found: OnsetEstimate, first: float, last: float) -> bool:
    return found.onset is not None and first <= found.onset.time <= last


def _short(incident: Incident) -> tuple[str, ...]:
    """What is wrong with the length of the baseline."""
    if incident.onset is None:
        return ()
    before = int((incident.telemetry.metrics.index < incident.onset.time).sum())
    if before >= LEAST_BASELINE:
        return ()
    return (
        f"Only {counted(before, 'sample')} before the onset: the baseline is short, and may hold the trouble already.",
    )
