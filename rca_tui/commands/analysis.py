"""One incident: which components the methods blame, why, and what was recorded."""

from __future__ import annotations

import dataclasses
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.text.plain import plain
from cluster.text.times import span
from rca_tui.commands import completion
from rca_tui.commands import onset as onsets
from rca_tui.commands.connection import InCluster, choose_also, connected, last
from rca_tui.commands.errors import Interrupted, at_terminal, interruptible, say
from rca_tui.commands.incidents import Back
from rca_tui.commands.output import AsJson, print_json, print_line
from rca_tui.vocabulary import about

if TYPE_CHECKING:
    from cluster.incident.model import Incident
    from methods.running.runner import Result
    from methods.verdict.types import Verdict

Named = Annotated[
    str,
    typer.Argument(
        metavar="INCIDENT",
        help="A path, or a name that `rca-tui incidents` lists.",
        autocompletion=completion.incidents,
    ),
]
When = Annotated[str, typer.Option("--onset", metavar="auto|TIME", help=onsets.HELP)]
Seed = Annotated[int, typer.Option(help="Seed of the random numbers: the same seed gives the same rankings.", min=0)]
Deadline = Annotated[float, typer.Option(help="CPU seconds for each method, after which it is stopped.", min=0.1)]


def diagnose(
    incident: Annotated[
        str | None,
        typer.Argument(
            metavar="INCIDENT",
            help="A path or a name; without one, the live deployment as it is now.",
            autocompletion=completion.incidents,
        ),
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="Run this method only; can be repeated.", autocompletion=completion.methods)
    ] = None,
    onset: When = "auto",
    seconds: Back = None,
    seed: Seed = 0,
    deadline: Deadline = 60.0,
    context: InCluster = None,
    as_json: AsJson = False,
) -> None:
    """Rank the components of an incident.

    Runs every method, or those that are named. Without an incident it reads the last minutes of the live deployment.
    Ctrl-C stops the methods that still run, and shows what has been found.

    Example: rca-tui diagnose drill-01 --method baro --method nsigma --onset +120
    """
    choose_also(context)
    from methods import catalog
    from methods.answer.consensus import Tally
    from methods.running import results, runner
    from rca_tui.commands import rankings

    for name in method or ():
        catalog.entry(name)
    located = onsets.place(_live(seconds), onset) if incident is None else _load(incident, onset)
    asked = {row.name for row in catalog.BEYOND}.intersection(method or ())
    answers, tally, interrupted = [], Tally(located.candidates, asked), False
    try:
        with closing(runner.run(located, method or None, seed=seed, deadline=deadline)) as running:
            for result in running:
                answers.append(result)
                tally.add(result.method, result.outcome)
                if sys.stderr.isatty():
                    say(rankings.line(result))
    except KeyboardInterrupt:
        interrupted = True
    agreed = tally.consensus
    verdict = _decided(located, answers) if interrupted or not method else None
    if as_json:
        from methods.verdict.as_json import verdict_json

        answer = {**about(incident, located), **results.as_json(located.onset, answers)}
        answer |= {"consensus": dataclasses.asdict(agreed), "verdict": verdict and verdict_json(verdict)}
        print_json({**answer, "interrupted": interrupted})
    else:
        print_line(onset_line(located))
        print_line()
        rankings.print_results(answers)
        if len(agreed.voters) > 1:
            print_line()
            if located.onset is None:
                from rca_tui.draw.rankings import NO_ONSET

                print_line(NO_ONSET)
            print_line(agreed.claim)
        if verdict is not None:
            print_line()
            print_line(f"Verdict{' so far' if interrupted else ''}: {verdict.headline}")
    if interrupted:
        raise Interrupted(f"interrupted; {len(answers)} methods had answered, the others were stopped")


def _decided(located: Incident, answers: list[Result]) -> Verdict:
    from methods.verdict.decision import decide

    return decide(located, answers)


def explain(
    incident: Named,
    method: Annotated[
        str, typer.Option(help="The method to explain, or consensus.", autocompletion=completion.methods_and_consensus)
    ],
    onset: When = "auto",
    seed: Seed = 0,
    deadline: Deadline = 60.0,
    as_json: AsJson = False,
) -> None:
    """Show why a method ranks as it does, step by step.

    With `--method consensus` all that vote are run, and each one's part in the lead is shown.

    Example: rca-tui explain drill-01 --method baro
    """
    from methods import catalog
    from methods.running import results, runner
    from rca_tui.commands import explanation
    from rca_tui.draw.rankings import CONSENSUS

    if method == CONSENSUS:
        with interruptible("interrupted; the methods were stopped"):
            located = _load(incident, onset)
            agreed = explanation.agree(located, seed, deadline)
        if as_json:
            print_json({**about(incident, located), **explanation.consensus_json(agreed)})
            return
        print_line(onset_line(located))
        explanation.print_consensus(agreed)
        return
    catalog.entry(method)
    located = _load(incident, onset)
    with interruptible("interrupted; the method was stopped"):
        result = next(runner.run(located, [method], seed=seed, deadline=deadline))
    if as_json:
        (ranked,) = results.as_json(located.onset, [result])["results"]
        print_json({**about(incident, located), **ranked, "explanation": _explanation(result)})
        return
    print_line(onset_line(located))
    explanation.print_explanation(result)


def replay(
    incident: Annotated[
        str | None,
        typer.Argument(
            metavar="INCIDENT",
            help="A path or a name; by default the first that is listed.",
            autocompletion=completion.incidents,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open the app on a saved incident; needs no deployment.

    With --json, or without a terminal, print what was recorded instead.

    Example: rca-tui replay drill-01
    """
    from rca_tui.commands.screen import first_incident, show_incident

    name = incident or first_incident()
    if at_terminal() and not as_json:
        show_incident(name)
        return
    from cluster.incident import library

    record = _recorded(name, library.load(name))
    if as_json:
        print_json(record)
        return
    print_line(
        f"{name}: {record['deployment']}, {span(record['seconds'])}, front door {record['front_door'] or 'unknown'}"
    )
    print_line(f"{record['samples']} samples, {record['spans']} spans, {record['logs']} log lines")
    for component in record["components"]:
        print_line(f"  {component['id']} ({component['kind']}): {len(component['signals'])} signals")
    for note in record["notes"]:
        print_line(f"  note: {note}")


def _live(seconds: float | None) -> Incident:
    with connected() as deployment, interruptible("interrupted; nothing was diagnosed"):
        incident = last(deployment, seconds)
    for note in incident.notes:
        say(f"note: {note}")
    return incident


def _load(name: str, onset: str) -> Incident:
    from cluster.incident import library

    return onsets.place(library.load(name), onset)


def onset_line(incident: Incident) -> str:
    """The onset's sentence, and what `--onset` would take."""
    from cluster.incident.onset import onset_sentence

    if incident.onset is None:
        return f"{onset_sentence(incident)} --onset sets one."
    after = round(incident.onset.time - incident.window.start)
    return f"{onset_sentence(incident)} That is +{after} s from the window's start."


def _explanation(result: Result) -> dict[str, Any] | None:
    from methods.answer.types import Ranking

    outcome = result.outcome
    return dataclasses.asdict(outcome.explanation) if isinstance(outcome, Ranking) else None


def _recorded(name: str, incident: Incident) -> dict[str, Any]:
    telemetry = incident.telemetry
    return {
        **about(name, incident),
        "name": plain(name),
        "id": incident.id,
        "deployment": incident.deployment,
        "start": incident.window.start,
        "end": incident.window.end,
        "seconds": incident.window.seconds,
        "front_door": incident.topology.front_door,
        "components": [
            {"component": c.id, "id": c.id, "kind": c.kind.value, "signals": list(telemetry.signals_of(c.id))}
            for c in incident.topology.components
        ],
        "edges": [
            {"source": e.source, "target": e.target, "relation": e.relation.value, "weight": e.weight}
            for e in incident.topology.edges
        ],
        "samples": len(telemetry.metrics),
        "spans": len(telemetry.spans),
        "logs": len(telemetry.logs),
        "notes": list(incident.notes),
    }


def register(app: typer.Typer) -> None:
    app.command()(diagnose)
    app.command()(explain)
    app.command()(replay)
