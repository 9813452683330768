"""What screens say in small places."""

from __future__ import annotations

import pytest
import synthetic
from driving import app_over, running, settle, until, visible

from faults import catalog
from guidelines import catalog as checks
from guidelines import documents
from guidelines.types import fails
from rca_tui.glyphs import BAD
from rca_tui.palette import key_hints
from rca_tui.screens.events import EventsPage
from rca_tui.screens.logs import LogsPage
from rca_tui.screens.page import Page
from rca_tui.screens.traces import TracesPage

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


def test_a_recording_cannot_be_injected_into() -> None:
    found = catalog.availability("cpu-stress", synthetic.Replay(synthetic.incident()))
    assert (found.ok, found.reason) == (False, "a recording cannot be injected into")


@pytest.mark.parametrize(("page", "counted"), [(LogsPage, "errors"), (TracesPage, "failed"), (EventsPage, "counts")])
def test_what_the_sign_beside_the_time_line_counts_is_told(page: type[Page], counted: str) -> None:
    told = page.HELP.partition(BAD)[2].partition(". ")[0].partition(";")[0]
    assert counted in told


def test_a_failed_check_leads_with_what_to_set() -> None:
    check = next(one for one in checks.entries() if one.change)
    blocks = documents.page(check, fails("nothing"))
    assert blocks[2 : 2 + 2 * len(check.change)] == documents.changes(check)


@pytest.mark.usefixtures("ranked_here")
async def test_what_has_no_opinion_has_no_green_dot_and_a_replay_no_pause() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, size=(120, 40)) as pilot:
        await until(pilot, lambda: app.session.diagnosis is not None and not app.session.diagnosis.running)
        await pilot.press("4")
        await settle(pilot)
        row = next(line for line in visible(pilot).splitlines() if "contrast  " in line)
        assert row.startswith("· contrast")
        assert "pause" not in [hint.action for hint in key_hints(app.screen)]
