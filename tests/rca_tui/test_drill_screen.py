"""A drill that is played: from the brief to the debrief, by keys alone; the truth is opened after the guess."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import synthetic
from driving import app_over, running, settle, until, visible
from html5 import parsed
from textual.pilot import Pilot
from verdicts import verdict

from cluster import paths
from cluster.incident import envelope, library, store
from cluster.incident.model import Incident, Telemetry
from cluster.incident.truth import NO_FAULT, Truth
from cluster.played import PlayedDeployment
from rca_tui.app import RcaApp
from rca_tui.drill import debrief
from rca_tui.game import Game, Guess, NoTruth, Stage
from rca_tui.opener import DRILL
from rca_tui.screens.front import FrontPage
from rca_tui.screens.guess import GuessDialog
from rca_tui.work import opening

NAME = "cpu-stress-of-replica-1"
TRUTH = Truth(("replica-1",), "cpu-stress", synthetic.ONSET, synthetic.ONSET + 60.0, {"workers": 4}, "replica-1")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def saved(steady: None, tmp_path: Path) -> str:
    """The synthetic incident with its truth, under a name that tells it."""
    path = library.new_path(NAME)
    path.parent.mkdir(parents=True, exist_ok=True)
    return store.save(synthetic.incident(), path, TRUTH).stem


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(saved: str, clock: Clock) -> RcaApp:
    source = opening.played(saved, 1.0)
    deployment = PlayedDeployment(library.load(saved), opening.PLAYED, 1.0, clock, held=True)
    return RcaApp(lambda: deployment, source.name, first=DRILL, game=source.game)


async def let_pass(pilot: Pilot[None], clock: Clock, seconds: float) -> None:
    clock.seconds += seconds
    session = pilot.app.session  # type: ignore[attr-defined]
    await until(pilot, lambda: session.latest.end >= session.clock())


def stage(app: RcaApp) -> Stage:
    assert app.session.game is not None
    return app.session.game.stage


@pytest.mark.usefixtures("ranked_here")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_drill_from_brief_to_debrief_by_keys(app: RcaApp, clock: Clock, size: tuple[int, int]) -> None:
    async with running(app, size) as pilot:
        assert "▶brief" in visible(pilot) and "on call" in visible(pilot)
        await let_pass(pilot, clock, 500.0)
        assert app.session.clock() == synthetic.START  # the recording waits for the player
        await pilot.press("G")
        assert stage(app) is Stage.BRIEF
        await pilot.press("B")
        await settle(pilot)
        assert stage(app) is Stage.BASELINE
        await let_pass(pilot, clock, 30.0)
        seen = []
        for key in "12346lte":
            await pilot.press(key)
            await settle(pilot)
            if key not in "36":  # the catalogues of faults and of checks name every fault
                seen.append(visible(pilot))
        assert app.session.diagnosis is None  # nobody asked the methods
        await let_pass(pilot, clock, 70.0)
        assert stage(app) is Stage.BASELINE and app.current_mode == "events"
        seen.append(visible(pilot))
        await let_pass(pilot, clock, 45.0)
        assert stage(app) is Stage.INVESTIGATE and app.current_mode == DRILL
        assert "PAGE at" in visible(pilot) and app.session.diagnosis is None
        seen.append(visible(pilot))
        assert not any("stress" in text or NAME in text for text in seen)
        await pilot.press("G")
        await until(pilot, lambda: isinstance(app.screen, GuessDialog))
        await pilot.press("ctrl+g")
        assert "from 0 to 100" in visible(pilot)
        await pilot.press("shift+tab", "shift+tab", "down", "down", "down", "down", "space")
        assert "space chooses. replica-1" in visible(pilot)
        await pilot.press("tab", "tab", *"80")
        await let_pass(pilot, clock, 5.0)
        await pilot.press("enter")
        await until(pilot, lambda: stage(app) is Stage.DEBRIEF)
        game = app.session.game
        assert game is not None and game.guess == Guess(("replica-1",), "", 0.8)
        shown = visible(pilot)
        assert "▶debrief" in shown and "Right. It was cpu-stress on replica-1." in shown
        await pilot.press("G")
        assert not isinstance(app.screen, GuessDialog)  # it is final
        await pilot.press("w")
        folder = paths.reports()
        await until(pilot, lambda: len(list(folder.glob("debrief-*"))) == 2)


@pytest.mark.usefixtures("ranked_here")
async def test_the_truth_is_opened_after_the_guess_alone(
    app: RcaApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    read = envelope.load_truth
    monkeypatch.setattr(envelope, "load_truth", lambda path: opened.append(path) or read(path))
    async with running(app) as pilot:
        await pilot.press("B")
        await settle(pilot)
        await let_pass(pilot, clock, 145.0)
        await pilot.press("4", "R")
        await settle(pilot)
        assert opened == [] and app.session.diagnosis is not None
        game = app.session.game
        assert game is not None and game.asked == synthetic.START + 145.0
        await pilot.press("7", "G")
        await until(pilot, lambda: isinstance(app.screen, GuessDialog))
        await pilot.press("tab", "tab", *"50", "enter")
        await until(pilot, lambda: stage(app) is Stage.DEBRIEF)
        assert len(opened) == 1 and "Wrong." in visible(pilot)


async def test_a_recording_that_ends_without_a_page_says_so(saved: str, clock: Clock) -> None:
    quiet = dataclasses.replace(synthetic.incident(), telemetry=Telemetry(synthetic.metrics(seconds=0)))
    app = RcaApp(lambda: PlayedDeployment(quiet, "x", 1.0, clock, held=True), first=DRILL, game=Game(saved))
    async with running(app) as pilot:
        await pilot.press("B")
        await settle(pilot)
        await let_pass(pilot, clock, 1000.0)
        assert stage(app) is Stage.INVESTIGATE and "No page came" in visible(pilot)


async def test_without_a_drill_there_is_no_tab_and_no_key() -> None:
    app = app_over(synthetic.Live())
    async with running(app, (160, 50)) as pilot:
        assert "7 Drill" not in visible(pilot)
        await pilot.press("7")
        assert app.current_mode == "overview"


async def test_the_front_page_plays_a_drill(saved: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "any_drill", lambda: saved)
    monkeypatch.setattr(opening, "why_not_local", lambda: "")
    app = RcaApp(None)
    async with running(app) as pilot:
        assert isinstance(app.screen, FrontPage)
        await pilot.press("d")
        await until(pilot, lambda: app.current_mode == DRILL and app.session.latest is not None)
        await settle(pilot)
        assert "▶brief" in visible(pilot) and NAME not in visible(pilot)


def test_a_recording_without_a_truth_is_refused(saved: str) -> None:
    open_one = store.save(synthetic.incident(), library.new_path("open"))
    with pytest.raises(NoTruth, match="has no sealed truth"):
        opening.played(open_one.stem, 1.0).connect()


def told(guess: Guess, truth: Truth, incident: Incident | None = None) -> debrief.Debrief:
    game = Game("x").begin().page(synthetic.ONSET + 20.0, 100.0).commit(guess, synthetic.ONSET + 50.0, 130.0)
    return debrief.Debrief(game, guess, truth, incident or synthetic.incident(), verdict(), (), (), ())


@pytest.mark.parametrize(
    ("named", "sure", "true", "precision", "recall", "brier"),
    [
        (("a",), 0.9, ("a",), 1.0, 1.0, 0.01),
        (("a", "b"), 1.0, ("a",), 0.5, 1.0, 1.0),
        (("a",), 0.5, ("a", "b"), 1.0, 0.5, 0.25),
        ((), 0.8, (), 1.0, 1.0, 0.04),
        ((), 0.8, ("a",), 0.0, 0.0, 0.64),
        (("a",), 0.0, (), 0.0, 0.0, 0.0),
    ],
)
def test_precision_recall_and_calibration(
    named: tuple[str, ...], sure: float, true: tuple[str, ...], precision: float, recall: float, brier: float
) -> None:
    shown = told(Guess(named, NO_FAULT, sure), Truth(true, NO_FAULT, synthetic.ONSET))
    assert (shown.precision, shown.recall) == (precision, recall)
    assert shown.brier == pytest.approx(brier)
    assert shown.game.seconds == 30.0 and shown.kind_right


def test_a_debrief_is_written_and_hostile_text_stays_text(steady: None) -> None:
    hostile = "<img src=x>[red]\x1b]52;c;aGk=\x07"
    shown = told(Guess((hostile,), "", 1.0), Truth((hostile,), "cpu-stress", synthetic.ONSET))
    markdown, html = debrief.write(shown)
    text = html.read_text(encoding="utf-8")
    assert not {"img", "script"} & parsed(text).tags
    assert "\x1b" not in text + markdown.read_text(encoding="utf-8")
    assert "<img" not in markdown.read_text(encoding="utf-8").replace("\\<", "")


def test_a_guess_is_committed_once_and_after_the_page() -> None:
    game, guess = Game("x").begin(), Guess((), "", 0.5)
    with pytest.raises(ValueError, match="after the page"):
        game.commit(guess, 1.0, 1.0)
    done = game.page(1.0, 1.0).commit(guess, 2.0, 3.0)
    with pytest.raises(ValueError, match="once"):
        done.commit(guess, 3.0, 4.0)
