"""In a terminal of 60 columns no value is cut that the screen is about, and what is cut ends in an ellipsis."""

from __future__ import annotations

import pytest
import synthetic
from driving import Engine, app_over, open_faults, running, settle, until, visible

from rca_tui.app import RcaApp
from rca_tui.screens.front import FrontPage

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")
SIZE = (60, 24)


async def test_overview_says_what_changed_in_full_and_since_when_below_it() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, SIZE) as pilot:
        app.session.diagnosis = None
        await pilot.pause()
        lines = visible(pilot).splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("  ✖ replica-1  "))
        assert "was" in lines[at] and "…" not in lines[at] and lines[at + 1].strip().startswith("since 22:15:20 UTC")
        heading = next(i for i, line in enumerate(lines) if "Component" in line)
        assert lines[heading].rstrip().endswith("changed") and "→" in lines[heading + 1], "in brief, beside the numbers"
        (sli,) = (line for line in lines if line.startswith(" SLI "))
        assert sli.rstrip().endswith(("/s", "…"))


async def test_telemetry_says_the_medians() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, SIZE) as pilot:
        await pilot.press("2")
        await settle(pilot)
        said = " ".join(line.split("│", 1)[-1].strip() for line in visible(pilot).splitlines()[3:9])
        assert "median" in said and "→" in said


async def test_a_parameter_says_its_bounds() -> None:
    app = app_over(synthetic.Live(), armed=True, engine=Engine())
    async with running(app, SIZE) as pilot:
        await open_faults(pilot)
        (workers,) = (line for line in visible(pilot).splitlines() if "workers" in line)
        (seconds,) = (line for line in visible(pilot).splitlines() if "seconds" in line)
        assert "1 to 16" in workers and workers.rstrip().endswith("…")
        assert "1 to 600" in seconds and seconds.rstrip().endswith("…")


@pytest.mark.parametrize("height", [24, 36])
async def test_the_front_page_is_in_view_and_descriptions_keep_their_indent(height: int) -> None:
    app = RcaApp(None)
    async with running(app, (SIZE[0], height)) as pilot:
        assert isinstance(app.screen, FrontPage)
        await until(pilot, lambda: " shipped" in visible(pilot))
        lines = [line for line in visible(pilot).splitlines() if line.strip()]
        assert lines[0].startswith("  rca_tui") and app.screen.max_scroll_y == 0
        assert any("Open a file" in line for line in lines)
        first, second = (i for i, line in enumerate(lines) if "Replay a drill" in line or "Play a drill" in line)
        about = lines[first + 1 : second]
        assert ("recorded incident" in about[0]) == (height > 30)
        assert {len(line) - len(line.lstrip()) for line in about} == {5}
