"""The debrief of a drill: what was injected, what the player and the methods said, and what would have told.

debrief = build(game, deployment)     # blocks: all methods run, on what had arrived when the guess was committed
document(debrief)                     # the same for screen, Markdown and HTML
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import pages
from cluster.capture import capture
from cluster.display import Block, Document, Grid, Line, Title, Tone
from cluster.incident import library
from cluster.incident.truth import NO_FAULT, Truth
from cluster.replay import ReplayDeployment
from cluster.text.quantities import number, percent
from cluster.text.times import clock_time, duration, span
from cluster.window import Window
from faults import catalog as faults
from faults import drill, effects
from faults.effects import Landing, Measured
from faults.errors import FaultError
from guidelines import catalog as guidelines
from guidelines import checkup
from guidelines.survey import of_incident
from guidelines.types import Verdict as CheckVerdict
from methods.answer.consensus import NO_VOTE
from methods.answer.overlap import places
from methods.answer.types import Ranking
from methods.evaluation.measures import guessing, score, set_score
from methods.running import runner
from methods.telemetry.onset import with_onset
from methods.verdict import decide as judge
from rca_tui.game import Game, Guess, NoTruth
from rca_tui.report import files
from rca_tui.report.types import Event

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.incident.model import Incident
    from methods.running.runner import Result
    from methods.verdict.types import Verdict

DEADLINE = 20.0
"""CPU seconds that a method has."""
BASELINE = 120.0
"""Seconds before the injection that count as usual, where the recording has so many."""
LISTED = 3
"""Components of a ranking that are shown."""


@dataclass(frozen=True)
class Debrief:
    """Attributes:
    truth: what was injected.
    incident: what had arrived when the guess was committed, with the onset that was found in it.
    verdict, results: of the tool and of all methods on that.
    footprint: the signals that the fault should move, measured on the whole recording.
    sooner: title of a check -> what to do and why, for those that would have shown more.
    """

    game: Game
    guess: Guess
    truth: Truth
    incident: Incident
    verdict: Verdict
    results: tuple[Result, ...]
    footprint: tuple[Measured, ...]
    sooner: tuple[tuple[str, str], ...]

    @property
    def right(self) -> bool:
        """Whether the guess names the faulty components, all and no others."""
        return set(self.guess.components) == set(self.truth.components)

    @property
    def kind_right(self) -> bool:
        return self.guess.fault == self.truth.fault

    @property
    def precision(self) -> float:
        """Share of the named components that are faulty; naming nobody is right where nobody is at fault."""
        named, true = set(self.guess.components), set(self.truth.components)
        return len(named & true) / len(named) if named else float(not true)

    @property
    def recall(self) -> float:
        """Share of the faulty components that are named; without any, naming nobody is right."""
        named, true = set(self.guess.components), set(self.truth.components)
        return len(named & true) / len(true) if true else float(not named)

    @property
    def brier(self) -> float:
        """(how sure - right)², from 0 for certain and right to 1 for certain and wrong. Brier 1950."""
        return (self.guess.sure - float(self.right)) ** 2


def build(
    game: Game, deployment: Deployment, start: float, progress: Callable[[int], object] = lambda answered: None
) -> Debrief:
    """Run the methods, then open the truth. Blocks. Raises NoTruth, IncidentError, DeploymentError.

    Args:
        game: with a guess.
        deployment: the recording as it plays.
        start: unix seconds of its first sample.
        progress: called with how many methods have answered.
    """
    if game.guess is None or game.guessed is None:
        raise ValueError("a debrief needs a guess")
    incident = with_onset(capture(deployment, Window(start, game.guessed + deployment.step / 2)))
    results = []
    for result in runner.run(incident, deadline=DEADLINE):
        results.append(result)
        progress(len(results))
    verdict = judge.decide(incident, results)
    recording, truth = library.load_with_truth(game.incident)
    if truth is None:
        raise NoTruth(f"{game.incident} has no sealed truth: nobody can tell whether the guess is right")
    checks = checkup.run(of_incident(recording, game.incident))
    footprint = _footprint(recording, truth)
    return Debrief(
        game, game.guess, truth, incident, verdict, tuple(results), footprint, tuple(_sooner(truth, footprint, checks))
    )


def document(shown: Debrief) -> Document:
    """All of it, the score first."""
    return tuple(_blocks(shown))


def write(shown: Debrief) -> tuple[Path, Path]:
    """Write Markdown and HTML under new names in the folder of reports, and return both. Raises ReportError."""
    title, blocks, name = "Debrief of a drill", document(shown), f"debrief-{Path(shown.game.incident).name}"
    text = pages.markdown((Title(title),), level=1) + "\n" + pages.markdown(blocks)
    written = files.new_path(name, files.Format.MARKDOWN), files.new_path(name, files.Format.HTML)
    files.write(text, written[0])
    files.write(pages.page(title, (Title(title), *blocks)), written[1])
    return written


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
    return effects.measure(ReplayDeployment(recording, ""), expected, periods)


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


def _blocks(shown: Debrief) -> Iterator[Block]:
    guess, truth = shown.guess, shown.truth
    yield Line(f"{_verdict_of(shown)} It was {truth.cause}.")
    yield Title("Your guess")
    rows = [
        ("components", _named(guess.components), _named(truth.components), _share(shown)),
        ("fault", guess.fault or "left open", truth.fault, "right" if shown.kind_right else "wrong"),
        ("how sure", percent(guess.sure), "", f"Brier {shown.brier:.2f}, 0 is best"),
        ("page to guess", "" if shown.game.seconds is None else span(shown.game.seconds), "", ""),
    ]
    yield Grid.of(("", "you", "truth", "score"), rows, whole="score")
    yield Title("What happened when")
    events = sorted(_events(shown), key=lambda event: event.time)
    first = truth.injected_at if truth.fault != NO_FAULT else events[0].time
    yield Grid.of(
        ("time", "offset", "what"),
        (
            (clock_time(e.time), f"{'+' if e.time >= first else ''}{duration(round(e.time - first))}", e.what)
            for e in events
        ),
        right="offset",
        whole="time offset",
    )
    yield from _answers(shown)
    yield from _evidence(shown)


def _verdict_of(shown: Debrief) -> str:
    if shown.right:
        return "Right."
    return "Partly right." if shown.precision and shown.recall else "Wrong."


def _share(shown: Debrief) -> str:
    return f"precision {percent(shown.precision)}, recall {percent(shown.recall)}"


def _named(components: Collection[str]) -> str:
    return ", ".join(components) or "nobody"


def _events(shown: Debrief) -> Iterator[Event]:
    game, truth, incident = shown.game, shown.truth, shown.incident
    if truth.fault != NO_FAULT:
        yield Event(truth.injected_at, f"injected: {truth.cause}")
        if truth.reverted_at is not None:
            yield Event(truth.reverted_at, "undone")
    if incident.onset is not None:
        yield Event(incident.onset.time, "onset, as the tool found it in what you saw")
    if game.paged is not None:
        yield Event(game.paged, "the page: the front door's SLI breaks")
    if game.asked is not None:
        yield Event(game.asked, "you asked the methods")
    if game.guessed is not None:
        yield Event(game.guessed, f"your guess: {_named(shown.guess.components)}")


def _answers(shown: Debrief) -> Iterator[Block]:
    """The player, the tool, the best and the worst method, and guessing, on the same telemetry."""
    truth, verdict = shown.truth.components, shown.verdict
    yield Title("You beside the tool")
    yield Line("All saw what had arrived when you committed. F1 is of the set that was named.", Tone.QUIET)
    ranked = [
        (score(places(outcome.components), truth).ac[0], result.method, outcome)
        for result in shown.results
        if isinstance(outcome := result.outcome, Ranking) and result.method not in NO_VOTE
    ]
    rows: list[tuple[str, str, str]] = [
        ("you", _named(shown.guess.components), f"F1 {set_score(shown.guess.components, truth):.2f}"),
        ("the tool's verdict", _named(verdict.named), f"F1 {set_score(verdict.named, truth):.2f}"),
    ]
    if ranked and truth:
        ranked.sort(key=lambda each: (-each[0], -score(places(each[2].components), truth).mrr, each[1]))
        for what, (first, method, outcome) in (("best method", ranked[0]), ("worst method", ranked[-1])):
            named = ", ".join(c.component for c in outcome.components[:LISTED])
            rows.append((f"{what}, {method}", named, f"AC@1 {first:.2f}"))
        chance = guessing(len(shown.incident.candidates), len(truth)).ac[0]
        rows.append(("guessing", f"one of {len(shown.incident.candidates)}", f"AC@1 {chance:.2f}"))
        right = sum(first >= 0.5 for first, _, _ in ranked)
        yield Grid.of(("who", "named, first to last", "score"), rows, whole="score")
        yield Line(f"{right} of {len(ranked)} methods place a faulty component first.")
    else:
        yield Grid.of(("who", "named", "score"), rows, whole="score")
        yield Line("Methods rank components whether or not one is at fault: only the verdict can say nobody.")
    yield Line(verdict.headline)


def _evidence(shown: Debrief) -> Iterator[Block]:
    yield Title("Which evidence told, and where it is on screen")
    if not shown.footprint:
        yield Line("No signal of a component is known to move for this: compare the load with the usual one (2).")
    told = {Landing.LANDED: "told", Landing.ABSENT: "did not move"}
    rows = (
        (
            f"2 Telemetry, {m.source + ' to ' if m.source else ''}{m.component}",
            m.signal,
            None if m.before is None else number(m.before),
            None if m.during is None else number(m.during),
            told.get(m.landing, str(m.landing)),
        )
        for m in dict.fromkeys(shown.footprint)
    )
    if shown.footprint:
        yield Grid.of(("where", "signal", "before", "during", "it"), rows, right="before during")
    for evidence in shown.verdict.supporting[:LISTED]:
        yield Line(f"4 Diagnose: {evidence.sentence}")
    yield Title("What would have shown it sooner")
    if not shown.sooner:
        yield Line("Nothing is missing for this fault: every check that concerns it passes.")
    for title, why in shown.sooner:
        yield Line(f"6 Checks, {title}: {why}")
