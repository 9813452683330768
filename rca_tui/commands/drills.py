"""Commands that inject and undo faults: drill and recover."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.text.plain import plain
from cluster.text.quantities import number
from cluster.text.times import span
from rca_tui.commands import completion, scenarios
from rca_tui.commands.connection import InCluster, choose_also, chosen, connected
from rca_tui.commands.errors import BadInput, Interrupted, at_terminal, interruptible, say
from rca_tui.commands.output import AsJson, print_json, print_line, print_table
from rca_tui.draw.text import COMMAND

if TYPE_CHECKING:
    from faults.drill import DrillReport, Progress
    from faults.errors import InjectionFailed

FAILED = 1


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
    baseline: Annotated[float, typer.Option(help="Seconds before the fault.")] = 120.0,
    seconds: Annotated[float, typer.Option(help="Seconds of the fault.")] = 60.0,
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
        bool, typer.Option("--play", help="Play a recording as a drill: find the cause, then see how you did.")
    ] = False,
    replay: Annotated[
        str | None,
        typer.Option(
            metavar="INCIDENT",
            help="With --play: the recording; by default a shipped one that chance draws.",
            autocompletion=completion.incidents,
        ),
    ] = None,
    speed: Annotated[
        float, typer.Option(help="With --play: seconds of the recording in one second, 1, 2 or 4.", min=1, max=4)
    ] = 1.0,
    context: InCluster = None,
    as_json: AsJson = False,
) -> None:
    """Inject a fault, hold it, revert it, save the incident.

    It is undone at its deadline, on Ctrl-C, and also when this program dies. The cause is sealed in the incident.
    With --blind, fault and component are drawn at random and stay secret until `rca-tui reveal`.

    Example: rca-tui drill cpu-stress --target replica-1 --param workers=8 --save monday.zip --yes
    """
    if play or replay is not None:
        _play(play, replay, speed, alone=not (fault or target or blind or param or dry_run or save or as_json))
        return
    choose_also(context)
    from faults import catalog
    from faults.engine import check_seconds
    from faults.errors import InjectionFailed, Refused
    from faults.states import State

    chosen_one = None
    if scenario is not None:
        if blind or fault or target or param or dry_run:
            raise BadInput("a scenario draws fault, component and parameters itself: use --scenario without them")
        chosen_one, blind = scenarios.chosen(scenario)[1], True
        say(f"{chosen_one.title}: {chosen_one.story}", limit=5000)
        say(f"PAGE, {chosen_one.page.severity}: {chosen_one.page.text}")
    if blind and (fault or target or param or dry_run):
        raise BadInput("a blind drill draws fault, component and parameters itself: use --blind without them")
    if not blind and not (fault and target):
        raise BadInput("a drill needs a FAULT and its --target, or --blind; `rca-tui faults` lists the faults")
    if fault:
        catalog.entry(fault)
    parameters = dict(_parameter(text) for text in param or ())
    check_seconds(seconds)
    if not dry_run:
        _confirm(fault or "a fault", target or "", seconds, yes)

    from cluster.incident import library

    if dry_run and fault and target and not _runs():
        _print_paper(fault, target, parameters, seconds, as_json)
        return
    with connected() as deployment:
        if chosen_one is not None:
            drawn = chosen_one.draw(deployment)
            fault, target, parameters = drawn.fault, drawn.target, dict(drawn.parameters)
        elif fault is None or target is None:
            from faults.blind import draw

            fault, target = draw(deployment)
        if dry_run:
            from faults.engine import Engine

            planned = catalog.load(fault, deployment.kind)
            plan = Engine(deployment, armed=False).dry_run(planned, target, parameters, seconds)
            _print_plan(plan.as_json(), as_json)
            return
        from faults import drill as drills
        from rca_tui.commands.interrupts import Interrupts

        path = save or library.new_path("drill")
        if save is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        with Interrupts() as interrupts:
            try:
                report = drills.run(
                    deployment,
                    fault,
                    target,
                    parameters,
                    armed=True,
                    abort_above=abort_above,
                    baseline=baseline,
                    seconds=seconds,
                    aftermath=aftermath,
                    save=path,
                    progress=_Narrator(),
                    cancelled=interrupts.happened,
                )
            except Refused:
                if interrupts.happened():
                    raise Interrupted("interrupted before anything was touched") from None
                raise
            except InjectionFailed as error:
                _print_failed(error, blind, as_json)
                raise typer.Exit(FAILED) from None
    if blind:
        _print_sealed(report, as_json)
    else:
        _print_report(report, as_json)
    if interrupts.happened():
        raise Interrupted(_undone(report, blind))
    if not report.whole or report.state is not State.RECOVERED:
        say(f"rca-tui: {_undone(report, blind)}")
        raise typer.Exit(FAILED)


def _play(play: bool, replay: str | None, speed: float, alone: bool) -> None:
    from rca_tui.commands.screen import show_drill
    from rca_tui.work import opening

    if not play:
        raise BadInput("--replay INCIDENT says what is played: add --play; `rca-tui replay INCIDENT` shows all of it")
    if not alone:
        raise BadInput("a recording that is played has its fault in it: use --play with --replay and --speed alone")
    show_drill(opening.any_drill() if replay is None else replay, speed)


def recover(as_json: AsJson = False) -> None:
    """Undo the faults that earlier drills left behind.

    Reads back that each one is gone. Exit code 1 when one is STUCK; then the command that undoes it is shown.
    """
    from faults.recover import recover as undo_all
    from faults.states import State

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
                _print_command(f"{outcome.injection}: {_next(outcome.clean)}: ", outcome.command)
    if any(outcome.state is not State.RECOVERED for outcome in outcomes):
        raise typer.Exit(FAILED)


class _Narrator:
    """Reports each phase of a drill on stderr; at a terminal with a countdown."""

    def __init__(self) -> None:
        self._phase = ""
        self._message = ""
        self._counting = False

    def __call__(self, progress: Progress) -> None:
        phase, left = str(progress.phase), progress.remaining
        if phase != self._phase or (progress.message and progress.message != self._message):
            self._phase, self._message = phase, progress.message
            self._end_line()
            about = progress.message or ("" if left is None else span(left))
            say(f"{phase.upper()}{': ' if about else ''}{about}")
        elif left is not None and sys.stderr.isatty():
            sys.stderr.write(f"\r  {plain(phase)}, {left:.0f} s left   ")
            sys.stderr.flush()
            self._counting = True

    def _end_line(self) -> None:
        if self._counting:
            sys.stderr.write("\r\x1b[K")
            self._counting = False


def _confirm(fault: str, target: str, seconds: float, yes: bool) -> None:
    if yes:
        return
    if not at_terminal():
        raise BadInput("a drill disturbs the deployment: confirm it with --yes, because there is no terminal to ask")
    say(f"This injects {fault} into {target or 'some component'} for {span(seconds)}, and undoes it.")
    word = target or "blind"
    try:
        typed = typer.prompt(f"Type {plain(word)} to continue", default="", show_default=False, err=True)
    except typer.Abort:
        raise Interrupted("interrupted before anything was touched") from None
    if typed != word:
        raise BadInput("not confirmed; nothing was touched")


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


def _print_paper(fault: str, target: str, parameters: dict[str, Any], seconds: float, as_json: bool) -> None:
    from faults import paper

    plan = paper.plan(fault, target, parameters, seconds)
    if as_json:
        print_json(plan.as_json())
        return
    values = ", ".join(f"{name} {value}" for name, value in plan.parameters.items()) or "no parameters"
    print_line(f"on paper, for no deployment is up: {fault} on {target} for {span(seconds)}, {values}")
    print_line(f"  {plan.summary}")
    print_line(f"  needs {'; '.join(plan.needs)}")
    for sentence in plan.expectations():
        print_line(f"  should show: {sentence}")
    print_line("once `rca-tui up` runs, the same command shows each action and how to undo it by hand")


def _print_plan(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    print_line(f"{plan['fault']} on {plan['target']} would touch {', '.join(plan['components'])}:")
    for action in plan["actions"]:
        print_line(f"  {action}")
    _print_command("by hand it is undone with: ", plan["undo"])


def _print_report(report: DrillReport, as_json: bool) -> None:
    if as_json:
        print_json({"incident": _name(report.saved), **report.as_json(), "status": report.state})
        return
    print_line(f"{report.fault} on {report.target}: {report.state}, effect {report.landing}")
    measured = (*report.effects, *report.sli)
    if measured:
        print_table(
            ("signal", "of", "before", "during", "after", "landed"),
            (
                (m.signal, m.component, number(m.before), number(m.during), number(m.after), m.landing)
                for m in dict.fromkeys(measured)
            ),
            right="before during after",
        )
    if report.saved is not None:
        print_line(f"saved {report.saved}; next: rca-tui diagnose {report.saved}")


def _name(saved: Path | None) -> str | None:
    from cluster.incident import library

    return None if saved is None else library.name_of(saved)


def _print_sealed(report: DrillReport, as_json: bool) -> None:
    """The result without what the reveal shows: no fault, no component, no signal."""
    if as_json:
        payload: dict[str, Any] = {"incident": _name(report.saved), "injection": report.injection}
        payload |= {"status": report.state, "state": report.state, "clean": report.clean, "whole": report.whole}
        payload |= {"landing": report.landing, "saved": None if report.saved is None else str(report.saved)}
        print_json(payload | {"command": report.command})
        return
    print_line(f"a blind drill: {report.state}, effect {report.landing}")
    if report.saved is not None:
        print_line(f"saved {report.saved}; find the cause: rca-tui diagnose {report.saved}")
        print_line(f"the answer: rca-tui reveal {report.saved}")


def _print_failed(error: InjectionFailed, blind: bool, as_json: bool) -> None:
    """An injection that failed half way. The reason names components: a blind drill shows it only when it is STUCK."""
    from faults.states import State

    undone, sentence = error.undone, str(error)
    sealed = blind and undone.state is State.RECOVERED
    if sealed:
        sentence = "the injection failed and everything was undone; no incident was saved"
    if as_json:
        print_json(
            {
                "error": sentence,
                "injection": undone.injection,
                "status": undone.state,
                "state": undone.state,
                "clean": undone.clean,
                "detail": "" if sealed else undone.detail,
                "command": undone.command,
            }
        )
    say(f"rca-tui: {sentence}")
    if undone.command:
        say(f"{_next(undone.clean)}: {undone.command}", COMMAND)


def _next(clean: bool) -> str:
    """The label of the command of a STUCK injection."""
    return "next" if clean else "undo it with"


def _print_command(label: str, command: str) -> None:
    """On one line however long it is, so that it can be copied."""
    typer.echo(f"{label}{plain(command, COMMAND)}")


def _undone(report: DrillReport, blind: bool) -> str:
    """How a drill ended that did not end as planned. The reason names components: a blind drill does not show it."""
    why = f"the drill ended early{'' if blind else f' ({report.aborted})'}; " if report.aborted else ""
    if not report.clean:
        return f"{why}the fault is STUCK: {report.detail}; undo it with: {report.command}"
    if report.command:
        return f"{why}{report.detail}; next: {report.command}"
    return f"{why}the fault is undone, and no incident was saved"


def register(app: typer.Typer) -> None:
    app.command()(drill)
    app.command()(recover)
