"""The document of an incident: what was recorded, of which components."""

from __future__ import annotations

from cluster.display import Document, Grid, Line, Title, Tone, document
from cluster.incident.model import Incident
from cluster.text.times import clock_time, date_time, duration, span
from cluster.topology import Topology


@document.register
def incident(shown: Incident) -> Document:
    """Where and when, how much telemetry, one row a component, and what is known to be missing."""
    telemetry, topology = shown.telemetry, shown.topology
    onset = "onset not set"
    if shown.onset is not None:
        after = duration(round(shown.onset.time - shown.window.start))
        onset = f"onset {clock_time(shown.onset.time)}, {after} into the window ({shown.onset.source})"
    lines = telemetry.logs["component"].value_counts()
    spans = telemetry.spans["component"].value_counts()
    rows = (
        (
            component.id,
            component.kind.value,
            ", ".join(_with_share(topology, component.id, callee) for callee in topology.callees(component.id)),
            ", ".join(topology.hosts(component.id)),
            len(telemetry.signals_of(component.id)),
            int(spans.get(component.id, 0)),
            int(lines.get(component.id, 0)),
        )
        for component in topology.components
    )
    columns = ("component", "kind", "calls", "runs on", "signals", "spans", "log lines")
    return (
        Title(f"Incident {shown.id}"),
        Line(
            f"{shown.deployment}, {date_time(shown.window.start)}, {span(shown.window.seconds)}; {onset}; "
            f"front door {topology.front_door or 'unknown'}."
        ),
        Line(f"{len(telemetry.metrics)} samples, {len(telemetry.spans)} spans, {len(telemetry.logs)} log lines."),
        Grid.of(columns, rows, whole="component kind"),
        *(Line(note, Tone.QUIET) for note in shown.notes),
    )


def _with_share(topology: Topology, caller: str, callee: str) -> str:
    share = topology.share(caller, callee)
    return callee if share is None else f"{callee} ({share:.0%})"
