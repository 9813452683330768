"""What the keys of each screen do."""

from __future__ import annotations

import math
from typing import Any

import pytest
import synthetic
from driving import Engine, app_over, open_faults, running, settle, until, visible
from textual.color import Color
from textual.widgets import Button, Static

from faults.states import State
from rca_tui.screens.dialogs import Confirm, Notice
from rca_tui.widgets.chart import Chart
from rca_tui.widgets.rows import Rows

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


def replay() -> Any:
    return app_over(synthetic.Replay(synthetic.incident()))


def keys_of(app: Any, table: str) -> list[str]:
    return [str(key.value) for key in app.screen.query_one(table, Rows).rows]


async def test_a_screen_that_is_taken_away_shows_nothing_any_more() -> None:
    app = replay()
    async with running(app):
        page = app.screen
        await page.query("*").remove()
        page.update_page()
        page.session.problem = "it is gone"
        assert page.is_current


async def test_a_screen_whose_app_ends_shows_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    app = replay()
    async with running(app):
        page = app.screen
        await page.query_one("#culprit").remove()
        monkeypatch.setattr(type(app), "is_running", False)
        page.update_page()
        page.session.problem = "it is gone"
        monkeypatch.undo()


# -- 1 Overview ---------------------------------------------------------------------------------------------------


async def test_overview_puts_what_is_in_trouble_first_and_then_the_front_door() -> None:
    app = replay()
    async with running(app) as pilot:
        assert keys_of(app, "#components")[:2] == ["replica-1", "gateway"]
        assert keys_of(app, "#components")[-1] == "node"
        banner, row = (line for line in visible(pilot).splitlines() if "✖ replica-1" in line)
        assert "latency p90" in banner and "since 22:15:20 UTC" in banner
        assert "p90 0.6→2.2 s" in row
        assert app.screen.query_one("#chart-0", Chart).plot.title == "replica-1 latency_p90"


async def test_the_state_keeps_its_colour_on_the_row_under_the_cursor() -> None:
    app = replay()
    async with running(app):
        error = Color.parse(app.theme_variables["error"]).rich_color
        strips = app.screen._compositor.render_strips()
        row = next(s for s in reversed(strips) if "✖ replica-1" in s.text)
        glyph = next(segment for segment in row if "✖" in segment.text)
        assert app.screen.query_one("#components", Rows).key == "replica-1"
        assert glyph.style.color == error


async def test_overview_shows_the_moment_that_it_is_set_to() -> None:
    app = replay()
    async with running(app) as pilot:
        assert app.session.moment == synthetic.ONSET + 30
        for _ in range(12):
            await pilot.press("left")
        assert app.session.moment == synthetic.ONSET - 30
        row = next(line for line in visible(pilot).splitlines() if "replica-1" in line)
        assert "●" in row


async def test_filter_keeps_what_matches_and_escape_shows_all() -> None:
    app = replay()
    async with running(app) as pilot:
        await pilot.press("slash", *"replica", "enter")
        await until(pilot, lambda: sorted(keys_of(app, "#components")) == ["replica-0", "replica-1", "replica-2"])
        assert "SLI" in visible(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: len(keys_of(app, "#components")) == 6)


async def test_enter_opens_the_telemetry_of_the_component() -> None:
    app = replay()
    async with running(app) as pilot:
        await pilot.press("enter")
        await pilot.pause()
        assert app.current_mode == "telemetry"
        assert app.screen.query_one("#main", Chart).plot.title == "replica-1 latency_p90"


# -- 2 Telemetry --------------------------------------------------------------------------------------------------


async def test_telemetry_goes_through_signals_and_components() -> None:
    app = replay()
    async with running(app) as pilot:
        await pilot.press("2")
        await pilot.pause()
        assert app.screen.query_one("#main", Chart).plot.title.startswith("replica-1 ")  # the culprit first
        app.session.subject = ("gateway", "latency_p90")
        await pilot.press("down")
        await pilot.pause()
        assert app.screen.query_one("#main", Chart).plot.title == "gateway latency_p50"
        await pilot.press("shift+tab", "down")
        await pilot.pause()
        assert app.screen.query_one("#main", Chart).plot.title.startswith("head ")


async def test_window_keys_change_what_is_shown() -> None:
    app = replay()
    async with running(app) as pilot:
        await pilot.press("2", "left_square_bracket")
        await pilot.pause()
        plot = app.screen.query_one("#main", Chart).plot
        assert plot.end - plot.start == 120
        assert plot.start < synthetic.ONSET < plot.end
        await pilot.press("right_square_bracket")
        await pilot.pause()
        plot = app.screen.query_one("#main", Chart).plot
        assert plot.end - plot.start == synthetic.LENGTH - 1


async def test_o_sets_the_onset_at_the_cursor_and_capital_o_takes_it_back() -> None:
    app = replay()
    async with running(app) as pilot:
        await pilot.press("2", "left", "left", "o")
        assert app.session.mark.by_operator and app.session.mark.time == app.session.moment < synthetic.ONSET + 30
        plot = app.screen.query_one("#main", Chart).plot
        assert plot.onset == app.session.mark.time and plot.shade[0] == app.session.mark.time
        await pilot.press("O")
        await settle(pilot)
        assert not app.session.mark.by_operator and app.session.mark.time == synthetic.ONSET


async def test_copy_of_telemetry_leaves_gaps_empty() -> None:
    app = replay()
    async with running(app) as pilot:
        app.session.subject = ("replica-2", "latency_p90")
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("y")
        values = [line.split("\t")[1] for line in app.clipboard.splitlines()[2:]]
        assert values.count("") == 12 and len(values) == synthetic.LENGTH
        assert all(math.isfinite(float(value)) for value in values if value)


# -- 3 Faults -----------------------------------------------------------------------------------------------------


async def open_confirmation(pilot: Any) -> None:
    await open_faults(pilot)
    await pilot.press("I")
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm | Notice))


async def test_faults_say_what_is_available_and_why_not() -> None:
    app = app_over(synthetic.Live(), engine=Engine())
    async with running(app) as pilot:
        await open_faults(pilot)
        assert "cpu-stress" in visible(pilot) and "workers" in visible(pilot) and "1 to 16" in visible(pilot)
        await pilot.press("down")
        await settle(pilot)
        assert "there is no NVIDIA GPU here" in visible(pilot)


async def test_dry_run_shows_exactly_what_would_be_done_and_does_nothing() -> None:
    engine = Engine()
    app = app_over(synthetic.Live(), engine=engine)
    async with running(app, (120, 30)) as pilot:
        await open_faults(pilot)
        await pilot.press("d")
        await settle(pilot)
        assert "stress-ng --cpu 4 in replica-0" in visible(pilot) and "kill 4711" in visible(pilot)
        assert not engine.requests


async def test_injection_wants_the_target_typed_and_cancel_has_the_focus() -> None:
    engine = Engine()
    app = app_over(synthetic.Live(), armed=True, engine=engine)
    async with running(app) as pilot:
        await open_confirmation(pilot)
        assert app.screen.focused is app.screen.query_one("#cancel", Button)
        assert app.screen.query_one("#go", Button).disabled
        await pilot.press("enter")
        await pilot.pause()
        assert not isinstance(app.screen, Confirm) and not engine.requests

        await pilot.press("I")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press(*"replica-", "enter")
        assert isinstance(app.screen, Confirm)
        await pilot.press("0", "enter")
        await until(pilot, lambda: app.session.injection is not None and app.session.injection.state is State.ACTIVE)
        assert engine.requests == [("replica-0", {"workers": "4"}, 60.0)]
        await settle(pilot)
        shown = app.screen.query_one("#running", Static)
        assert shown.display and "ACTIVE" in visible(pilot) and "60 s left" in visible(pilot)
        await pilot.press("X")
        await until(pilot, lambda: not app.session.injection.open)
        await pilot.pause()
        assert "RECOVERED" in visible(pilot)


async def test_a_refused_preflight_is_said_and_nothing_is_asked() -> None:
    engine = Engine()
    engine.doubt = "the service is not steady: 8 % failed"
    app = app_over(synthetic.Live(), armed=True, engine=engine)
    async with running(app) as pilot:
        await open_confirmation(pilot)
        assert isinstance(app.screen, Notice) and "not steady" in visible(pilot)
        assert not engine.requests


async def test_read_only_takes_the_key_away() -> None:
    engine = Engine()
    app = app_over(synthetic.Live(), armed=False, engine=engine)
    async with running(app) as pilot:
        await open_faults(pilot)
        await pilot.press("I")
        await settle(pilot)
        assert not isinstance(app.screen, Confirm) and not engine.requests


async def test_a_replay_says_why_nothing_can_be_injected() -> None:
    app = replay()
    del app.injector.offers
    async with running(app, (120, 30)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: "not available" in visible(pilot))
        assert "not available" in visible(pilot)


# -- 4 Diagnose and 5 Explain -------------------------------------------------------------------------------------


async def diagnosed(pilot: Any) -> None:
    await pilot.press("4", "R")
    await until(pilot, lambda: pilot.app.session.diagnosis is not None and not pilot.app.session.diagnosis.running)
    pilot.app.screen.query_one(Rows).focus()
    await settle(pilot)


@pytest.mark.usefixtures("ranked_here")
async def test_diagnose_ranks_and_says_why_a_method_does_not() -> None:
    app = replay()
    async with running(app) as pilot:
        await diagnosed(pilot)
        assert app.session.diagnosis.consensus.top == ("replica-1",)
        app.session.method = "baro"
        await pilot.pause()
        assert "ranked in" in visible(pilot) and "replica-1" in visible(pilot)
        app.session.method = "microrank"
        await pilot.pause()
        assert "not applicable" in visible(pilot) and "[red]no[/] traces" in visible(pilot)
        assert "\x1b" not in visible(pilot)


@pytest.mark.usefixtures("ranked_here")
async def test_copy_of_the_consensus_has_its_ranking_and_who_says_otherwise() -> None:
    app = replay()
    async with running(app) as pilot:
        await diagnosed(pilot)
        await pilot.press("home", "y")
        _, head, first, *rest = app.clipboard.splitlines()
        assert head == "rank\tcomponent\tscore"
        assert first.startswith("1\treplica-1\t")
        assert rest[rest.index("consensus") + 1] == app.session.diagnosis.consensus.claim


@pytest.mark.usefixtures("ranked_here")
async def test_n_and_p_go_through_the_methods() -> None:
    app = replay()
    async with running(app) as pilot:
        await diagnosed(pilot)
        before = app.session.method
        await pilot.press("n")
        await pilot.pause()
        assert app.session.method != before
        await pilot.press("p")
        await pilot.pause()
        assert app.session.method == before


@pytest.mark.usefixtures("ranked_here")
async def test_the_onset_that_the_operator_set_is_the_one_that_is_used() -> None:
    app = replay()
    async with running(app) as pilot:
        await pilot.press("2", "left", "o")
        set_at = app.session.mark.time
        await diagnosed(pilot)
        assert app.session.diagnosis.incident.onset.time == set_at
        assert app.session.diagnosis.incident.onset.source == "operator"


@pytest.mark.usefixtures("ranked_here")
async def test_without_an_onset_the_consensus_says_that_nothing_may_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[object] = []
    monkeypatch.setattr("rca_tui.work.diagnosis.estimate", searches.append)
    app = replay()
    async with running(app, (160, 50)) as pilot:
        await diagnosed(pilot)
        assert len(searches) == 1
        await pilot.press("home")
        await settle(pilot)
        assert "no onset found" in visible(pilot)
        assert "whether anything is wrong" in visible(pilot)


@pytest.mark.usefixtures("ranked_here")
async def test_explain_goes_through_the_steps_with_the_evidence_of_each() -> None:
    app = replay()
    async with running(app) as pilot:
        await diagnosed(pilot)
        app.session.method = "baro"
        await pilot.press("5")
        await settle(pilot)
        first = visible(pilot)
        assert "1/" in first
        await pilot.press("n")
        await pilot.pause()
        assert "2/" in visible(pilot)
        await pilot.press("p", "y")
        assert "\nbaro\n1. " in app.clipboard
        assert app.screen.query_one(Chart).plot is not None
        await pilot.press("escape")
        await pilot.pause()
        assert app.current_mode == "diagnose"


async def test_explain_without_a_diagnosis_says_what_to_do() -> None:
    async with running(replay()) as pilot:
        await pilot.press("5")
        await pilot.pause()
        assert "press 4, then R" in visible(pilot)
