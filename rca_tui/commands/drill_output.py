"""What drills say: each phase as it comes, the plan, the report, what is left to undo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cluster.text.plain import plain
from cluster.text.quantities import number
from cluster.text.times import span
from rca_tui.commands.errors import say
from rca_tui.commands.output import print_json, print_line, print_table
from rca_tui.draw.text import COMMAND

if TYPE_CHECKING:
    from faults.drill import DrillReport, Progress
    from faults.errors import InjectionFailed


class Narrator:
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


def print_paper(fault: str, target: str, parameters: dict[str, Any], seconds: float, as_json: bool) -> None:
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


def print_plan(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    print_line(f"{plan['fault']} on {plan['target']} would touch {', '.join(plan['components'])}:")
    for action in plan["actions"]:
        print_line(f"  {action}")
    print_command("by hand it is undone with: ", plan["undo"])


def print_report(report: DrillReport, as_json: bool) -> None:
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


def print_sealed(report: DrillReport, as_json: bool, scenario: bool = False) -> None:
    """The result without what the reveal shows: no fault, no component, no signal.

    Of a scenario, where perhaps nothing went wrong, neither the injection nor its effect.
    """
    landing = None if scenario else report.landing
    if as_json:
        payload: dict[str, Any] = {"incident": _name(report.saved), "injection": None if scenario else report.injection}
        payload |= {"status": report.state, "state": report.state, "clean": report.clean, "whole": report.whole}
        payload |= {"landing": landing, "saved": None if report.saved is None else str(report.saved)}
        print_json(payload | {"command": report.command})
        return
    effect = "" if landing is None else f", effect {landing}"
    print_line(f"a {'scenario' if scenario else 'blind drill'}: {report.state}{effect}")
    if report.saved is not None:
        print_line(f"saved {report.saved}; find the cause: rca-tui diagnose {report.saved}")
        print_line(f"the answer: rca-tui reveal {report.saved}")


def print_failed(error: InjectionFailed, blind: bool, as_json: bool) -> None:
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
        say(f"{next_step(undone.clean)}: {undone.command}", COMMAND)


def next_step(clean: bool) -> str:
    """The label of the command of a STUCK injection."""
    return "next" if clean else "undo it with"


def print_command(label: str, command: str) -> None:
    """On one line however long it is, so that it can be copied."""
    typer.echo(f"{label}{plain(command, COMMAND)}")


def how_it_ended(report: DrillReport, blind: bool) -> str:
    """How a drill ended that did not end as planned. The reason names components: a blind drill does not show it."""
    why = f"the drill ended early{'' if blind else f' ({report.aborted})'}; " if report.aborted else ""
    if not report.clean:
        return f"{why}the fault is STUCK: {report.detail}; undo it with: {report.command}"
    if report.command:
        return f"{why}{report.detail}; next: {report.command}"
    return f"{why}the fault is undone, and no incident was saved"
