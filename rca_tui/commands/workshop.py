"""A drill for a room: players join in their browsers, and a recording plays for all of them."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from cluster.incident.truth import NO_FAULT
from rca_tui.commands import completion
from rca_tui.commands.errors import say
from rca_tui.commands.output import print_line
from rca_tui.commands.serve import PORT, Listen, entrance, require_extra, start


def workshop(
    incident: Annotated[
        list[str],
        typer.Argument(
            metavar="INCIDENT…",
            help="Recorded drills with a sealed truth, played in this order.",
            autocompletion=completion.incidents,
        ),
    ],
    listen: Listen = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = PORT,
) -> None:
    """Play recorded drills for a room: each guesses in a browser, and the reveal shows who was right.

    Players open the page, give a name and get an app of their own over the same recording, which plays as if live for
    all at once; they can change nothing, and see no guess of others before the reveal. The instructor's address, which
    is printed, starts each recording and reveals it. /board is for the projector. With --listen the room's addresses
    need a token, as with `serve`. Every event is kept in a file. Ctrl-C ends it.

    Example: rca-tui workshop drill-05 drill-12 --listen 0.0.0.0
    """
    require_extra()
    import psutil

    from cluster import paths
    from faults import catalog
    from rca_tui.room import lesson
    from rca_tui.room.server import capacity
    from rca_tui.room.workshop_server import WorkshopServer

    rounds = lesson.load(incident)
    host, token = entrance(listen)
    folder = paths.state_home() / "workshops"
    folder.mkdir(parents=True, exist_ok=True)
    session = folder / time.strftime("%Y%m%d-%H%M%S.jsonl", time.gmtime())
    kinds = tuple(entry.name for entry in catalog.entries() if entry.name != NO_FAULT)
    server = WorkshopServer(lesson.Workshop(rounds, session), kinds, host, port, token, folder / "apps.log")
    print_line(f"players: {server.address}")
    print_line(f"instructor: {server.instructor_address}")
    print_line(f"kept in {session}")
    say(f"this machine has memory for about {capacity(psutil.virtual_memory().available)} players")
    start(server)


def register(app: typer.Typer) -> None:
    app.command()(workshop)
