"""Text and the room it has: nothing is cut without a word, and a new size means drawing anew."""

from __future__ import annotations

from typing import Any

import pytest
import synthetic
from driving import app_over, running, settle, until, visible
from textual.pilot import Pilot
from textual.widgets import Static

from methods.answer.consensus import Tally
from methods.answer.types import ComponentScore, Ranking
from rca_tui.draw.rankings import CONSENSUS, consensus_sentences
from rca_tui.session import Mark

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


async def diagnosed(pilot: Pilot[None], app: Any) -> None:
    await until(pilot, lambda: app.session.diagnosis is not None and not app.session.diagnosis.running)
    await pilot.press("4")
    await settle(pilot)


def divided() -> Any:
    """A consensus of twelve methods: nine of them blame nine different pairs."""
    tally = Tally(("head", *(f"replica-{i}" for i in range(9))))
    for i in range(12):
        first = "head" if i < 3 else f"replica-{i - 3}"
        scores = (ComponentScore(first, 2.0, 1), ComponentScore("head" if i >= 3 else "replica-0", 1.0, 2))
        tally.add(f"method-{i}", Ranking(scores, synthetic.ranking("head", 1.0).explanation))
    return tally.consensus


def test_dissent_is_told_by_answer() -> None:
    sentences = consensus_sentences(divided(), Mark(1.0, by_operator=False))
    assert sentences[0].startswith("No majority: weak. 3 of 12 methods that ranked blame head first")
    assert [s for s in sentences if s.startswith("≠")] == [
        f"≠ method-{i} blames replica-{i - 3}" for i in (10, 11, *range(3, 10))
    ]


@pytest.mark.usefixtures("ranked_here")
async def test_all_dissent_can_be_read() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, size=(80, 24)) as pilot:
        await diagnosed(pilot, app)
        app.session.method = CONSENSUS
        app.screen._show_consensus(divided(), app.session.mark)  # type: ignore[attr-defined]
        await pilot.pause()
        box, claim = app.screen.query_one("#why .said"), app.screen.query_one("#why .claim", Static)
        assert claim.size.height >= 11
        assert box.max_scroll_y + box.size.height >= claim.size.height
        assert box.show_vertical_scrollbar or box.size.height >= claim.size.height
        box.focus()
        await pilot.press("end")
        await pilot.pause(0.5)
        assert "≠ method-9 blames replica-6" in visible(pilot)


@pytest.mark.usefixtures("ranked_here")
async def test_a_ranking_is_drawn_anew_for_a_new_size() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, size=(160, 50)) as pilot:
        await diagnosed(pilot, app)
        app.session.method = "baro"
        for width, height in ((80, 30), (60, 30), (120, 40), (60, 20)):
            await pilot.resize_terminal(width, height)
            await settle(pilot)
            box = app.screen.query_one("#ranking", Static)
            lines = [line for line in visible(pilot).splitlines() if "━" in line and "83.7" in line]
            assert len(lines) == 1, "bar and score stand on one line"
            assert lines[0].rstrip().endswith("83.7")
            assert len(lines[0].rstrip()) > box.region.right - 4, "the bar takes the room there is"
