"""One line about where a signal comes from, and what else of its component is not measured."""

from __future__ import annotations

from rich.text import Text

from cluster.provenance import Origin, Provenance, Record, described
from cluster.text.plain import plain

_FIRST = (Origin.UNKNOWN_NAME, Origin.PARTIAL, Origin.SCRAPE_FAILED, Origin.STALE, Origin.NOT_COMPARABLE)
"""States that somebody can mend, which stand before what is not exported."""


def origin_of(provenance: Provenance, component: str, signal: str) -> Text:
    """ "measured as X, every 5 s · not exported: …"; empty for telemetry that says nothing about itself."""
    text = Text(style="dim")
    record = provenance.of(component, signal)
    if record is not None:
        text.append(plain(described(record)), style="" if record.origin is Origin.MEASURED else "yellow")
    others = [one for one in provenance.records if component in one.components and one.signal != signal]
    for origin in (*_FIRST, Origin.NOT_EXPORTED):
        named = [_named(one) for one in others if one.origin is origin]
        if named:
            text.append(f"{' · ' if text.plain else ''}{origin.value}: {', '.join(named)}")
    return text


def _named(record: Record) -> str:
    near = record.metrics[0] if record.origin is Origin.UNKNOWN_NAME and record.metrics else ""
    return plain(f"{record.signal} ({near}?)" if near else record.signal)
