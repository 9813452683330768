"""Pictures of every screen on one fixed incident, small and large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import evidence_incident
import pytest
import synthetic
from driving import Engine, app_over, settle, until, visible
from textual.pilot import Pilot
from textual.widgets import Input

from cluster.incident import library
from guidelines import documents, prices
from rca_tui.app import RcaApp
from rca_tui.screens.picker import Picker
from rca_tui.work import opening

pytestmark = pytest.mark.usefixtures("steady", "no_estimate", "ranked_here", "priced")
SIZES = [(80, 24), (160, 50)]


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of prices that no new measurement changes."""
    price = prices.Price(
        "head-apart", "engines booked on the head", "with the engines' metrics told of the head", 10, 0.91, 0.77,
        0.14, 0.09, 0.18,
        "Ranked again with the engines' metrics told of the head: AC@1 0.91 → 0.77 over 12 drills and 10 methods that "
        "read it, cost +0.14 (+0.09 to +0.18); guessing 0.17.",
    )  # fmt: skip
    table = prices.Measured(12, {"cpu-stress": 12}, 0.17, 0.91, ("baro",), (price,))
    monkeypatch.setattr(documents, "measured", lambda: table)


def ready(*keys: str) -> Callable[[Pilot[None]], Any]:
    """Wait for the first look, then press; `R` waits for the methods."""

    async def before(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, RcaApp)
        await until(pilot, lambda: app.session.latest is not None)
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
            if key in "lte":
                await settle(pilot)  # what was read has to be arranged
                await settle(pilot)
            if key == "3":
                await until(pilot, lambda: bool(app.screen.query("#form Select")))
            if key == "d":
                await until(pilot, lambda: "undo it by hand" in visible(pilot))
            if key == "6":
                await until(pilot, lambda: app.session.report is not None)
                await settle(pilot)
            if key == "R":
                await until(pilot, lambda: app.session.diagnosis is not None and not app.session.diagnosis.running)
                await settle(pilot)
        # An automatic diagnosis may be in the middle of the first picture.
        await until(pilot, lambda: not app.diagnosing)
        await settle(pilot)
        app.set_focus(app.screen.focused)

    return before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("overview", ()),
        ("telemetry", ("2",)),
        ("diagnose", ("4", "R")),
        ("methods", ("4", "R", "n")),
        ("explain", ("4", "R", "n", "5", "n")),
        ("checks", ("6", "n", "n", "n", "n", "n", "n", "n", "n", "n", "n")),
    ],
)
def test_replay(snap_compare: Any, name: str, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    assert snap_compare(app, run_before=ready(*keys), terminal_size=size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("logs", ("l", "escape", "down", "tab", "enter")),
        ("traces", ("t", "escape", "down")),
        ("events", ("e",)),
    ],
)
def test_evidence(snap_compare: Any, name: str, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    app = app_over(synthetic.Replay(evidence_incident.incident()))
    assert snap_compare(app, run_before=ready(*keys), terminal_size=size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "keys"), [("front", ()), ("picker", ("r",))])
def test_front(
    snap_compare: Any, name: str, keys: tuple[str, ...], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "local_runs", lambda: False)
    monkeypatch.setattr(opening, "why_not_local", lambda: "it needs Linux, this is Darwin")

    shipped = len(list(library.SHIPPED.glob("*.zip")))

    async def before(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: f"{shipped} shipped" in visible(pilot) and "Darwin" in visible(pilot))
        await pilot.press(*keys)
        await settle(pilot)
        if isinstance(pilot.app.screen, Picker):
            pilot.app.screen.query_one(Input).cursor_blink = False
            await until(pilot, lambda: f"{shipped} of {shipped}" in visible(pilot))

    assert snap_compare(RcaApp(None), run_before=before, terminal_size=size)


@pytest.mark.parametrize("size", SIZES)
def test_faults(snap_compare: Any, size: tuple[int, int]) -> None:
    app = app_over(synthetic.Live(), armed=True, engine=Engine())
    assert snap_compare(app, run_before=ready("3", "d"), terminal_size=size)


def test_light_theme(snap_compare: Any) -> None:
    async def light(pilot: Pilot[None]) -> None:
        await ready("2")(pilot)
        pilot.app.action_theme()  # type: ignore[attr-defined]
        await settle(pilot)

    app = app_over(synthetic.Replay(synthetic.incident()))
    assert snap_compare(app, run_before=light, terminal_size=(120, 30))
