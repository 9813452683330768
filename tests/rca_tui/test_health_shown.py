"""Health in the header, and what a poller notes for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic
from driving import NOW, app_over, running, visible

from cluster.topology import Topology
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


async def test_overview_says_that_nothing_is_wrong_where_nothing_is() -> None:
    app = app_over(synthetic.Live())
    async with running(app, (120, 40)) as pilot:
        assert "● no trouble: all components are as before" in visible(pilot)


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
