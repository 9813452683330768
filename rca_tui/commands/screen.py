"""Starts the app from the command line."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from cluster.endpoints.watched import Watched
from rca_tui.commands.errors import BadInput, at_terminal

if TYPE_CHECKING:
    from rca_tui.game import Game


def show_live(named: str | Watched | None, armed: bool) -> None:
    """Show a live deployment; None is the one on this machine, or the front page where there is none.

    Raises BadInput without a terminal, DeploymentError for endpoints that are none.
    """
    require_terminal("`rca-tui --help` lists the commands that need none")
    _collect_later()
    if isinstance(named, Watched):
        from cluster.endpoints.deployment import begin

        begin(named)
    from rca_tui.app import run_app
    from rca_tui.commands.connection import source_of
    from rca_tui.work import opening

    if named is None and not opening.local_runs():
        run_app(None, armed=armed)
        return
    source = source_of(named)
    run_app(source.connect, source.name, armed)


def show_incident(name_or_path: str) -> None:
    """Show a saved incident, its verdict first.

    Raises BadInput without a terminal, IncidentError without such an incident.
    """
    require_terminal("`rca-tui replay INCIDENT --json` and `rca-tui diagnose INCIDENT` need none")
    _collect_later()
    from cluster.incident import library
    from rca_tui.app import run_app
    from rca_tui.screens.page import DIAGNOSE
    from rca_tui.work import opening

    library.find(name_or_path)
    run_app(opening.incident(name_or_path).connect, name_or_path, first=DIAGNOSE)


def show_drill(game: Game) -> None:
    """Play a saved incident as a drill; where the game names none, a shipped one that chance draws.

    Raises BadInput without a terminal, IncidentError without such an incident, NoTruth for one without an answer,
    NoRecording where none fits the scenario.
    """
    require_terminal("`rca-tui replay INCIDENT --json` and `rca-tui diagnose INCIDENT` need none")
    _collect_later()
    from rca_tui.app import run_app
    from rca_tui.opener import DRILL
    from rca_tui.work import opening

    source = opening.played(game)
    run_app(source.connect, source.name, first=DRILL, game=source.game)


def show_live_drill(game: Game, named: str | Watched | None) -> None:
    """Play a scenario on a live deployment, armed. Raises BadInput without a terminal."""
    require_terminal("`rca-tui drill --scenario NAME --yes` needs none")
    _collect_later()
    from rca_tui.app import run_app
    from rca_tui.commands.connection import source_of
    from rca_tui.opener import DRILL

    source = source_of(named)
    run_app(source.connect, source.name, armed=True, first=DRILL, game=game)


def _collect_later() -> None:
    """Look for no garbage before the first frame: it takes a tenth of that time. `FirstFrame` ends it."""
    gc.disable()


def first_incident() -> str:
    """Name of the first incident in the list. Raises BadInput when the list is empty."""
    from cluster.incident import library

    listed = library.listings()
    if not listed:
        raise BadInput("there is no incident to replay: `rca-tui record` and `rca-tui drill` save some, or give a path")
    return listed[0].name


def require_terminal(instead: str) -> None:
    """Raises BadInput without a terminal; `instead` says what needs none."""
    if not at_terminal():
        raise BadInput(f"the app needs a terminal; {instead}")
