"""`rca-tui check`: which faults the telemetry of a deployment or a saved incident cannot diagnose."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.text.times import span
from rca_tui.commands import completion
from rca_tui.commands.connection import InCluster, await_history, choose_also, connected
from rca_tui.commands.errors import interruptible, say, say_each
from rca_tui.commands.output import AsJson, print_document, print_json
from rca_tui.vocabulary import window_json

if TYPE_CHECKING:
    from guidelines.survey import Survey


class Format(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


def check(
    incident: Annotated[
        str | None,
        typer.Argument(
            metavar="INCIDENT",
            help="A path or a name that `incidents` lists; without one, the live deployment.",
            autocompletion=completion.incidents,
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="text: a list. markdown, html: a page to attach to a ticket.")
    ] = Format.TEXT,
    context: InCluster = None,
    as_json: AsJson = False,
) -> None:
    """Show which faults this telemetry cannot diagnose.

    Each check answers pass, fail or unknown, and says what to change.

    Example: rca-tui check --format html > monday.html
    """
    choose_also(context)
    from cluster import pages
    from guidelines import catalog, checkup, documents

    say_each(catalog.problems())
    with interruptible("interrupted; nothing was changed"):
        survey = _survey(incident)
        report = checkup.run(survey)
    if as_json:
        print_json({"incident": incident, "window": window_json(survey.incident.window), **checkup.as_data(report)})
    elif form is Format.MARKDOWN:
        typer.echo(pages.markdown(documents.whole(report)), nl=False)
    elif form is Format.HTML:
        typer.echo(pages.page(f"Observability of {report.name}", documents.whole(report)), nl=False)
    else:
        print_document((*documents.summary(report), *documents.fixes(report)))


def _survey(name: str | None) -> Survey:
    from guidelines import survey

    if name is not None:
        from cluster.incident import library

        return survey.of_incident(library.load(name), name)

    with connected() as deployment:
        await_history(deployment)
        say(f"checking the last {span(survey.LOOK)} of {deployment.name}")
        return survey.of_deployment(deployment)


def register(app: typer.Typer) -> None:
    app.command()(check)
