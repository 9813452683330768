"""Commands that inject and undo faults: drill and recover."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from cluster import paths
from cluster.deployment import DeploymentError
from cluster.text.times import span
from rca_tui.commands import completion, drill_output, scenarios
from rca_tui.commands.confirmation import confirm
from rca_tui.commands.connection import FIRST, InCluster, await_history, choose_also, chosen, connected
from rca_tui.commands.errors import BadInput, Interrupted, interruptible, say
from rca_tui.commands.output import AsJson, print_json, print_line, print_table
from rca_tui.places import check_new

if TYPE_CHECKING:
    from faults.drill import DrillReport
    from rca_tui.game import Game

FAILED = 1
DRAWN = "a fault that chance draws"
BLIND = "blind"
"""The word that confirms a drill whose target is not known."""
ANY = "any"
"""For --replay: a recording that chance draws."""


def drill(
    fault: Annotated[
        str | None,
        typer.Argument(
            metavar="FAULT",
            help="A fault that `rca-tui faults` lists.",
            show_default=False,
            autocompletion=completion.faults,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COMPONENT",
            help="The component to inject into, such as replica-1.",
            autocompletion=completion.targets,
        ),
    ] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="Fault and component are drawn at random; `rca-tui reveal` shows them.")
    ] = False,
    scenario: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="A scenario that `rca-tui scenarios` lists, or a path: chance draws its fault."
        ),
    ] = None,
    baseline: Annotated[
        float | None, typer.Option(help="Seconds before the fault: 120, or the scenario's.", show_default=False)
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Seconds of the fault: 60, or the scenario's limit.", show_default=False)
    ] = None,
    aftermath: Annotated[float, typer.Option(help="Seconds after it.")] = 60.0,
    save: Annotated[
        Path | None, typer.Option(help="Folder or .zip for the incident; by default a new name that `incidents` lists.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A parameter of the fault; can be repeated."),
    ] = None,
    abort_above: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Undo when a larger share of requests fails for 10 s.", min=0.01, max=1),
    ] = 0.5,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and do nothing; without a deployment, on paper.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for a confirmation.")] = False,
    play: Annotated[
        bool, typer.Option("--play", help="Play it in this terminal: find the cause, then see how you did.")
    ] = False,
    screen: Annotated[bool, typer.Option("--screen", help="Play it in the app, on the Drill screen.")] = False,
    replay: Annotated[
        str | None,
        typer.Option(
            metavar="INCIDENT",
            help="What is played: a recording, or any: chance draws one that fits the scenario.",
            autocompletion=completion.incidents,
        ),
    ] = None,
    speed: Annotated[
        float, typer.Option(help="Of a recording: seconds of it in one second, 1, 2 or 4.", min=1, max=4)
    ] = 1.0,
    player: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose score it is; by default the login name.")
    ] = None,
    context: InCluster = None,
    as_json: AsJson = False,
) -> None:
    """Inject a fault, hold it, revert it, save the incident.

    It is undone at its deadline, on Ctrl-C, and also when this program dies. The cause is sealed in the incident.
    With --blind, fault and component are drawn at random and stay secret until `rca-tui reveal`.

    Example: rca-tui drill cpu-stress --target replica-1 --param workers=8 --save monday.zip --yes
    """
    if play or screen:
        if fault or target or blind or param or dry_run or save or as_json:
            raise BadInput("--play and --screen go with --scenario, --replay, --speed, --player and --yes alone")
        choose_also(context)
        if chosen() is not None and (replay is not None or scenario is None):
            raise BadInput("a recording needs no deployment: leave out either what names one, or --replay")
        _play(_game(replay, speed, scenario, player), replay is not None, screen, yes)
        return
    if replay is not None:
        raise BadInput("--replay INCIDENT says what is played: add --play; `rca-tui replay INCIDENT` shows all of it")
    choose_also(context)
    from faults import catalog
    from faults.engine import check_seconds

    if save is not None:
        check_new(save)
    if scenario is not None:
        if blind or fault or target or param or dry_run:
            raise BadInput(
                "a scenario draws fault, component and parameters itself: leave out what says them, and --dry-run"
            )
        given = _Given(baseline=baseline, seconds=seconds, aftermath=aftermath, abort_above=abort_above)
        _run_scenario(scenario, given, save, yes, as_json)
        return
    if blind and (fault or target or param or dry_run):
        raise BadInput("a blind drill draws fault, component and parameters itself: use --blind without them")
    if not blind and not (fault and target):
        raise BadInput("a drill needs a FAULT and its --target, or --blind; `rca-tui faults` lists the faults")
    if fault:
        catalog.entry(fault)
    parameters = dict(_parameter(text) for text in param or ())
    baseline, seconds = 120.0 if baseline is None else baseline, 60.0 if seconds is None else seconds
    check_seconds(seconds)
    if not dry_run and not yes:
        _confirm(f"{fault} into {target}" if fault else DRAWN, seconds, target or BLIND)
    if dry_run and fault and target and not _runs():
        drill_output.print_paper(fault, target, parameters, seconds, as_json)
        return
    with connected() as deployment:
        await_history(deployment, FIRST)
        if fault is None or target is None:
            from faults.blind import draw

            fault, target = draw(deployment)
        if dry_run:
            from faults.engine import Engine

            planned = catalog.load(fault, deployment.kind)
            plan = Engine(deployment, armed=False).dry_run(planned, target, parameters, seconds)
            drill_output.print_plan(plan.as_json(), as_json)
            return
        from faults import drill as drills

        run = partial(drills.run, deployment, fault, target, parameters)
        run = partial(run, armed=True, baseline=baseline, seconds=seconds, aftermath=aftermath, abort_above=abort_above)
        report, interrupted = _recorded(run, save, blind, as_json)
    if blind:
        drill_output.print_sealed(report, as_json)
    else:
        drill_output.print_report(report, as_json)
    _conclude(report, interrupted, blind)


class _Given(TypedDict):
    """Options of a scenario; None where it is left to the scenario."""

    baseline: float | None
    seconds: float | None
    aftermath: float
    abort_above: float


def _recorded(
    run: Callable[..., DrillReport], save: Path | None, blind: bool, as_json: bool
) -> tuple[DrillReport, bool]:
    """The report of a drill, and whether it was interrupted; what goes on meanwhile is told on stderr."""
    from cluster.incident import library
    from faults.errors import InjectionFailed, Refused
    from rca_tui.commands.interrupts import Interrupts

    path = save or library.new_path("drill")
    if save is None:
        path.parent.mkdir(parents=True, exist_ok=True)
    with Interrupts() as interrupts:
        try:
            report = run(save=path, progress=drill_output.Narrator(), cancelled=interrupts.happened)
        except Refused:
            if interrupts.happened():
                raise Interrupted("interrupted before anything was touched") from None
            raise
        except InjectionFailed as error:
            drill_output.print_failed(error, blind, as_json)
            raise typer.Exit(FAILED) from None
        return report, interrupts.happened()


def _conclude(report: DrillReport, interrupted: bool, blind: bool) -> None:
    """Raises for a drill that did not take its full course."""
    from faults.states import State

    if interrupted:
        raise Interrupted(drill_output.how_it_ended(report, blind))
    if not report.whole or report.state is not State.RECOVERED:
        say(f"rca-tui: {drill_output.how_it_ended(report, blind)}")
        raise typer.Exit(FAILED)


def _run_scenario(name: str, times: _Given, save: Path | None, yes: bool, as_json: bool) -> None:
    """A scenario without a player: its incident is sealed."""
    from faults import scenario_drill
    from rca_tui.drill.load import loaded

    scenario = scenarios.chosen(name)[1]
    say(f"{scenario.title}: {' '.join(scenario.story.split())}", limit=5000)
    say(f"PAGE, {scenario.page.severity}: {scenario.page.text}")
    if not yes:
        _confirm(DRAWN, times["seconds"] or scenario.longest)
    with connected() as deployment, loaded(deployment, scenario.load):
        run = partial(scenario_drill.run, deployment, scenario, armed=True, **times)
        report, interrupted = _recorded(run, save, True, as_json)
    drill_output.print_sealed(report, as_json, scenario=True)
    _conclude(report, interrupted, True)


def _play(game: Game, recorded: bool, screen: bool, yes: bool) -> None:
    """Play a drill: in this terminal, or on the app's screen; live, or on a recording where none is up."""
    from rca_tui.commands import play
    from rca_tui.commands.screen import show_drill, show_live_drill
    from rca_tui.drill import choice

    live = not recorded and game.scenario is not None and _runs()
    if screen and live:
        show_live_drill(game, chosen())
    elif screen:
        show_drill(game)
    elif live and game.scenario is not None:
        if not yes:
            _confirm(DRAWN, game.scenario.longest)
        with connected() as deployment:
            play.play_live(game, deployment)
    else:
        play.play_recording(replace(game, incident=game.incident or choice.any_recording(game.scenario)))


def _game(replay: str | None, speed: float, scenario: str | None, player: str | None) -> Game:
    """Raises FaultError, ScoreError."""
    from faults.scoreboard import check_player
    from rca_tui.game import Game, usual_player

    name, chosen_one = ("", None) if scenario is None else scenarios.chosen(scenario)
    who = usual_player() if player is None else check_player(player)
    return Game("" if replay in (None, ANY) else str(replay), speed, name, chosen_one, who)


def recover(as_json: AsJson = False) -> None:
    """Undo the faults that earlier drills left behind.

    Reads back that each one is gone. Exit code 1 when one is STUCK; then the command that undoes it is shown.
    """
    from faults.recover import recover as undo_all
    from faults.states import State

    if _load_returned():  # before the faults: whether the service is healthy is asked under its usual load
        say("a scenario was cut off: the load from before it is sent again")
    with interruptible("interrupted; run `rca-tui recover` again: what is not undone yet is still in the journal"):
        outcomes = undo_all(say)
    if as_json:
        keys = ("injection", "state", "clean", "detail", "command")
        rows = ({key: getattr(outcome, key) for key in keys} for outcome in outcomes)
        print_json([{**row, "status": row["state"]} for row in rows])
    elif not outcomes:
        print_line("nothing to recover")
    else:
        print_table(
            ("injection", "state", "detail"),
            ((o.injection, o.state, o.detail) for o in outcomes),
        )
        for outcome in outcomes:
            if outcome.command:
                drill_output.print_command(
                    f"{outcome.injection}: {drill_output.next_step(outcome.clean)}: ", outcome.command
                )
    if any(outcome.state is not State.RECOVERED for outcome in outcomes):
        raise typer.Exit(FAILED)


def _load_returned() -> bool:
    """Whether a scenario that was cut off had left its load."""
    if not paths.local().exists():  # nothing was ever started here, or the machine is one on which nothing can be
        return False
    from cluster.local import lifecycle
    from cluster.local.deployment import LocalDeployment

    if lifecycle.status() is None:
        return False
    with contextlib.suppress(DeploymentError):
        return LocalDeployment.connect().return_load()
    return False


def _confirm(injected: str, seconds: float, word: str = BLIND) -> None:
    confirm("a drill disturbs the deployment", [f"This injects {injected} and undoes it after {span(seconds)}."], word)


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BadInput(f"--param {text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _runs() -> bool:
    """Whether there is a deployment to plan on: one on this machine, or a cluster was named."""
    if chosen() is not None:
        return True
    from cluster.local import lifecycle

    return lifecycle.status() is not None


def register(app: typer.Typer) -> None:
    app.command()(drill)
    app.command()(recover)
