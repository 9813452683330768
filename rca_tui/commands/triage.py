"""`rca-tui triage`: from an alert, a time or the last minutes to the verdict."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.text.times import between, span
from rca_tui.commands import completion, screen
from rca_tui.commands.connection import InCluster, await_history, choose_also, connected
from rca_tui.commands.errors import BadInput, interruptible, say
from rca_tui.commands.output import AsJson, print_document, print_json, print_line

if TYPE_CHECKING:
    from cluster.alerts import AlertGroup
    from rca_tui.triage import Triage

CANNOT_TELL = 1


def triage(
    incident: Annotated[
        str | None,
        typer.Argument(
            metavar="INCIDENT",
            help="A path or a name; without one, the live deployment.",
            autocompletion=completion.incidents,
        ),
    ] = None,
    alert: Annotated[
        str | None,
        typer.Option(metavar="FILE|-", help="Alerts: what an Alertmanager posts, or its /api/v2/alerts answers."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DURATION", help="It began within that time: 15m, 1h30m.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="It was noticed then: HH:MM or ISO 8601 (UTC unless said), -5m, or unix seconds."
        ),
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="With --json: wait for all methods.")] = False,
    tui: Annotated[bool, typer.Option("--tui", help="Open the app on the incident.")] = False,
    context: InCluster = None,
    as_json: AsJson = False,
) -> None:
    """Say who is to blame, how sure that is, and what to do.

    Without INCIDENT it reads the live deployment around the alert, the time or in the last minutes, with a baseline
    before that, and saves it. The quick methods answer first; the others then add evidence for and against. With --json
    the first answer is the only one, unless --all is given. Exit code 1: it cannot tell.

    Example: rca-tui triage --alert page.json --json
    """
    choose_also(context)
    if tui and as_json:
        raise BadInput("--tui and --json exclude each other: the app prints nothing")
    alerts = read_alerts(alert)
    _check_time(incident, alerts, since, at)
    if tui:
        screen.require_terminal("without --tui the verdict is printed")
    with interruptible("interrupted; nothing was written"):
        name, first = _saved(incident, alerts, since, at) if incident is not None else _live(alerts, since, at)
    if tui:
        screen.show_incident(name)
        return
    if as_json:
        _print_json(name, first, whole)
        return
    _print_first(name, first)
    last = _refined(first)
    if last.verdict.named != first.verdict.named or last.verdict.answer is not first.verdict.answer:
        print_line()
        _print_verdict(last)
    else:
        print_line(f"{len(last.results)} methods have answered after {span(last.seconds)}; the verdict stands.")
    _exit(last)


def _check_time(incident: str | None, alerts: AlertGroup | None, since: str | None, at: str | None) -> None:
    """What cannot be is refused before anything is opened or connected to. Raises WhenError, BadInput, and
    DeploymentError for a time that lies ahead."""
    from cluster.moment import window
    from rca_tui.when import moment_of

    if incident is None:
        now = time.time()
        window(moment_of(alerts, since, at, now, 1.0), now, 1.0)
    elif since is not None:
        raise BadInput("--since counts back from now, and a saved incident has ended: give --at or nothing")


def _live(alerts: AlertGroup | None, since: str | None, at: str | None) -> tuple[str, Triage]:
    """The live deployment's window, saved under a new name, and its first answer."""
    from rca_tui.triage import capture

    with connected() as deployment:
        await_history(deployment)
        say(f"reading {deployment.name}" + (f" around the alert {alerts.title}" if alerts else ""))
        path, first = capture(deployment, alerts, since, at)
    say(f"saved {path}")
    return path.name.removesuffix(".zip"), first


def _saved(name: str, alerts: AlertGroup | None, since: str | None, at: str | None) -> tuple[str, Triage]:
    from cluster.incident import library
    from rca_tui.triage import answer_saved

    return name, answer_saved(library.load(name), alerts, at)


def read_alerts(source: str | None) -> AlertGroup | None:
    """The alerts of a file, of standard input for `-`; None for no source. Raises AlertError, OSError."""
    if source is None:
        return None
    from cluster.alerts import LARGEST, parse

    if source == "-":
        payload = sys.stdin.buffer.read(LARGEST + 1)
    else:
        with Path(source).open("rb") as file:
            payload = file.read(LARGEST + 1)
    alerts = parse(payload)
    if not alerts.firing:
        say(f"note: the alert {alerts.title} has ended; the window is around its beginning")
    if alerts.left_out:
        say(f"note: {alerts.left_out} alerts belong to other incidents or are not active; of this one: {alerts.title}")
    return alerts


def _print_json(name: str, first: Triage, whole: bool) -> None:
    from rca_tui.triage import as_json

    last = _refined(first) if whole else first
    print_json(as_json(name, last))
    _exit(last)


def _print_first(name: str, first: Triage) -> None:
    from rca_tui.commands.analysis import onset_line

    window = first.incident.window
    print_line(
        f"{name}: {between(window.start, window.end)}" + (f", alert {first.alerts.title}" if first.alerts else "")
    )
    print_line(onset_line(first.incident))
    print_line()
    _print_verdict(first)
    print_line()


def _print_verdict(shown: Triage) -> None:
    from cluster.display import document

    print_document(document(shown.verdict))


def _refined(first: Triage) -> Triage:
    """The triage once every method has answered; the count goes to stderr."""
    from rca_tui.triage import refine, remaining

    rest, last = remaining(first), first
    counts = sys.stderr.isatty()
    try:
        with interruptible("interrupted; the other methods were stopped"), closing(refine(first)) as answers:
            for answer in answers:
                last = answer
                if counts:
                    sys.stderr.write(f"\r{rest - remaining(last)} of {rest} more methods have answered\x1b[K")
                    sys.stderr.flush()
    finally:
        if counts:  # what comes next has the line for itself
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
    return last


def _exit(shown: Triage) -> None:
    from methods.verdict.types import Answer

    if shown.verdict.answer is Answer.UNKNOWN:
        raise typer.Exit(CANNOT_TELL)


def register(app: typer.Typer) -> None:
    app.command()(triage)
