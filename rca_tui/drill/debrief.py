"""The debrief of a drill: the truth beside the guess, then the methods on what the player saw.

    for debrief in kept(build(game, deployment, start)): ...     # grows while the methods answer; its score is kept

`rca_tui.drill.document` shows it. Only `build` opens the truth, which takes a guess.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.capture import capture
from cluster.deployment import Plays, Samples
from cluster.incident import library
from cluster.incident.truth import NO_FAULT, Truth
from cluster.text.plain import plain
from cluster.window import Window
from faults import catalog as faults
from faults import drill, effects, scoreboard
from faults import score as scores
from faults.effects import Landing, Measured
from faults.errors import FaultError
from guidelines import catalog as guidelines
from guidelines import checkup
from guidelines.survey import of_incident
from guidelines.types import Verdict as CheckVerdict
from methods import catalog as methods
from methods.answer.consensus import NO_VOTE
from methods.answer.overlap import places
from methods.answer.types import Ranking
from methods.evaluation import measures
from methods.running import runner
from methods.telemetry.onset import with_onset
from methods.verdict import decision as judge
from rca_tui.game import Game, Guess, NoTruth, usual_player

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.incident.model import Incident
    from faults.score import Score
    from methods.running.pool import Cancelled
    from methods.running.runner import Result
    from methods.verdict.types import Verdict

DEADLINE = 20.0
"""CPU seconds that a method has."""
BASELINE = 120.0
"""Seconds before the injection that count as usual, where the recording has so many."""


@dataclass(frozen=True)
class Ranked:
    """What a method that ranks components answered; `first` is its AC@1."""

    method: str
    first: float
    named: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Debrief:
    """Attributes:
    truth: what was injected; its times are those at which it was played, as all others here.
    score: of the guess.
    incident: what had arrived when the guess was committed, with the onset that was found in it.
    footprint: the signals that the fault should move, measured on the whole recording.
    sooner: title of a check -> what to do and why, for those that would have shown more.
    recorded: when the recording was made.
    later: seconds by which it was played later than that.
    revealed: unix seconds at which the truth was opened.
    unkept: why the score is not on disk; empty where it is.
    results, verdict: of the methods so far and, when all have answered, of the tool.
    waiting: methods that have not answered yet.
    """

    game: Game
    guess: Guess
    truth: Truth
    score: Score
    incident: Incident
    footprint: tuple[Measured, ...]
    sooner: tuple[tuple[str, str], ...]
    recorded: Window
    later: float = 0.0
    revealed: float = field(default_factory=time.time)
    unkept: str = ""
    results: tuple[Result, ...] = ()
    verdict: Verdict | None = None
    waiting: int = 0

    @property
    def ranked(self) -> tuple[Ranked, ...]:
        """As the function of that name."""
        return ranked(self.results, self.truth)

    @property
    def tool(self) -> Score | None:
        """Of the tool's verdict, as if it were a guess; None before it is there."""
        return None if self.verdict is None else counted(self.verdict, self.truth)

    @property
    def guessing(self) -> float:
        """AC@1 of a random order of the components."""
        return guessing(self.incident, self.truth)


def ranked(results: Iterable[Result], truth: Truth) -> tuple[Ranked, ...]:
    """The rankings of the methods, the best first; empty where nobody is at fault: a method always ranks."""
    true = truth.components
    found = [
        (measures.score(places(outcome.components), true), result.method, outcome)
        for result in results
        if true and isinstance(outcome := result.outcome, Ranking) and result.method not in NO_VOTE
    ]
    found.sort(key=lambda each: (-each[0].ac[0], -each[0].mrr, each[1]))
    return tuple(Ranked(name, s.ac[0], tuple(c.component for c in r.components)) for s, name, r in found)


def counted(verdict: Verdict, truth: Truth) -> Score:
    """The score of the tool's verdict, as if it were a guess."""
    return scores.score(verdict.named, "", 0.0, truth, seconds=0.0, limit=1.0)


def guessing(incident: Incident, truth: Truth) -> float:
    """AC@1 of a random order of the components."""
    return measures.guessing(len(incident.candidates), len(truth.components)).ac[0]


def build(
    game: Game, deployment: Deployment, start: float | None = None, cancelled: Cancelled | None = None
) -> Iterator[Debrief]:
    """The debrief at once, then again after each method, the last one with the verdict. Blocks.

    Args:
        game: with a guess and a recording; that of a live drill is saved after its guess.
        deployment: as it was played.
        start: unix seconds of the first sample that the player could see; by default the recording's.
        cancelled: once set, the methods are stopped, and no verdict comes.

    Raises:
        NoTruth, IncidentError, DeploymentError.
    """
    if game.guess is None or game.guessed is None:
        raise ValueError("a debrief needs a guess")
    recording, truth = library.load_with_truth(game.incident)
    if truth is None:
        raise NoTruth(f"{game.incident} has no sealed truth: nobody can tell whether the guess is right")
    first = recording.window.start if start is None else start
    incident = with_onset(capture(deployment, Window(first, game.guessed + deployment.step / 2)))
    later = deployment.later if isinstance(deployment, Plays) else 0.0
    footprint, sooner = telling(recording, truth, game.incident)
    debrief = Debrief(
        game,
        game.guess,
        truth.redated(later),
        _score(game, game.guess, truth),
        incident,
        footprint,
        sooner,
        recorded=recording.window,
        later=later,
        waiting=len(methods.listed()),
    )
    yield debrief
    for result in runner.run(incident, deadline=DEADLINE, cancelled=cancelled):
        debrief = replace(debrief, results=(*debrief.results, result), waiting=max(0, debrief.waiting - 1))
        yield debrief
    if cancelled is not None and cancelled.is_set():
        return
    yield replace(debrief, verdict=judge.decide(incident, list(debrief.results)), waiting=0)


def telling(recording: Incident, truth: Truth, name: str) -> tuple[tuple[Measured, ...], tuple[tuple[str, str], ...]]:
    """What told in a recording of that name, and what would have told sooner: `footprint` and `sooner` of a debrief."""
    footprint = _footprint(recording, truth)
    return footprint, tuple(_sooner(truth, footprint, checkup.run(of_incident(recording, name))))


def kept(growing: Iterator[Debrief]) -> Iterator[Debrief]:
    """The same, with the score on disk before the first one comes, and with the methods' answers before the last."""
    unkept = ""
    for number, debrief in enumerate(growing):
        if number == 0 or debrief.verdict is not None:
            try:
                scoreboard.add(result(debrief))
                unkept = ""
            except scoreboard.ScoreError as error:
                unkept = str(error)
        yield replace(debrief, unkept=unkept)


def result(debrief: Debrief) -> scoreboard.Result:
    """The line of the scoreboard: with the methods' answers where all have answered, else without any."""
    game, guess, answered = debrief.game, debrief.guess, debrief.verdict is not None
    return scoreboard.Result(
        time=debrief.revealed,
        scenario=plain(game.name or Path(game.incident).name, 200),
        player=game.player or usual_player(),
        incident=plain(game.incident, 4000),
        components=guess.components,
        fault=guess.fault,
        sure=guess.sure,
        score=debrief.score,
        verdict=None if debrief.tool is None else debrief.tool.precision,
        methods={ranked.method: ranked.first for ranked in debrief.ranked} if answered else {},
        guessing=debrief.guessing,
    )


def _score(game: Game, guess: Guess, truth: Truth) -> Score:
    return scores.score(
        guess.components,
        guess.fault,
        guess.sure,
        truth,
        seconds=game.seconds or 0.0,
        limit=game.limit,
        hints=[hint.costs for hint in game.hints],
    )


def _footprint(recording: Incident, truth: Truth) -> tuple[Measured, ...]:
    if truth.fault == NO_FAULT:
        return ()
    try:
        fault = faults.load(truth.fault, recording.deployment)
        expected = fault.expected(truth.target or next(iter(truth.components), ""), truth.parameters)
    except (FaultError, KeyError, TypeError, ValueError):  # a fault that this version does not know
        return ()
    window = recording.window
    ended = truth.reverted_at or window.end
    periods = drill.periods_of(truth.injected_at, ended, BASELINE, max(1.0, window.end - ended))
    # As it was recorded: on a grid that is finer, most of it would be gaps.
    samples = Samples(recording.telemetry.metrics, recording.telemetry.edge_metrics)
    return effects.look_in(samples, recording.topology, expected, periods)


def _sooner(truth: Truth, footprint: tuple[Measured, ...], checks: checkup.Report) -> Iterator[tuple[str, str]]:
    """The failed checks that hide this fault, then those that ask for a signal which told."""
    named = set()
    for each in checks.checked:
        if each.finding.verdict is CheckVerdict.FAIL and truth.fault in each.blind:
            named.add(each.guideline.name)
            yield each.guideline.title, f"fails here: {each.finding.saw}"
    noticed = {effect.signal for effect in effects.SLI}  # by users: the page came of it
    for measured in footprint:
        guideline = guidelines.asking_for(measured.signal)
        if measured.signal in noticed or measured.landing is not Landing.LANDED:
            continue
        if guideline is not None and guideline.name not in named:
            named.add(guideline.name)
            yield guideline.title, f"asks for {measured.signal}, which told. {guideline.what}"
