"""A drill without a screen: over a recording that plays fast, and what a live one does when it ends in each way."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cluster.incident import library
from cluster.incident.truth import NO_FAULT
from cluster.playback import PlayedDeployment
from faults import scenario_drill, scenario_library, scoreboard
from faults.drill import DrillReport, Progress
from faults.effects import Landing
from faults.errors import Refused
from faults.states import Phase, State
from methods.running import runner
from rca_tui.commands.errors import Interrupted
from rca_tui.commands.play import Terminal, play_recording
from rca_tui.game import Game, Guess, NoTruth, Stage
from rca_tui.play import numbers
from rca_tui.play.ground import Live, Recording, Spoiled
from rca_tui.play.headless import Play
from rca_tui.play.lines import Lines, Quit

NAME, SCENARIO = "drill-05", scenario_library.find("night-shift")[1]
REPORT = DrillReport(
    "", NO_FAULT, "", {}, State.RECOVERED, True, "", "", "", Landing.UNKNOWN, (), (), 1.0, 2.0, Path("x.zip")
)


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Over a recording that is over at once, and with one method."""
    monkeypatch.setattr(runner, "run", partial(_one_method, runner.run))
    game = Game(NAME, 100_000.0, "night-shift", SCENARIO, "Ada")
    return Play(game, Recording(game))


def _one_method(run: Any, incident: Any, names: Any = None, **options: Any) -> Any:
    return run(incident, names or ["nsigma"], **options)


def scripted(*lines: str) -> Callable[[float], str | None]:
    left: Iterator[str] = iter(lines)

    def read(seconds: float) -> str | None:
        line = next(left, "quit")
        return None if line == "…" else line

    return read


def test_a_recording_plays_now_and_its_own_time_is_told_at_the_end_alone(play: Play) -> None:
    incident, truth = library.load_with_truth(NAME)
    assert truth is not None
    played = play._ground.deployment
    assert isinstance(played, PlayedDeployment) and abs(played.start - time.time()) < 60.0
    play.begin()
    play.look()
    play.commit(Guess((), "", 0.5))
    play.settle()
    told = next(play.debrief())
    assert [kept.score for kept in scoreboard.results()] == [told.score]  # before the methods have answered
    assert told.truth == truth.redated(told.later) and told.recorded == incident.window
    assert told.later == pytest.approx(played.start - incident.telemetry.metrics.index[0])
    assert played.start < told.truth.injected_at < played.end
    assert any(measured.landing is Landing.LANDED for measured in told.footprint)


@pytest.mark.slow
def test_from_the_brief_to_the_score(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    truth = library.load_truth(NAME)
    assert truth is not None
    who = " ".join(truth.components) or "nobody"
    lines = (
        "",
        "guess",
        "…",
        "show",
        "show latency_p90",
        "show gateway",
        "show nothing",
        "hint",
        "hint",
        "hint",
        "hint",
    )
    guessing = ("nonsense", "guess", "replica-77", who, "no-such-fault", truth.fault, "120", "90", "no")
    Terminal(play, scripted(*lines, *guessing, "guess", who, truth.fault, "90", "yes", "hint", "")).run()
    said = capsys.readouterr().out
    before, _, after = said.partition("90 % sure. Commit, yes or no? ")
    assert truth.cause not in before.replace("Commit", "")
    for expected in ("level 4 of 5", "the page has not come yet", "PAGE, critical", "Hint, 5 points", "no more hints"):
        assert expected in before
    for expected in ("there is no component 'replica-77'", "there is no command 'nonsense'", "a number from 0 to 100"):
        assert expected in before
    assert "nothing called 'nothing' was measured" in before
    assert "not committed" in after
    assert "'hint' is neither w nor Enter" in after
    for expected in ("Right. It was", truth.cause, "What happened when", "You beside the tool", "rca-tui scores"):
        assert expected in after
    (kept,) = scoreboard.results()
    assert (kept.scenario, kept.player, kept.incident) == ("night-shift", "Ada", NAME)
    assert kept.score.right and kept.score.fault_right
    assert kept.score.hints == sum(hint.costs for hint in SCENARIO.hints)
    assert set(kept.methods) == {"nsigma"}


def test_the_page_comes_only_after_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: moments[0])
    game = Game(NAME, 1.0, "night-shift", SCENARIO)
    ground = Recording(game)
    play = Play(game, ground, lambda: moments[0])
    ground.deployment._monotonic = lambda: moments[0]  # type: ignore[attr-defined]
    play.begin()
    moments[0] = ground._injected_at - ground.start - 2.0
    assert not play.look()
    assert play.game.stage is Stage.BASELINE
    with pytest.raises(ValueError, match="after the page"):
        play.commit(Guess((), "", 0.5))
    assert play.hint() is None
    moments[0] += 2.0 + SCENARIO.page.latest
    assert play.look()
    assert play.game.paged == pytest.approx(ground._injected_at + SCENARIO.page.latest, abs=1.5)
    assert play.left == SCENARIO.limit
    assert not play.look()


def test_quitting_ends_it(play: Play) -> None:
    with pytest.raises(Quit):
        Terminal(play, scripted("")).run()
    assert scoreboard.results() == ()


GUESS = ("", "show", "guess", "nobody", "none", "90", "yes")


def interrupted(monkeypatch: pytest.MonkeyPatch, *lines: str) -> str:
    """What the command says when it is interrupted after these lines."""
    monkeypatch.setattr(Lines, "next", staticmethod(scripted(*lines)))
    with pytest.raises(Interrupted) as caught:
        play_recording(Game(NAME, 100_000.0, "night-shift", SCENARIO, "Ada"))
    return str(caught.value)


def test_an_interruption_while_the_methods_answer_keeps_the_score(monkeypatch: pytest.MonkeyPatch) -> None:
    real = runner.run

    def one_and_then_ctrl_c(incident: Any, **_: Any) -> Iterator[runner.Result]:
        yield next(real(incident, ["nsigma"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run", one_and_then_ctrl_c)
    said = interrupted(monkeypatch, *GUESS)
    (kept,) = scoreboard.results()
    assert (kept.player, kept.components, kept.methods, kept.verdict) == ("Ada", (), {}, None)
    assert said == f"interrupted; your score is kept: {kept.score.points:g} of 100 points, without the methods' answers"
    assert scoreboard.comparisons([kept]) == ()


def test_an_interruption_while_the_fault_is_undone_keeps_the_score(monkeypatch: pytest.MonkeyPatch) -> None:
    def settle(ground: Recording) -> str:
        signal.raise_signal(signal.SIGINT)
        return NAME

    monkeypatch.setattr(Recording, "settle", settle)
    assert "your score is kept" in interrupted(monkeypatch, *GUESS)
    assert len(scoreboard.results()) == 1


def test_an_interruption_before_the_guess_scores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nothing is scored" in interrupted(monkeypatch, *GUESS[:-1], "no")
    assert scoreboard.results() == ()


def test_the_end_of_the_input_ends_the_debrief(play: Play) -> None:
    def ended(seconds: float) -> str | None:
        raise Quit

    Terminal(play, ended)._offer(None)  # type: ignore[arg-type]


def test_the_player_is_told_once_that_the_time_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    moments = [0.0]
    game = Game(NAME, 100_000.0, "night-shift", SCENARIO)
    play = Play(game, Recording(game), lambda: moments[0])
    waits: Iterator[str | None] = iter(("", "show", "", None, None, None, "quit"))

    def read(seconds: float) -> str | None:
        line = next(waits)
        if line is None:
            moments[0] += SCENARIO.limit
        return line

    with pytest.raises(Quit):
        Terminal(play, read).run()
    said = capsys.readouterr().out
    before, _, after = said.partition("left> \nTIME IS UP: ")
    assert "PAGE" in before
    assert "Being quick earns nothing" in after and "TIME IS UP" not in after
    assert after.count("time is up, speed earns nothing> ") == 1


def test_numbers_are_of_what_was_asked_for(play: Play) -> None:
    play.begin()
    play.look()
    assert play.snapshot is not None
    assert numbers.about(play.snapshot, "no-such-thing", None) == ()
    (grid,) = numbers.about(play.snapshot, "gateway>head", None)
    assert {row[0] for row in grid.rows} == {"gateway>head"}  # type: ignore[union-attr]


def test_what_was_worst_since_the_page_is_told_after_it_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    moments = [0.0]
    game = Game("drill-12", 1.0, "night-shift", SCENARIO)
    ground = Recording(game)
    play = Play(game, ground, lambda: moments[0])
    ground.deployment._monotonic = lambda: moments[0]  # type: ignore[attr-defined]
    play.begin()
    moments[0] = ground._injected_at - ground.start + SCENARIO.page.latest
    assert play.look()
    moments[0] = 400.0
    play.look()
    assert play.over and play.snapshot is not None
    (grid,) = numbers.about(play.snapshot, "latency_p90", play.game.paged)
    usual, worst, now = next(row[2:] for row in grid.rows if row[0] == "gateway")  # type: ignore[union-attr]
    assert worst not in (usual, now)
    Terminal(play, scripted(""))._ask("> ")
    assert "The recording has ended" in capsys.readouterr().out


def test_a_recording_without_a_truth_is_refused(tmp_path: Path) -> None:
    from cluster.incident import store

    store.save(library.load(NAME), tmp_path / "mine.zip")
    with pytest.raises(NoTruth):
        Recording(Game(str(tmp_path / "mine.zip")))


# -- live -----------------------------------------------------------------------------------------------------------


def live(monkeypatch: pytest.MonkeyPatch, run: Callable[..., DrillReport]) -> Live:
    monkeypatch.setattr(scenario_drill, "run", run)
    ground = Live(None, SCENARIO, Path("x.zip"))  # type: ignore[arg-type]
    ground.begin()
    return ground


def held(*_: Any, progress: Callable[[Progress], None], over: Any, cancelled: Any, **__: Any) -> DrillReport:
    progress(Progress(Phase.ACTIVE, 30.0))
    while not over() and not cancelled():
        time.sleep(0.01)
    return dataclasses.replace(REPORT, **({"aborted": "cancelled", "saved": None} if cancelled() else {}))


def test_a_guess_ends_the_fault_and_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = live(monkeypatch, held)
    while ground.fault_since() is None:
        time.sleep(0.01)
    assert ground.settle() == "x.zip"


def test_what_it_waits_for_is_told_once_and_not_taken_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unsteady(*arguments: Any, progress: Callable[[Progress], None], **options: Any) -> DrillReport:
        for reason in ("the service is not steady: the p90 latency swings", "the service is not steady: it is rising"):
            progress(Progress(Phase.STEADY, 90.0, reason))
        progress(Progress(Phase.INJECTING))
        return held(*arguments, progress=lambda progress: None, **options)

    monkeypatch.setattr(scenario_drill, "run", unsteady)
    deployment = PlayedDeployment(library.load(NAME), "local")
    play = Play(Game("", scenario=SCENARIO), Live(deployment, SCENARIO, Path("x.zip")))
    typed = scripted("", "…", "…", "help")

    def read(seconds: float) -> str | None:
        while play.game.stage is Stage.BASELINE and not play.waits:
            time.sleep(0.01)
        return typed(seconds)

    with pytest.raises(Quit):
        Terminal(play, read).run()
    play.give_up()
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("The drill waits for that, 90 s at most.") == 1
    assert "The baseline is over, but the service is not steady: the p90 latency swings." in said
    assert "rising" not in said


def test_giving_up_undoes_and_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = live(monkeypatch, held)
    ground.give_up()
    assert not ground._thread.is_alive()
    with pytest.raises(Spoiled, match="cancelled"):
        ground.settle()


def test_what_goes_wrong_reaches_the_player(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> DrillReport:
        raise Refused("refused, nothing was touched: no")

    ground = live(monkeypatch, refuse)
    ground._thread.join()
    with pytest.raises(Refused):
        ground.fault_since()
    stuck = dataclasses.replace(REPORT, state=State.STUCK, clean=False, saved=None, detail="no", command="kill 7")
    ground = live(monkeypatch, lambda *_, **__: stuck)
    with pytest.raises(Spoiled) as caught:
        ground.settle()
    assert caught.value.command == "kill 7"


def test_lines_come_from_a_pipe_until_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        lines = Lines()
        assert lines.next(0.0) is None
        os.write(writing, b"show  \nguess\nhi")
        assert (lines.next(1.0), lines.next(1.0), lines.next(0.0)) == ("show", "guess", None)
        os.close(writing)
        with pytest.raises(Quit):
            lines.next(1.0)


def test_what_was_typed_ahead_at_a_terminal_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        lines = Lines()
        os.write(ours, b"one\ntwo\n")
        assert lines.next(5.0) == "one"
        lines.forget()
        assert lines.next(0.1) is None
        os.write(ours, b"w\n")
        assert lines.next(5.0) == "w"
    os.close(ours)
