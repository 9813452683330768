"""A drill for a room: players join in their browsers, and a scenario plays for all of them."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from cluster.incident.truth import NO_FAULT
from rca_tui.commands import completion
from rca_tui.commands.errors import BadInput, say
from rca_tui.commands.output import print_line
from rca_tui.commands.scenarios import known
from rca_tui.commands.serve import PORT, Listen, entrance, require_extra, start


def workshop(
    drill: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO…",
            help="Scenarios, or recorded drills with a sealed truth; played in this order.",
            autocompletion=completion.incidents,
        ),
    ],
    listen: Listen = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = PORT,
    speed: Annotated[
        float, typer.Option(metavar="N", help="Seconds of a recording in one second.", min=0.5, max=8)
    ] = 1.0,
) -> None:
    """Play drills for a room: each guesses in a browser, and the reveal shows who was right.

    A scenario plays on a recorded drill that fits it, drawn by chance. Players open the page, give a name and get an
    app of their own over the recording, which plays as if live for all at once; they can change nothing, and see no
    guess of others before the reveal. The instructor's address, which is printed, starts each drill and reveals it.
    /board is for the projector. With --listen the room's addresses need a token, as with `serve`. Scores go where
    `rca-tui scores` reads them, and every event into a file. Ctrl-C ends it.

    Example: rca-tui workshop one-replica-starves drill-12 --listen 0.0.0.0
    """
    require_extra()
    from cluster import paths
    from faults import catalog
    from rca_tui.room import lesson, rounds
    from rca_tui.room.server import places
    from rca_tui.room.workshop_server import WorkshopServer

    chosen = rounds.load(drill, known())
    host, token = entrance(listen)
    folder = paths.state_home() / "workshops"
    folder.mkdir(parents=True, exist_ok=True)
    session = folder / time.strftime("%Y%m%d-%H%M%S.jsonl", time.gmtime())
    room = places()
    if room == 0:
        raise BadInput("this machine has no memory for a single player: end what else runs on it")
    faults = tuple(entry.name for entry in catalog.entries() if entry.name != NO_FAULT)
    course = lesson.Workshop(chosen, session, speed, room)
    server = WorkshopServer(course, faults, host, port, token, folder / "apps.log")
    print_line(f"players: {server.address}")
    print_line(f"instructor: {server.instructor_address}")
    print_line(f"kept in {session}")
    say(f"this machine holds {room} players")
    start(server)


def register(app: typer.Typer) -> None:
    app.command()(workshop)
