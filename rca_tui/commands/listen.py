"""`rca-tui listen`: an Alertmanager posts, and the incident is captured, answered and reported."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rca_tui.commands.connection import InCluster, choose_also, chosen, connect
from rca_tui.commands.errors import BadInput, Interrupted, say
from rca_tui.commands.output import AWAITS_JSON, AsJson, print_line
from rca_tui.vocabulary import versioned

if TYPE_CHECKING:
    from cluster.alerts import AlertGroup
    from cluster.deployment import Deployment
    from rca_tui.listen.answer import Answered
    from rca_tui.listen.inbox import Inbox, Taken
    from rca_tui.listen.notify import Notifier
    from rca_tui.listen.server import Server
    from rca_tui.listen.worker import Worker

PORT = 9195
ENDING = 30.0
"""Seconds that what is being answered has to stop."""


def listen(
    incident: Annotated[
        str | None,
        typer.Argument(
            metavar="INCIDENT",
            help="A rehearsal: a saved incident stands in for the live deployment.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; beyond this machine only with a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free one.")] = PORT,
    on_report: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND|URL",
            envvar="RCA_TUI_ON_REPORT",
            help="Run or post to this after each report; without it, nothing is sent.",
            show_default=False,
        ),
    ] = None,
    template: Annotated[
        Path | None, typer.Option(metavar="FILE", help='JSON to send in place of Slack\'s {"text": …}.')
    ] = None,
    context: InCluster = None,
    as_json: AsJson = False,
) -> None:
    """Take alerts of an Alertmanager and answer each with a report.

    Its webhook posts to http://ADDRESS:PORT/alerts. Each new incident is captured, saved, answered by all methods and
    reported as HTML; the listener keeps the last ones. RCA_TUI_TOKEN in the environment is the token that a request
    must carry (Authorization: Bearer). With --json: one document a line for each report. SIGTERM ends it.

    Example: rca-tui listen --on-report 'mail -s incident oncall@example.com'
    """
    from cluster import paths
    from rca_tui.listen import disk
    from rca_tui.listen.inbox import Inbox
    from rca_tui.listen.server import Server, is_loopback

    choose_also(context)
    token = _token()
    if not token and not is_loopback(host):
        raise BadInput(f"{host} is reached from other machines: set RCA_TUI_TOKEN to a token that they must send")
    notifier = _notifier(on_report, template)
    _look(incident)
    folder = paths.listener()
    with disk.locked(folder):
        inbox = Inbox(folder / "inbox.json")
        worker = _worker(inbox, incident, notifier, as_json)
        try:
            server = Server(host.strip("[]"), port, token, lambda group, payload: _take(worker, group, payload))
        except (OSError, OverflowError) as error:
            raise BadInput(
                f"cannot listen on {host}, port {port}: {getattr(error, 'strerror', None) or error}"
            ) from None
        AWAITS_JSON.set(False)  # from here on, each line of the output is a report
        with _ended_by_signals(worker) as ended:
            _serve(server, worker)
    if inbox.waiting:
        say(f"ended; {inbox.waiting} waiting for an answer, which the next start gives")
    if signal.SIGINT in ended:
        raise Interrupted("interrupted; what was taken is kept")


def _token() -> str:
    from rca_tui.listen.notify import TOKEN

    token = os.environ.get(TOKEN, "").strip()
    if not token.isascii() or not token.isprintable():
        raise BadInput(f"the value of {TOKEN} is no token: it holds characters that no token has")
    return token


def _notifier(on_report: str | None, template: Path | None) -> Notifier | None:
    from rca_tui.listen.notify import Notifier

    if on_report is not None:
        return Notifier(on_report, template)
    if template is not None:
        raise BadInput("--template says what --on-report sends: give both")
    return None


def _look(incident: str | None) -> None:
    """Whether there is something to capture: without a saved incident, a deployment may still come."""
    from cluster.deployment import DeploymentError
    from cluster.incident import library

    if incident is not None:
        library.load(incident)
        return
    try:
        connect(chosen()).close()
    except DeploymentError as error:
        say(f"note: {error}; alerts are taken all the same, and tried again")


def _worker(inbox: Inbox, incident: str | None, notifier: Notifier | None, as_json: bool) -> Worker:
    from cluster import paths
    from rca_tui.listen.answer import Answerer
    from rca_tui.listen.keeping import Keeping
    from rca_tui.listen.worker import Worker

    keeping = Keeping(paths.listener() / "made.json")
    context, stop = chosen(), threading.Event()

    @contextmanager
    def connected() -> Iterator[Deployment]:
        deployment = connect(context)
        try:
            yield deployment
        finally:
            deployment.close()

    answerer = Answerer(inbox, keeping, connected, incident, stop)
    return Worker(inbox, keeping, answerer, notifier, _print_json if as_json else _print, _note, stop)


def _take(worker: Worker, group: AlertGroup, payload: str) -> Taken:
    from rca_tui.listen.inbox import Taken

    taken = worker.inbox.take(group, payload, time.time())
    if taken is Taken.NEW:
        worker.wake.set()
    if taken is not Taken.KNOWN:
        _note(f"alert {group.title}: {taken}")
    return taken


def _note(sentence: str) -> None:
    """As `say`; the listener goes on where nobody reads it any more."""
    with suppress(OSError):
        say(sentence)


def _serve(server: Server, worker: Worker) -> None:
    """Until the worker is told to stop."""
    posts = threading.Thread(target=server.serve_forever, name="posts")
    answers = threading.Thread(target=worker.run, name="answers", daemon=True)
    with server:  # closing it waits for the requests that came before
        posts.start()
        answers.start()
        say(f"listening on {server.url}" + ("" if server.token else ", without a token"))
        worker.stop.wait()
        server.shutdown()
    answers.join(ENDING)


@contextmanager
def _ended_by_signals(worker: Worker) -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM stop the worker; the list has those that came."""
    came: list[int] = []

    def end(number: int, _: object) -> None:
        came.append(number)
        worker.stop.set()
        worker.wake.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_json(answered: Answered) -> None:
    from cluster.text.json_text import json_text

    typer.echo(json.dumps(json.loads(json_text(versioned(answered.as_json())))))


def _print(answered: Answered) -> None:
    print_line(f"{answered.incident}, alert {answered.alert}: {answered.triage.verdict.headline}")
    print_line(f"  report: {answered.report}")


def register(app: typer.Typer) -> None:
    app.command()(listen)
