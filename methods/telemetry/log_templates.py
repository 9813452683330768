"""Log templates: lines with their variable parts masked.

Words that hold a digit (times, identifiers, addresses, amounts) become `<*>`; what is left is the template. This is
plainer than a parse tree such as Drain, which would also join lines that differ in a word, but it needs no tuning, does
not depend on the order of lines, and masks 10^5 lines a second. Lines are hostile text: they are cut to `LONGEST`
characters, and beyond `MOST` templates the rarest share one, so that neither time nor memory can run away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster.incident.model import Incident
from methods.answer.types import LogsPointer
from methods.telemetry.matrix import Floats
from methods.telemetry.spans import Codes, Flags

LONGEST = 300
MOST = 2000
OTHER = "(other)"
_MASK = "<*>"
_VARIABLE = re.compile(r"[^\s,;=:()\[\]{}\"'|]*\d[^\s,;=:()\[\]{}\"'|]*")
_REPEATED = re.compile(r"<\*>(?:[\s,;=:.\-/]*<\*>)+")
_TROUBLE = re.compile(
    r"\b(?:error|exception|fail(?:ed|ure|s)?|fatal|panic|critical|traceback|timed? ?out)\b", re.IGNORECASE
)
_SEVERE = ("error", "critical", "fatal", "alert", "emerg")


@dataclass(frozen=True, eq=False)
class LogTable:
    """L lines of M templates.

    Attributes:
        time: (L,) unix seconds.
        component: (L,) component code.
        template: (L,) template code.
        trouble: (L,) the severity is an error or worse, or the line speaks of one.
        components: component ids.
        templates: M templates.
    """

    time: Floats
    component: Codes
    template: Codes
    trouble: Flags
    components: tuple[str, ...]
    templates: tuple[str, ...]


def template_of(message: str) -> str:
    """One line without its variable parts.

    >>> template_of("request 17 failed: deadline 30s exceeded at 10.0.0.1:8000")
    'request <*> failed: deadline <*> exceeded at <*>'
    """
    masked = _VARIABLE.sub(_MASK, message[:LONGEST])
    return " ".join(_REPEATED.sub(_MASK, masked).split())


def parse(incident: Incident) -> LogTable | None:
    """The lines of the incident's components as arrays; None when there are none."""
    frame = incident.telemetry.logs
    frame = frame[frame["component"].isin(list(incident.topology.ids)) & np.isfinite(frame["time"])]
    if frame.empty:
        return None
    lines, messages = pd.factorize(frame["message"].fillna("").astype(str).str.slice(0, LONGEST))
    per_message, templates = pd.factorize(np.array([template_of(m) for m in messages], dtype=object))
    template = per_message[lines]
    names = [str(name) for name in templates]
    if len(names) > MOST:
        count = np.bincount(template, minlength=len(names))
        # By text where counts are equal: the choice must not depend on the order of the lines.
        kept = sorted(range(len(names)), key=lambda i: (-count[i], names[i]))[:MOST]
        code = np.full(len(names), MOST, dtype=np.int64)
        code[kept] = np.arange(MOST)
        template, names = code[template], [*(names[i] for i in kept), OTHER]
    speaks = np.array([bool(_TROUBLE.search(m)) for m in messages], dtype=bool)[lines]
    severe = frame["severity"].fillna("").astype(str).str.lower().str.startswith(_SEVERE).to_numpy(dtype=bool)
    component, components = pd.factorize(frame["component"].astype(str))
    return LogTable(
        frame["time"].to_numpy(dtype=np.float64),
        component.astype(np.int64),
        template.astype(np.int64),
        severe | speaks,
        tuple(str(c) for c in components),
        tuple(names),
    )


def pointer(incident: Incident, component: str, template: str = "") -> LogsPointer:
    """Pointer to the lines of a component (and template) from the onset to the end of the window."""
    if incident.onset is None:
        raise ValueError("the incident has no onset")
    start = incident.onset.time
    return LogsPointer(component, template, start, max(incident.window.end, float(np.nextafter(start, np.inf))))


def count_by_bucket(time: Floats, group: NDArray[np.int64], groups: int, edges: Floats) -> Floats:
    """(B, G) events of each group between consecutive `edges`; a bucket without any event is NaN."""
    buckets = len(edges) - 1
    place = np.searchsorted(edges, time, side="right") - 1
    inside = (place >= 0) & (place < buckets)
    flat = np.bincount(place[inside] * groups + group[inside], minlength=buckets * groups)
    counts = flat.reshape(buckets, groups).astype(np.float64)
    # No event of any component: the source was not recorded then, which is not the same as silence.
    counts[counts.sum(axis=1) == 0] = np.nan
    return counts
