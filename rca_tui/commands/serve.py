"""The app in a browser."""

from __future__ import annotations

import importlib.util
import os
import secrets
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.endpoints.watched import Watched
from rca_tui.commands import completion
from rca_tui.commands.connection import InCluster, choose_also, chosen
from rca_tui.commands.errors import BadInput
from rca_tui.commands.output import print_line

if TYPE_CHECKING:
    from rca_tui.room.server import AppServer

PORT = 8000
TOKEN = "RCA_TUI_TOKEN"  # noqa: S105  the name of a variable
_SHORTEST = 8
Listen = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Also for other machines: the address to listen on. Then a token is needed."),
]


def serve(
    incident: Annotated[
        str | None,
        typer.Argument(
            metavar="INCIDENT",
            help="A saved incident; without it, what runs on this machine or in --context.",
            show_default=False,
            autocompletion=completion.incidents,
        ),
    ] = None,
    listen: Listen = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = PORT,
    context: InCluster = None,
) -> None:
    """Show the app in a browser, read-only: an app of their own for each who opens the page.

    For this machine alone, unless --listen names an address; then only with the token in the address that is printed
    (RCA_TUI_TOKEN, or one made for this run). The connection is not encrypted. Nothing can be injected, saved or opened
    from there. Ctrl-C ends it.

    Example: rca-tui serve drill-05
    """
    choose_also(context)
    require_extra()
    from cluster import paths
    from rca_tui.room.server import AppServer

    arguments = _source(incident)
    host, token = entrance(listen)
    log = paths.state_home() / "serve.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    server = AppServer((sys.executable, "-m", "rca_tui.room.guest", *arguments), host, port, token, log)
    named = chosen()
    shown = incident or (named.name if isinstance(named, Watched) else named) or "the deployment on this machine"
    start(server, lambda: print_line(f"{shown}, read-only, at {server.address}"))


def start(server: AppServer, ready: Callable[[], None]) -> None:
    """Serve until it is ended; `ready` says where, once it listens. Raises BadInput where it cannot."""
    try:
        server.serve_until_ended(ready)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"cannot listen on {server.host}, port {server.port}: {why}") from None


def require_extra() -> None:
    """Raises BadInput without the packages of the extra `serve`."""
    if importlib.util.find_spec("textual_serve") is None:
        raise BadInput("textual-serve is not installed: `pip install 'rca-tui[serve]'`")


def entrance(listen: str | None) -> tuple[str, str]:
    """The address to listen on and the token that is needed there. Raises BadInput for a token that is none."""
    from rca_tui.listen.server import is_loopback

    if listen is None or is_loopback(listen):
        return listen or "127.0.0.1", ""
    token = os.environ.get(TOKEN, "").strip() or secrets.token_urlsafe(16)
    if not token.isascii() or not token.isprintable() or len(token) < _SHORTEST:
        raise BadInput(f"the value of {TOKEN} is no token: at least {_SHORTEST} letters, digits or signs")
    return listen, token


def _source(incident: str | None) -> list[str]:
    """Arguments of a guest's app. Raises what it cannot be opened for."""
    if incident is not None:
        from cluster.incident import library

        library.find(incident)
        return ["--incident", incident]
    named = chosen()
    if isinstance(named, Watched):
        return named.as_options()
    if named is not None:
        return ["--context", named]
    from cluster.local.deployment import LocalDeployment

    LocalDeployment.connect()
    return []


def register(app: typer.Typer) -> None:
    app.command()(serve)
