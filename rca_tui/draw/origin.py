"""One line about where a signal comes from, and what else of its component is not measured."""

from __future__ import annotations

from rich.text import Text

from cluster.provenance import Origin, Provenance, described
from cluster.text.plain import plain


def origin_of(provenance: Provenance, component: str, signal: str) -> Text:
    """ "measured as X, every 5 s · not measured: …"; empty for telemetry that says nothing about itself."""
    text = Text(no_wrap=True, overflow="ellipsis", style="dim")
    record = provenance.of(component, signal)
    if record is not None:
        text.append(plain(described(record)), style="" if record.origin is Origin.MEASURED else "yellow")
    others = [one for one in provenance.records if component in one.components and one.signal != signal]
    for origin in Origin:
        named = [one.signal for one in others if one.origin is origin]
        if named and origin is not Origin.MEASURED:
            text.append(f"{' · ' if text.plain else ''}{origin.value}: {', '.join(named)}")
    return text
