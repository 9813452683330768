"""What all answers of `--json` share: the version of their shapes, the incident's name, and its window.

schema      version of the shapes, in the document, or in each item of a list
incident    name or path that commands accept; null for what is live and not saved
window      {"start", "end", "seconds"}: unix seconds
component   id of a component, in an object; `components` is a list of such objects
name        what a command takes to name a method, fault, check or incident
method      name of a method, in its result
status      how it came out, in one word
verdict     the tool's own answer
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cluster.text.plain import plain

if TYPE_CHECKING:
    from cluster.incident.model import Incident
    from cluster.window import Window

SCHEMA = 1


def versioned(answer: object) -> object:
    """The answer with its `schema`; in a list, each object."""
    if isinstance(answer, Mapping):
        return {"schema": SCHEMA, **answer}
    return [versioned(item) for item in answer] if isinstance(answer, list) else answer


def window_json(window: Window) -> dict[str, float]:
    """{"start", "end", "seconds"}."""
    return {"start": window.start, "end": window.end, "seconds": window.seconds}


def about(name: str | None, incident: Incident) -> dict[str, Any]:
    """{"incident", "window", "onset", "onset_between"}: which incident it is; None for one that is not saved.

    "onset" is unix seconds or None; "onset_between" the earliest and the latest that an estimate may be, or None.
    """
    onset = incident.onset
    known = onset is not None and onset.earliest is not None
    return {
        "incident": None if name is None else plain(name),
        "window": window_json(incident.window),
        "onset": onset.time if onset else None,
        "onset_between": [onset.earliest, onset.latest] if onset and known else None,
    }
