"""`rca-tui report`: what is known of an incident, as one file."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rca_tui.commands import completion
from rca_tui.commands import onset as onsets
from rca_tui.commands.analysis import Named, When
from rca_tui.commands.errors import BadInput, interruptible, say
from rca_tui.commands.output import AsJson
from rca_tui.places import check_new
from rca_tui.report.files import Format

if TYPE_CHECKING:
    from cluster.incident.model import Incident
    from rca_tui.report.types import Context, Report

Revealed = Annotated[
    bool, typer.Option("--reveal", help="Tell the cause of a drill, and the injections of this machine's journal.")
]


def report(
    incident: Named,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="By default what the name of --out ends in, else markdown.", show_default=False),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; by default it is printed.")] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="Run this method only; can be repeated.", autocompletion=completion.methods)
    ] = None,
    alert: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-", help="The alerts that paged: they stand in the timeline, and hint at the onset."
        ),
    ] = None,
    onset: When = "auto",
    reveal: Revealed = False,
    as_json: AsJson = False,
) -> None:
    """Write a report: a postmortem's first half.

    Summary, timeline, verdict with charts, who dissents, the rankings of all methods, checks that failed, what was
    missing, and the commands that reproduce it. The methods take about a minute the first time; their rankings are
    kept. The cause of a drill is told with --reveal only.

    Example: rca-tui report drill-05 --out monday.html
    """
    from cluster.incident import library
    from methods import catalog
    from methods.telemetry.reported_onset import with_reported_onset
    from rca_tui.commands.triage import read_alerts
    from rca_tui.report import files
    from rca_tui.report.build import context_of
    from rca_tui.report.timeline import alert_events
    from rca_tui.when import within

    if as_json and form not in (None, Format.JSON):
        raise BadInput(f"--json and --format {form} ask for two formats: give one")
    chosen = Format.JSON if as_json else form or (files.format_of(out) if out is not None else Format.MARKDOWN)
    if out is not None:
        check_new(out)
    for name in method or ():
        catalog.entry(name)
    alerts = read_alerts(alert)
    context = context_of(incident, reveal)
    located = library.load(incident)
    if alerts is None or onset != "auto":
        located = onsets.place(located, onset)
    else:
        located, doubts = with_reported_onset(located, within(alerts.moment, located.window))
        located = replace(located, notes=tuple(dict.fromkeys((*located.notes, *doubts))))
    if alerts is not None:
        context = replace(context, events=alert_events(alerts), alert=alert if alert != "-" else None)
    with interruptible("interrupted; nothing was written"):
        text = files.render(build(located, incident, context, method or None), chosen)
        if out is not None:
            files.write(text, out)
    if out is None:
        typer.echo(text, nl=False)
    else:
        say(f"wrote {out}")


def build(incident: Incident, name: str, context: Context, methods: list[str] | None) -> Report:
    """Run the methods, say how far they are on a terminal, and put the report together."""
    from methods.running import cached_results
    from methods.verdict.decision import decide
    from rca_tui.commands import rankings
    from rca_tui.report import build as building

    results = []
    for result in cached_results.run(incident, methods):
        results.append(result)
        if sys.stderr.isatty():
            say(rankings.line(result))
    return building.build(incident, name, decide(incident, results), results, context)


def register(app: typer.Typer) -> None:
    app.command()(report)
