"""How a debrief is shown: one document for screen, terminal, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from operator import itemgetter
from pathlib import Path

from cluster.display import Block, Document, Grid, Line, Title, Tone
from cluster.incident.truth import NO_FAULT, Truth
from cluster.signals import SIGNALS
from cluster.text.quantities import percent, quantity
from cluster.text.times import between, clock_time, date, duration, span
from faults.effects import Landing, Measured
from rca_tui.drill.debrief import Debrief
from rca_tui.game import as_told

LISTED = 3
"""Components of a ranking that are shown."""


def document(debrief: Debrief) -> Document:
    """All of it, the score first; what the methods say only when all have answered."""
    return tuple(_blocks(debrief))


def methods(number: int) -> str:
    """So many methods."""
    return f"{number} method{'' if number == 1 else 's'}"


def title(debrief: Debrief) -> str:
    """The scenario's, or the recording's name."""
    scenario = debrief.game.scenario
    what = Path(debrief.game.incident).name if scenario is None else scenario.title
    return f"Debrief of a drill: {what}"


def _blocks(debrief: Debrief) -> Iterator[Block]:
    yield Line(f"{_verdict_of(debrief)} It was {debrief.truth.cause}. {debrief.score.points:g} of 100 points.")
    if debrief.unkept:
        yield Line(f"Not kept: {debrief.unkept}.", Tone.WARNING)
    yield from _lesson(debrief)
    yield from _guess(debrief)
    yield from _timeline(debrief)
    yield from _answers(debrief)
    supporting = debrief.verdict.supporting[:LISTED] if debrief.verdict else ()
    yield from evidence(debrief.footprint, debrief.sooner, [one.sentence for one in supporting])


def _lesson(debrief: Debrief) -> Iterator[Block]:
    if (scenario := debrief.game.scenario) is None:
        return
    yield Title("What to take away")
    yield Line(" ".join(scenario.debrief.split()))
    for lesson in scenario.learn:
        yield Line(f"• {lesson}")


def _guess(debrief: Debrief) -> Iterator[Block]:
    guess, truth, score, game = debrief.guess, debrief.truth, debrief.score, debrief.game
    yield Title("Your guess")
    share = f"precision {percent(score.precision)}, recall {percent(score.recall)}"
    rows = [
        ("components", _named(guess.components), _named(truth.components), share),
        ("fault", _fault(guess.fault), _fault(truth.fault), _right(debrief)),
        ("how sure", as_told(guess.sure), "", f"Brier {score.brier:.2f}, 0 is best"),
        ("page to guess", span(score.seconds), "", f"of {span(game.limit)}"),
    ]
    if game.scenario is not None and game.scenario.hints:
        lost = f"-{score.hints:g} points" if score.hints else "no points lost"
        rows.append(("hints", f"{len(game.hints)} of {len(game.scenario.hints)}", "", lost))
    yield Grid.of(("", "you", "truth", "score"), rows, whole="score")


def _timeline(debrief: Debrief) -> Iterator[Block]:
    yield Title("What happened when")
    truth, events = debrief.truth, sorted(_events(debrief), key=itemgetter(0))
    first = truth.injected_at if truth.fault != NO_FAULT or not events else events[0][0]
    yield Grid.of(
        ("time", "offset", "what"),
        ((clock_time(at), f"{'+' if at >= first else ''}{duration(round(at - first))}", what) for at, what in events),
        right="offset",
        whole="time offset",
    )
    yield Line(_recorded(debrief))


def _recorded(debrief: Debrief) -> str:
    """The recording's name, and when it was made: nobody could be told before the guess."""
    window, name = debrief.recorded, Path(debrief.game.incident).name.removesuffix(".zip")
    made = f"{name}, recorded on {date(window.start)} from {between(window.start, window.end)}"
    if debrief.later:
        return f"You played {made}; the times above are those at which it was played to you."
    return f"The recording is {made}."


def _events(debrief: Debrief) -> Iterator[tuple[float, str]]:
    """Unix seconds, and what happened then; what happened at one time, as at a recording's end, in its order."""
    game, truth, incident = debrief.game, debrief.truth, debrief.incident
    if truth.fault != NO_FAULT:
        yield (truth.injected_at, injected(truth))
        if truth.reverted_at is not None:
            yield (truth.reverted_at, "undone")
    if incident.onset is not None:
        yield (incident.onset.time, "onset, as the tool found it in what you saw")
    if game.paged is not None:
        yield (game.paged, "the page")
    if game.asked is not None:
        yield (game.asked, "you asked the methods")
    for at, hint in zip(game.hinted, game.hints, strict=True):
        yield (at, f"hint, {hint.costs:g} points: {hint.text}")
    if game.guessed is not None:
        yield (game.guessed, f"your guess: {_named(debrief.guess.components)}")


def injected(truth: Truth) -> str:
    """The cause with its parameters, of which chance drew some: of two faults at once, which two."""
    told = ", ".join(f"{name} {value}" for name, value in truth.parameters.items())
    return f"injected: {truth.cause}{f' ({told})' if told else ''}"


def _answers(debrief: Debrief) -> Iterator[Block]:
    """The player, the tool, the best and the worst method, and guessing, on the same telemetry."""
    verdict, tool, ranked = debrief.verdict, debrief.tool, debrief.ranked
    yield Title("You beside the tool")
    if verdict is None or tool is None:
        have = "has" if debrief.waiting == 1 else "have"
        yield Line(f"{methods(debrief.waiting)} {have} not answered yet on what you saw …", Tone.QUIET)
        return
    yield Line("All saw what had arrived when you committed. F1 is of the set that was named.", Tone.QUIET)
    rows: list[tuple[str, str, str]] = [
        ("you", _named(debrief.guess.components), f"F1 {debrief.score.f1:.2f}"),
        ("the tool's verdict", _named(verdict.named), f"F1 {tool.f1:.2f}"),
    ]
    if ranked:
        for what, one in (("best method", ranked[0]), ("worst method", ranked[-1])):
            rows.append((f"{what}, {one.method}", ", ".join(one.named[:LISTED]), f"AC@1 {one.first:.2f}"))
        rows.append(("guessing", f"one of {len(debrief.incident.candidates)}", f"AC@1 {debrief.guessing:.2f}"))
    yield Grid.of(("who", "named, first to last", "score"), rows, whole="score")
    if ranked:
        right = sum(one.first >= 0.5 for one in ranked)
        yield Line(f"{right} of {len(ranked)} methods place a faulty component first.")
    elif not debrief.truth.components:
        yield Line("Methods rank components whether or not one is at fault: only the verdict can say nobody.")
    yield Line(verdict.headline)


def evidence(
    footprint: Collection[Measured], sooner: Collection[tuple[str, str]], sentences: Collection[str] = ()
) -> Iterator[Block]:
    """Which signals told, and where they are on screen; `sentences` are those of the verdict for its answer."""
    yield Title("Which evidence told, and where it is on screen")
    if not footprint:
        yield Line("No signal of a component is known to move for this: compare the load with the usual one (2).")
    told = {Landing.LANDED: "told", Landing.ABSENT: "did not move"}
    rows = (
        (
            f"2 Telemetry, {m.source + ' to ' if m.source else ''}{m.component}",
            m.signal,
            None if m.before is None else quantity(m.before, _unit(m.signal)),
            None if m.during is None else quantity(m.during, _unit(m.signal)),
            told.get(m.landing, str(m.landing)),
        )
        for m in dict.fromkeys(footprint)
    )
    if footprint:
        yield Grid.of(("where", "signal", "before", "during", "it"), rows, right="before during")
    for sentence in sentences:
        yield Line(f"4 Diagnose: {sentence}")
    yield Title("What would have shown it sooner")
    if not sooner:
        yield Line("Nothing is missing for this fault: every check that concerns it passes.")
    for title, why in sooner:
        yield Line(f"6 Checks, {title}: {why}")


def _unit(signal: str) -> str:
    known = SIGNALS.get(signal)
    return "" if known is None else known.unit


def _verdict_of(debrief: Debrief) -> str:
    if debrief.score.right:
        return "Right."
    return "Partly right." if debrief.score.f1 else "Wrong."


def _right(debrief: Debrief) -> str:
    if debrief.score.fault_right:
        return "right"
    return "wrong" if debrief.guess.fault else "0 points"


def _named(components: Collection[str]) -> str:
    return ", ".join(components) or "nobody"


def _fault(name: str) -> str:
    return "no fault" if name == NO_FAULT else name or "left open"
