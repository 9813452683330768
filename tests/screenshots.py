"""`python -m tests.screenshots [FOLDER]`: pictures of today's app for the documentation, by default in docs/images.

The app runs without a terminal on a shipped drill. Methods run first, without a limit that a slow machine could
reach, and the app is given their answers in the order of the catalogue: another run writes the same files. All
methods on two cores take about four minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

from textual import constants
from textual.pilot import Pilot

from cluster.incident import library
from cluster.incident.model import Incident
from cluster.replay import ReplayDeployment
from methods import catalog
from methods.running import runner
from rca_tui.app import RcaApp
from rca_tui.theme import DARK, LIGHT

INCIDENT = "drill-01"
METHOD = "mmbaro"
STEP = 2
"""Of the method's explanation, counted from 0: the step that is opened."""
SIZE = (120, 36)
DEADLINE = 3600.0
"""CPU seconds for each method."""
FOLDER = Path(__file__).parents[1] / "docs" / "images"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, metavar="FOLDER")
    folder: Path = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as home:
        # No key map, journal or cache of this machine.
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
            os.environ[name] = home
        answers = mock.patch.object(runner, "run", answered_before(runner.run))
        with answers, mock.patch.object(constants, "COLOR_SYSTEM", "truecolor"):
            asyncio.run(take(folder))


def answered_before(run: Callable[..., Iterator[runner.Result]]) -> Callable[..., Iterator[runner.Result]]:
    """`runner.run`, but all answers are there before the first is handed out, and none says how long it took."""

    def answers(incident: Incident, names: object = None, **options: object) -> Iterator[runner.Result]:
        if names == [catalog.CONTRAST.name]:
            return run(incident, names, **options)
        order = [entry.name for entry in catalog.listed()]
        results = sorted(run(incident, deadline=DEADLINE), key=lambda result: order.index(result.method))
        return iter([replace(result, seconds=0.0) for result in results])

    return answers


async def take(folder: Path) -> None:
    """Write overview.svg, overview-light.svg, diagnose.svg and explain.svg."""
    app = RcaApp(lambda: ReplayDeployment(library.load(INCIDENT), INCIDENT))
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.session.diagnosis is not None and not app.session.diagnosis.running)
        save(app, folder / "overview.svg")
        app.theme = LIGHT.name
        await pilot.pause()
        save(app, folder / "overview-light.svg")
        app.theme = DARK.name
        await pilot.press("4")
        app.session.method = METHOD
        await pilot.pause()
        save(app, folder / "diagnose.svg")
        await pilot.press("5", *("n" * STEP))
        await pilot.pause()
        save(app, folder / "explain.svg")


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    while not condition():
        await pilot.pause(0.05)
    await pilot.pause()


def save(app: RcaApp, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(app.export_screenshot(title="rca-tui"), encoding="utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
