"""A drill for a room: players join in their browsers, and a scenario plays for all of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.endpoints.watched import Watched
from rca_tui.commands import completion
from rca_tui.commands.confirmation import confirm
from rca_tui.commands.connection import InCluster, choose_also, connect
from rca_tui.commands.connection import chosen as chosen_context
from rca_tui.commands.errors import BadInput, say
from rca_tui.commands.output import print_line
from rca_tui.commands.scenarios import chosen as chosen_scenario
from rca_tui.commands.scenarios import known
from rca_tui.commands.serve import PORT, Listen, entrance, require_extra, start
from rca_tui.drill.load import loaded

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from rca_tui.room.rounds import Round


def workshop(
    drill: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO…",
            help="Scenarios, or recorded drills with a sealed truth; played in this order.",
            show_default=False,
            autocompletion=completion.incidents,
        ),
    ],
    listen: Listen = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = PORT,
    speed: Annotated[
        float, typer.Option(metavar="N", help="Seconds of a recording in one second.", min=0.5, max=8)
    ] = 1.0,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="Inject the faults into the deployment on this machine, or into that of --context."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a live workshop.")] = False,
    context: InCluster = None,
) -> None:
    """Play drills for a room: each guesses in a browser, and the reveal shows who was right.

    A scenario plays on a recorded drill that fits it, drawn by chance; with --live its fault is injected into what
    runs, and undone before the reveal. Players open the page, give a name and get an app of their own over the same
    telemetry; they can change nothing, and see no guess of others before the reveal. The instructor's address, which
    is printed, starts each drill and reveals it. /board is for the projector. With --listen the room's addresses need
    a token, as with `serve`. Scores go where `rca-tui scores` reads them, and every event into a file. Ctrl-C ends it,
    and undoes what is live.

    Example: rca-tui workshop one-replica-starves drill-12 --listen 0.0.0.0
    """
    require_extra()
    from cluster import paths
    from rca_tui.room import lesson, rounds
    from rca_tui.room.server import places
    from rca_tui.room.workshop_server import WorkshopServer

    choose_also(context)
    if chosen_context() is not None and not live:
        raise BadInput("a recording is played without --context: add --live to inject into that cluster")
    chosen = _live(drill, yes) if live else rounds.load(drill, known(), speed)
    host, token = entrance(listen)
    folder = paths.state_home() / "workshops"
    folder.mkdir(parents=True, exist_ok=True)
    session = folder / time.strftime("%Y%m%d-%H%M%S.jsonl", time.gmtime())
    room = places()
    if room == 0:
        raise BadInput("this machine has no memory for a single player: end what else runs on it")
    faults = tuple(sorted({name for each in chosen for name in each.faults}))
    course = lesson.Workshop(chosen, session, room)
    server = WorkshopServer(course, faults, host, port, token, folder / "apps.log")

    def ready() -> None:
        print_line(f"players: {server.address}")
        print_line(f"instructor: {server.instructor_address}")
        print_line(f"kept in {session}")
        say(f"this machine holds {room} players")

    start(server, ready)


def _live(names: Sequence[str], yes: bool) -> tuple[Round, ...]:
    """The scenarios on what runs. Raises BadInput, RcaError."""
    from faults import possible
    from rca_tui.room.live import Live

    told = [chosen_scenario(name) for name in names]
    where = chosen_context()
    if not yes:
        confirm("a live workshop injects faults", ["Faults will be injected."], "workshop")
    with closing(connect(where)) as deployment:
        for _, scenario in told:
            scenario.draw(deployment)  # refused now, rather than when the room is waiting for it
        components, faults = tuple(deployment.topology().ids), possible.in_deployment(deployment)

    def again() -> closing[Deployment]:
        """A drill runs in a thread of its own, where `chosen_context` knows nothing of the command line."""
        return closing(connect(where))

    guest = where.as_options() if isinstance(where, Watched) else ["--context", where] if where else []
    rounds = tuple(Live(name, scenario, again, loaded, components, tuple(guest)) for name, scenario in told)
    for each in rounds:
        each.faults = faults
    return rounds


def register(app: typer.Typer) -> None:
    app.command()(workshop)
