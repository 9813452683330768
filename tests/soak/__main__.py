"""Soak the app: `python -m tests.soak --minutes 30 --speed 4 --out docs/measured`.

The app runs as it does for a person, with real polling of a real Prometheus that scrapes engines fed from a recording.
Keys go through its screens, its alarm diagnoses, and a fault of real processes is injected every few minutes. Each ten
seconds its memory, open files, threads and processes are counted, and the files that it keeps.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

from textual.pilot import WaitForScreenTimeout

from rca_tui.app import RcaApp
from rca_tui.session import Request
from rca_tui.work.injection import Injector
from rca_tui.work.threads import in_thread
from tests.soak import growth, world
from tests.soak.growth import Sample

RECORDING = "drill-05"
KEYS = (*"1234567lten[]", "up", "down", "escape")
PAUSE, COUNTED = 3.0, 10.0  # s between two keys, and between two counts
FAULT_SECONDS = 20.0


async def soak(deployment: world.World, minutes: float, every: float, state: Path) -> list[Sample]:
    """Samples of the app over those minutes, with a drill each `every` minutes."""
    rng = random.Random(0)
    app = RcaApp(lambda: deployment, armed=True, clock=time.time)
    app.injector = Injector(lambda: app.poller.deployment, True, engine=world.engine)
    targets = deployment.topology().ids[1:]
    began, next_drill = time.monotonic(), 60.0 * every / 2
    async with app.run_test(size=(120, 40)) as pilot:
        samples: list[Sample] = []
        counting = asyncio.create_task(_count(samples, began, state))
        while (passed := time.monotonic() - began) < 60.0 * minutes:
            with contextlib.suppress(WaitForScreenTimeout):  # on a busy machine a screen takes its time
                await pilot.press(rng.choice(KEYS))
            await asyncio.sleep(PAUSE)
            assert app.is_running and app._exception is None, app._exception
            if passed >= next_drill and not _injecting(app):
                next_drill = passed + 60.0 * every
                request = Request(world.FAULT, rng.choice(targets), {}, FAULT_SECONDS)
                app.run_worker(lambda r=request: app.injector.run(r, app.post_message), **in_thread("injection"))
        counting.cancel()
        app.injector.abort()
        app.injector.finish(save=False)
        while _injecting(app):
            await asyncio.sleep(0.5)
    return samples


async def _count(samples: list[Sample], began: float, state: Path) -> None:
    while True:
        samples.append(growth.count((time.monotonic() - began) / 60.0, state))
        await asyncio.sleep(COUNTED)


def _injecting(app: RcaApp) -> bool:
    return any(worker.group == "injection" and not worker.is_finished for worker in app.workers)


def main() -> int:
    chosen = argparse.ArgumentParser(prog="python -m tests.soak", description="Does anything of the app grow?")
    chosen.add_argument("--minutes", type=float, default=240.0, metavar="N")
    chosen.add_argument("--speed", type=float, default=1.0, metavar="S", help="times that of the recording")
    chosen.add_argument("--every", type=float, default=10.0, metavar="N", help="minutes from one drill to the next")
    chosen.add_argument("--out", type=Path, metavar="FOLDER", help="write soak.md and soak.svg there")
    given = chosen.parse_args()
    world.with_stress()
    with tempfile.TemporaryDirectory() as home:
        folder, state = Path(home) / "world", Path(home) / "state"
        folder.mkdir()
        with (
            mock.patch.dict(os.environ, {"XDG_STATE_HOME": str(state), "XDG_CONFIG_HOME": home}),
            world.world(folder, RECORDING, given.speed) as deployment,
        ):
            samples = asyncio.run(soak(deployment, given.minutes, given.every, state))
            drills = growth.drills()
    said = growth.report(samples, drills, " ".join(sys.argv[1:]))
    print(said)
    if given.out:
        (given.out / "soak.md").write_text(said)
        (given.out / "soak.svg").write_text(growth.figure(samples))
    return 1 if drills.left else 0


if __name__ == "__main__":
    raise SystemExit(main())
