"""`rca-tui annotate`: the onset, the verdict and drills on Grafana's dashboards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.text.times import instant
from rca_tui.commands import onset as onsets
from rca_tui.commands.analysis import Named, When
from rca_tui.commands.errors import BadInput, interruptible, say
from rca_tui.commands.output import AsJson, print_line, print_plain_json
from rca_tui.commands.report import Revealed

if TYPE_CHECKING:
    from cluster.grafana import Annotation


def annotate(
    incident: Named,
    grafana: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Send to this Grafana; without it, nothing is sent.", show_default=False),
    ] = None,
    dashboard: Annotated[
        str | None,
        typer.Option(metavar="UID", help="Only on this dashboard; else all that show annotations by tag."),
    ] = None,
    onset: When = "auto",
    reveal: Revealed = False,
    as_json: AsJson = False,
) -> None:
    """Put onset, verdict and drills on Grafana's dashboards.

    Without --grafana it prints what it would send, with --json as it would be sent. The token of a service account that
    may read and write annotations is read from the environment variable GRAFANA_TOKEN. A drill is sent with --reveal
    only. What is there already is not sent again, and is changed where it says something else.

    Example: rca-tui annotate monday.zip --grafana https://grafana.example.com --dashboard jcIIG-07z
    """
    from cluster import grafana as client
    from cluster.incident import library
    from methods.verdict.decision import decide
    from rca_tui.report.build import build, context_of
    from rca_tui.report.grafana import annotations_of

    if grafana is not None:
        client.address(grafana)
    if dashboard is not None and not (dashboard.isascii() and dashboard.isprintable() and 0 < len(dashboard) <= 40):
        raise BadInput(f"--dashboard {dashboard!r} is no UID: it stands in the dashboard's address after /d/")
    context = context_of(incident, reveal)
    located = onsets.place(library.load(incident), onset)
    rows: list[dict[str, Any]] = []
    with interruptible("interrupted; what was printed is in Grafana"):
        found = annotations_of(build(located, incident, decide(located), (), context))
        if grafana is None:
            rows = [annotation.payload(dashboard) for annotation in found]
        else:
            for annotation, number, done in client.send(grafana, found, dashboard):
                rows.append({"id": number, **annotation.payload(dashboard)})
                sentence = f"annotation {number}: {_kind(annotation)} at {instant(annotation.time)}, {done}"
                (say if as_json else print_line)(sentence)
    if as_json:
        print_plain_json(rows)
    elif grafana is None:
        for annotation in found:
            until = "" if annotation.end is None else f" to {instant(annotation.end)}"
            print_line(f"{_kind(annotation)}, {instant(annotation.time)}{until}")
            print_line(f"  {annotation.text}")
            print_line(f"  tags: {', '.join(annotation.tags)}")
        say("nothing was sent; --grafana URL sends this")


def _kind(annotation: Annotation) -> str:
    return annotation.tags[2]


def register(app: typer.Typer) -> None:
    app.command()(annotate)
