"""Health in the header, and what a poller notes for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic
from driving import NOW, Engine, app_over, open_faults, running, settle, until, visible
from textual.widgets import Select

from cluster.incident import library
from cluster.replay import ReplayDeployment
from cluster.topology import Topology
from methods.telemetry.health_types import State
from rca_tui.draw.health import health_of, telling_moment
from rca_tui.game import Game, Stage
from rca_tui.widgets.chart import Chart
from rca_tui.widgets.header import Header
from rca_tui.work.polling import Poller

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


async def test_the_header_names_the_component_in_trouble_until_there_is_a_verdict() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, (120, 40)) as pilot:
        app.session.diagnosis = None
        await pilot.press("2")
        await pilot.pause()
        assert visible(pilot).splitlines()[2].startswith(" ✖ replica-1: latency p90 2.")
        app.session.moment = synthetic.ONSET - 20
        await pilot.pause()
        assert "✖" not in visible(pilot).splitlines()[2]


@pytest.mark.parametrize("room", [False, True])
async def test_in_a_drill_no_screen_names_a_component_unasked(room: bool) -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, (120, 40)) as pilot:
        app.session.diagnosis = None
        app.session.drilled = room
        app.session.game = None if room else Game("a", stage=Stage.INVESTIGATE)
        await pilot.press("2")
        await pilot.pause()
        assert "✖" not in visible(pilot).splitlines()[2]
        assert app.screen.chosen == "gateway"
        await pilot.press("e")
        await pilot.pause()
        assert app.screen.query_one(Chart).plot.title == "gateway latency_p90"
        await pilot.press("2")
        app.session.drilled, app.session.game = False, None
        app.screen.query_one(Header).tick += 1
        await pilot.pause()
        assert "✖ replica-1" in visible(pilot).splitlines()[2]


async def test_overview_says_that_nothing_is_wrong_where_nothing_is() -> None:
    app = app_over(synthetic.Live())
    async with running(app, (120, 40)) as pilot:
        assert "● no trouble: all components are as before" in visible(pilot)


@pytest.mark.parametrize(("drill", "after"), [("drill-53", None), ("drill-21", 30.0)])
def test_a_recording_is_shown_first_while_its_culprit_is_in_trouble(drill: str, after: float | None) -> None:
    incident, truth = library.load_with_truth(drill)
    snapshot = Poller(lambda: ReplayDeployment(incident, drill), lambda: NOW).poll()
    moment = telling_moment(snapshot, truth.injected_at)
    worst = health_of(snapshot, moment)[0]
    assert (worst.state, (worst.component,)) == (State.TROUBLE, truth.components)
    assert after is None or moment == truth.injected_at + after


def test_a_new_incarnation_is_noted_with_the_time_of_the_poll_that_found_it() -> None:
    deployment = synthetic.Live()
    poller = Poller(lambda: deployment, lambda: NOW)
    assert poller.poll().replaced == {}
    parts = deployment.recording.topology
    others = tuple(replace(c, uid="new") if c.id == "replica-0" else c for c in parts.components)
    deployment.recording = replace(
        deployment.recording, topology=Topology(others, parts.edges, front_door=parts.front_door)
    )
    assert list(poller.poll().replaced) == ["replica-0"]
    assert poller.poll().replaced["replica-0"] == pytest.approx(NOW, abs=1)


async def test_faults_shows_the_targets_signals_and_the_sli_where_there_is_room() -> None:
    app = app_over(synthetic.Live(), armed=True, engine=Engine())
    async with running(app, (120, 40)) as pilot:
        await open_faults(pilot)
        titles = [chart.plot.title for chart in app.screen.query(Chart)]
        assert titles == ["replica-0 latency_p90", "gateway latency_p90"]
        app.screen.query_one("#form Select", Select).value = "replica-2"
        await pilot.pause()
        assert app.screen.query(Chart).first().plot.title == "replica-2 latency_p90"


@pytest.mark.usefixtures("ranked_here")
async def test_below_the_consensus_is_what_changed_most_at_the_component_that_it_blames() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, (160, 50)) as pilot:
        await pilot.press("4", "R")
        await until(pilot, lambda: app.session.diagnosis is not None and not app.session.diagnosis.running)
        app.session.method = "consensus"
        await settle(pilot)
        chart = app.screen.query_one("#why Chart", Chart)
        assert chart.display and chart.plot.title == "replica-1 latency_p90"
