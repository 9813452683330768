"""What the running app holds: it does not grow with the number of looks at the deployment."""

from __future__ import annotations

import collections
import gc
import weakref
from collections.abc import Iterator, Sequence

import pytest
import synthetic
from driving import running, settle, until
from textual.pilot import Pilot

from cluster.deployment import Samples
from cluster.window import Window
from rca_tui import app as of_app
from rca_tui.app import RcaApp
from rca_tui.work import messages, opening
from rca_tui.work.polling import HISTORY

SCREENS = "234567lte1"
STAY = 80
OF_TEXTUAL = {
    *("rich.style.Style", "textual.style.Style", "textual.css.tokenizer.Token"),  # the last few thousand
    "textual.cache.FIFOCache",  # seven of each strip
    *("fractions.Fraction", "textual.geometry.Size", "textual.box_model.BoxModel"),  # 16 layouts of each widget
}
"""Kinds that Textual keeps until so many are there."""


class Rolling(synthetic.Live):
    """Telemetry that has begun before all that is kept, and has a second more at each look."""

    def __init__(self) -> None:
        super().__init__(synthetic.START + HISTORY + 60)
        length = round(HISTORY) + 3 * STAY
        self._metrics = synthetic.metrics(length=length, onset=synthetic.START + length)
        self._edges = synthetic.edge_metrics(length=length)

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        index = self._metrics.index
        kept = (index >= window.start) & (index < min(window.end, self.now))
        return Samples(self._metrics.loc[kept], self._edges.loc[kept])


def held() -> collections.Counter[str]:
    """How many live objects there are of each kind; without those of Python itself, and those that Textual keeps."""
    gc.collect()
    kinds = (f"{type(one).__module__}.{type(one).__name__}" for one in gc.get_objects())
    return collections.Counter(kind for kind in kinds if not kind.startswith("builtins.") and kind not in OF_TEXTUAL)


def grown(before: collections.Counter[str], after: collections.Counter[str], by: int) -> dict[str, tuple[int, int]]:
    return {kind: (before[kind], now) for kind, now in after.items() if now - before[kind] >= by}


@pytest.mark.timeout(1800)  # it is counted, not timed
async def test_looks_leave_nothing_behind(steady: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_app, "POLL", 1e6)  # the test says when
    deployment = Rolling()
    app = RcaApp(lambda: deployment, armed=True, clock=lambda: deployment.now)

    async def look(pilot: Pilot[None], times: int) -> None:
        for _ in range(times):
            deployment.now += 1
            app._start_poll()
            await settle(pilot)

    async def visit_all(pilot: Pilot[None]) -> None:
        for key in SCREENS:
            await pilot.press(key)
            await look(pilot, 2)

    async with running(app, (120, 40)) as pilot:
        for _ in range(2):
            await visit_all(pilot)
        first = held()
        await look(pilot, STAY)
        stayed = held()
        await visit_all(pilot)
        last = held()
        assert app.session.latest is not None and app.session.latest.end == deployment.now - 1
    assert grown(first, stayed, STAY // 2) == {}, "one screen is looked at"
    assert grown(first, last, STAY) == {}, "all screens are looked at again"


@pytest.fixture
def as_command() -> Iterator[None]:
    """Started as by a command, which collects no garbage before the first frame."""
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.timeout(600)
async def test_what_was_open_before_is_let_go(steady: None, as_command: None) -> None:
    names = ("drill-05", "drill-06", "drill-07")
    app = RcaApp(opening.incident(names[0]).connect)
    opened = []
    async with running(app) as pilot:
        assert gc.isenabled()
        for name in names:
            if opened:
                app.post_message(messages.OpenAsked(opening.incident(name)))
            await until(pilot, lambda name=name: app.session.name == name and app.session.latest is not None)  # type: ignore[misc]
            opened.append(weakref.ref(app.session))
        await pilot.pause(0.5)
        gc.collect()
        assert [session() is not None for session in opened] == [False, False, True]
