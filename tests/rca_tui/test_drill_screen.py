"""A drill that is played: from the brief to the debrief, by keys alone; the truth is opened after the guess."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import synthetic
from driving import Engine, app_over, open_faults, running, settle, until, visible
from html5 import parsed
from textual.pilot import Pilot
from verdicts import verdict

from cluster import paths
from cluster.incident import library, store
from cluster.incident.model import Telemetry
from cluster.incident.truth import Truth
from cluster.playback import PlayedDeployment
from faults import scenario_drill, scoreboard
from faults.drill import Progress
from faults.errors import Refused
from faults.scenario import Scenario
from faults.score import score
from faults.states import Phase, State
from rca_tui.app import RcaApp
from rca_tui.drill import choice, debrief
from rca_tui.game import Game, Guess, NoTruth, Stage
from rca_tui.opener import DRILL
from rca_tui.palette import key_hints
from rca_tui.report import debrief as report
from rca_tui.screens.dialogs import Confirm
from rca_tui.screens.front import FrontPage
from rca_tui.screens.guess import GuessDialog
from rca_tui.screens.leave import LeaveDialog
from rca_tui.work import drill, messages, opening

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
    source = opening.played(Game(saved))
    deployment = PlayedDeployment(library.load(saved), opening.PLAYED, 1.0, clock, held=True)
    return RcaApp(lambda: deployment, source.name, first=DRILL, game=source.game)


async def let_pass(pilot: Pilot[None], clock: Clock, seconds: float) -> None:
    clock.seconds += seconds
    session = pilot.app.session  # type: ignore[attr-defined]
    await until(pilot, lambda: session.latest.end >= session.clock())


def game_of(app: RcaApp) -> Game:
    assert app.session.game is not None
    return app.session.game


def stage(app: RcaApp) -> Stage:
    return game_of(app).stage


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
    app: RcaApp, saved: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    read = library.load_with_truth
    monkeypatch.setattr(library, "load_with_truth", lambda path: opened.append(path) or read(path))
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
        (scored,) = scoreboard.results()
        assert (scored.scenario, scored.incident, scored.components) == (saved, saved, ())
        assert not scored.score.right and scored.methods["baro"] == 1.0 and scored.verdict == 1.0


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
    monkeypatch.setattr(choice, "any_recording", lambda scenario: saved)
    monkeypatch.setattr(opening, "why_not_local", lambda: "")
    app = RcaApp(None)
    async with running(app) as pilot:
        assert isinstance(app.screen, FrontPage)
        await pilot.press("d")
        await until(pilot, lambda: "One replica starves" in visible(pilot))
        await pilot.press(*"starves", "enter")
        await until(pilot, lambda: app.current_mode == DRILL and app.session.latest is not None)
        await settle(pilot)
        shown = visible(pilot)
        assert "▶brief" in shown and "One replica starves" in shown and NAME not in shown


def test_a_recording_without_a_truth_is_refused(saved: str) -> None:
    open_one = store.save(synthetic.incident(), library.new_path("open"))
    with pytest.raises(NoTruth, match="has no sealed truth"):
        opening.played(Game(open_one.stem))


SCENARIO = Scenario.model_validate(
    {
        "title": "Something is slow",
        "difficulty": 2,
        "page": {"text": "Latency is high", "labels": {"alertname": "Slow"}},
        "story": "You are on call.",
        "may": [{"fault": "cpu-stress", "targets": ["replica"]}],
        "hints": [
            {"text": "Compare the CPU.", "opens": {"signal": "cpu_usage"}, "costs": 10},
            {"text": "Read about limits.", "opens": {"guideline": "limits"}, "costs": 5},
        ],
        "learn": ["A pod without CPU is late"],
        "debrief": "It was the CPU.",
    }
)


@pytest.mark.usefixtures("ranked_here")
async def test_hints_open_what_they_name_and_cost_points(saved: str, clock: Clock) -> None:
    deployment = PlayedDeployment(library.load(saved), opening.PLAYED, 1.0, clock, held=True)
    app = RcaApp(lambda: deployment, first=DRILL, game=Game(saved, name="mine", scenario=SCENARIO, player="ada"))
    async with running(app, (120, 60)) as pilot:
        assert "Something is slow" in visible(pilot) and "10, 5 of 100" in visible(pilot)
        await pilot.press("H", "B")
        await settle(pilot)
        await let_pass(pilot, clock, 145.0)
        assert "Latency is high" in visible(pilot) and "alertname=Slow" in visible(pilot)
        await pilot.press("H")
        await settle(pilot)
        assert "Compare the CPU." in visible(pilot) and app.session.subject == ("gateway", "cpu_usage")
        await pilot.press("H")
        await settle(pilot)
        assert app.session.check == "limits" and "6 Checks shows limits" in visible(pilot)
        await pilot.press("H", "G")
        await until(pilot, lambda: isinstance(app.screen, GuessDialog))
        await pilot.press("tab", "tab", *"50", "enter")
        await until(pilot, lambda: stage(app) is Stage.DEBRIEF)
        shown = visible(pilot)
        assert "2 of 2" in shown and "-15 points" in shown and "• A pod without CPU is late" in shown
        (scored,) = scoreboard.results()
        assert (scored.scenario, scored.player, scored.score.hints) == ("mine", "ada", 15.0)


class Faulty:
    """A scenario's run whose fault is a flag."""

    def __init__(self) -> None:
        self.active = False
        self.baseline_over = threading.Event()

    def run(self, deployment: object, scenario: object, **given: Any) -> Any:
        over, progress = given["over"], given["progress"]
        ends = time.monotonic() + 60.0  # no thread outlives a test that failed
        cancelled = lambda: given["cancelled"]() or time.monotonic() > ends  # noqa: E731
        progress(Progress(Phase.BASELINE, 60.0))
        while not self.baseline_over.wait(0.01):
            if cancelled():
                raise Refused("cancelled")
        progress(Progress(Phase.ACTIVE, 60.0))
        self.active = True
        while not (over() or cancelled()):
            time.sleep(0.01)
        progress(Progress(Phase.REVERTING))
        self.active = False
        saved = None if cancelled() else store.save(synthetic.incident(), given["save"], TRUTH)
        return SimpleNamespace(saved=saved, state=State.RECOVERED, detail="", command="")


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Faulty:
    faulty = Faulty()
    monkeypatch.setattr(scenario_drill, "run", faulty.run)
    return faulty


def live() -> RcaApp:
    app = app_over(synthetic.Live(), armed=True, engine=Engine(), first=DRILL)
    app.session.game = Game("", name="mine", scenario=SCENARIO)
    return app


async def begin(pilot: Pilot[None], app: RcaApp) -> None:
    await pilot.press("B")
    await until(pilot, lambda: isinstance(app.screen, Confirm))
    await pilot.press(*"drill", "enter")
    await until(pilot, lambda: stage(app) is Stage.BASELINE and app.session.secret is not None)


@pytest.mark.usefixtures("ranked_here")
async def test_a_live_drill_hides_its_fault_until_the_guess_and_undoes_it(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill, "bad_sli", lambda snapshot: True)
    app = live()
    async with running(app, (120, 40)) as pilot:
        await begin(pilot, app)
        faulty.baseline_over.set()
        await until(pilot, lambda: faulty.active and stage(app) is Stage.INVESTIGATE)
        for key in "1237e":
            await pilot.press(key)
            await pilot.pause()
            assert app.session.injection is None and "the fault of this drill" not in visible(pilot)
        await open_faults(pilot)
        assert not {"inject", "dry_run"} & {hint.action for hint in key_hints(app.screen)}
        assert app.check_action("report", ()) is False and app.session.may_abort
        await pilot.press("7", "G")
        await until(pilot, lambda: isinstance(app.screen, GuessDialog))
        await pilot.press("tab", "tab", *"50", "enter")
        await until(pilot, lambda: stage(app) is Stage.DEBRIEF)
        assert not faulty.active and app.session.secret is None
        assert "It was cpu-stress on replica-1" in visible(pilot)
        (scored,) = scoreboard.results()
        assert scored.scenario == "mine" and scored.incident == game_of(app).incident


@pytest.mark.parametrize("keys", ["X", "qq"])
@pytest.mark.usefixtures("steady")
async def test_a_live_drill_that_is_left_undoes_its_fault(faulty: Faulty, keys: str) -> None:
    app = live()
    async with running(app) as pilot:
        await begin(pilot, app)
        faulty.baseline_over.set()
        await until(pilot, lambda: faulty.active)
        await pilot.press(*keys)
        await until(pilot, lambda: not faulty.active and app.session.secret is None)
        assert app.session.injection is None and stage(app) is Stage.BRIEF
        assert not list(library.new_path("drill").parent.glob("drill*"))


async def test_a_drill_that_runs_is_left_only_when_asked_twice(
    app: RcaApp, clock: Clock, saved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[bool] = []
    async with running(app) as pilot:
        await pilot.press("B")
        await settle(pilot)
        await pilot.press("q")
        assert isinstance(app.screen, LeaveDialog) and "nothing is scored" in visible(pilot)
        await pilot.press("enter")
        assert stage(app) is Stage.BASELINE and app.return_code is None
        app.post_message(messages.OpenAsked(opening.incident(saved)))
        await until(pilot, lambda: isinstance(app.screen, LeaveDialog))
        await pilot.press("escape")
        assert app._wanted is None
        monkeypatch.setattr(app, "exit", lambda: asked_for.append(True))
        await pilot.press("q", "q")
        assert asked_for == [True]


async def test_a_player_who_quits_at_once_after_the_guess_keeps_the_score(app: RcaApp, clock: Clock) -> None:
    asked_for: list[bool] = []
    async with running(app) as pilot:
        app.session.game = game_of(app).begin(0.5).page(1.0, 0.0).commit(Guess((), "", 0.5), synthetic.ONSET, 10.0)
        app.exit = lambda *_, **__: asked_for.append(bool(scoreboard.results()))  # type: ignore[method-assign]
        await pilot.press("q", "q")
        assert asked_for == [] and app._quitting  # it waits
        app.post_message(messages.DrillGuessed())
        await until(pilot, lambda: bool(asked_for))
        assert asked_for[0] is True


@pytest.mark.usefixtures("steady")
async def test_a_live_drill_that_is_given_up_in_its_baseline_touches_nothing(faulty: Faulty) -> None:
    app = live()
    async with running(app) as pilot:
        await begin(pilot, app)
        await pilot.press("X")
        await until(pilot, lambda: stage(app) is Stage.BRIEF and app.session.secret is None)
        assert app.session.injection is None


def told(guess: Guess, truth: Truth) -> debrief.Debrief:
    game = Game("x").begin(0.0).page(synthetic.ONSET + 20.0, 100.0).commit(guess, synthetic.ONSET + 50.0, 130.0)
    scored = score(guess.components, guess.fault, guess.sure, truth, seconds=30.0, limit=game.limit)
    incident = synthetic.incident()
    return debrief.Debrief(game, guess, truth, scored, incident, (), (), incident.window, verdict=verdict())


def test_a_debrief_is_written_and_hostile_text_stays_text(steady: None) -> None:
    hostile = "<img src=x>[red]\x1b]52;c;aGk=\x07"
    shown = told(Guess((hostile,), "", 1.0), Truth((hostile,), "cpu-stress", synthetic.ONSET))
    markdown, html = report.write(shown)
    text = html.read_text(encoding="utf-8")
    assert not {"img", "script"} & parsed(text).tags
    assert "\x1b" not in text + markdown.read_text(encoding="utf-8")
    assert "<img" not in markdown.read_text(encoding="utf-8").replace("\\<", "")


def test_a_guess_is_committed_once_and_after_the_page() -> None:
    game, guess = Game("x").begin(0.0), Guess((), "", 0.5)
    with pytest.raises(ValueError, match="after the page"):
        game.commit(guess, 1.0, 1.0)
    done = game.page(1.0, 1.0).commit(guess, 2.0, 3.0)
    with pytest.raises(ValueError, match="once"):
        done.commit(guess, 3.0, 4.0)
