"""Notices: several at once, gone with their cause, and read again."""

from __future__ import annotations

from typing import Any

import synthetic
from driving import until, visible

from cluster.deployment import DeploymentError
from rca_tui.app import RcaApp
from rca_tui.errors import Problem
from rca_tui.screens.dialogs import Help, Notice


class Shaky(synthetic.Live):
    """Answers while `down` is empty."""

    down = ""

    def status(self) -> Any:
        if self.down:
            raise DeploymentError(self.down)
        return super().status()


def app_over(deployment: Any) -> RcaApp:
    return RcaApp(lambda: deployment, name="local", clock=lambda: synthetic.START + synthetic.LENGTH)


def open_notices(app: RcaApp) -> list[Notice]:
    return [screen for screen in app.screen_stack if isinstance(screen, Notice)]


async def polled(pilot: Any) -> None:
    pilot.app._start_poll()
    await until(pilot, lambda: not any(w.group == "poll" and not w.is_finished for w in pilot.app.workers))
    await pilot.pause()


async def test_an_outage_that_is_over_takes_its_notice_along() -> None:
    deployment = Shaky()
    app = app_over(deployment)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.session.latest is not None)
        for number in (1, 2):
            deployment.down = f"the API server is away {number}"
            await polled(pilot)
            await until(pilot, lambda: len(open_notices(app)) == 1)
            assert f"away {number}" in visible(pilot)
            await polled(pilot)
            assert len(open_notices(app)) == 1, "told once"
            deployment.down = ""
            await polled(pilot)
            await until(pilot, lambda: not open_notices(app))


async def test_several_notices_are_one_dialog_and_can_be_read_again() -> None:
    deployment = Shaky()
    app = app_over(deployment)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.session.latest is not None)
        await pilot.press("!")
        assert not open_notices(app), "nothing was told yet"
        app.notices.tell("Saving failed", Problem("no space [bold]left\x1b[31m", "df -h"))
        deployment.down = "it is away"  # also for the polls that the app makes by itself
        await polled(pilot)
        app.notices.tell("Saving failed", Problem("no space [bold]left\x1b[31m", "df -h"))
        await until(pilot, lambda: "it is away" in visible(pilot))
        (dialog,) = open_notices(app)
        assert len(dialog.told) == 2 and "[bold]left" in visible(pilot) and "Run: df -h" in visible(pilot)
        deployment.down = ""
        await polled(pilot)
        await until(pilot, lambda: "it is away" not in visible(pilot))
        assert open_notices(app) == [dialog], "the other one stays"
        await pilot.press("escape")
        await until(pilot, lambda: not open_notices(app))
        await pilot.press("!")
        await until(pilot, lambda: "it is away" in visible(pilot) and "no space" in visible(pilot))
        await polled(pilot)
        assert "it is away" in visible(pilot), "what is read again stays, whatever a poll says"


async def test_a_notice_whose_cause_passes_under_another_dialog_closes_when_it_comes_up() -> None:
    deployment = Shaky()
    app = app_over(deployment)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.session.latest is not None)
        deployment.down = "away"
        await polled(pilot)
        await until(pilot, lambda: bool(open_notices(app)))
        await app.push_screen(Help("about", []))
        deployment.down = ""
        await polled(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: not open_notices(app))
