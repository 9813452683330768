"""What the app watches by address: the form that takes it, and what the deployment says of itself."""

from __future__ import annotations

import dataclasses

import pytest
import synthetic
from driving import NOW, app_over, running, until, visible

from cluster.deployment import Status
from cluster.endpoints.watched import Watched
from rca_tui.app import RcaApp
from rca_tui.screens.openers import WatchUrls
from rca_tui.widgets.header import Header
from rca_tui.work import opening

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_a_prometheus_its_series_and_the_gateway_are_entered_in_the_app(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    opened: list[Watched] = []
    monkeypatch.setattr(
        opening, "endpoints", lambda watched: opened.append(watched) or opening.Source(watched.name, synthetic.Live)
    )
    monkeypatch.setattr(opening, "why_not_local", lambda: "")
    monkeypatch.setattr(opening, "local_runs", lambda: False)
    app = RcaApp(None, armed=False, clock=lambda: NOW)
    async with running(app, size) as pilot:
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, WatchUrls))
        shown = visible(pilot)
        assert all(label in shown for label in ("Targets", "Prometheus", "Match", "Gateway", "Cancel"))
        await pilot.press("tab", "tab", *"job", "enter")
        await until(pilot, lambda: "--match goes with" in " ".join(visible(pilot).split()))
        await pilot.press("shift+tab", *"http", "colon", *"//p", "colon", *"9090", "tab", "tab", *"http", "colon")
        await pilot.press(*"//g", "enter")
        await until(pilot, lambda: app.session.latest is not None)
        assert opened == [Watched((), "http://p:9090", "job", "http://g")]


@pytest.mark.parametrize(("width", "lines"), [(80, 3), (160, 2)])
async def test_what_a_deployment_says_of_itself_is_in_view_at_every_width(width: int, lines: int) -> None:
    message = "no answer from replica-1 (127.0.0.1:8001): connection refused"

    class Talking(synthetic.Live):
        def status(self) -> Status:
            return dataclasses.replace(super().status(), message=message)

    app = app_over(Talking())
    async with running(app, (width, 24)) as pilot:
        await until(pilot, lambda: app.session.latest is not None)
        await until(pilot, lambda: message in visible(pilot))
        assert app.screen.query_one(Header).query_one("#tabs").region.y == lines - 1
