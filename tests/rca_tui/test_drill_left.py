"""A player who leaves the debrief leaves no methods behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import synthetic
from driving import running, until

from cluster.incident import library, store
from cluster.incident.truth import Truth
from cluster.playback import PlayedDeployment
from faults import scoreboard
from methods.running import runner
from rca_tui.app import RcaApp
from rca_tui.game import Game, Guess
from rca_tui.opener import DRILL
from rca_tui.work import messages, opening


@pytest.mark.usefixtures("steady")
async def test_quitting_while_the_methods_answer_stops_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends, stopped = time.monotonic() + 60.0, threading.Event()

    def slow(*_: Any, cancelled: Any, **__: Any) -> Iterator[runner.Result]:
        while time.monotonic() < ends:
            if cancelled.is_set():
                stopped.set()
                return
            time.sleep(0.01)
        yield from ()

    monkeypatch.setattr(runner, "run", slow)
    truth = Truth(("replica-1",), "cpu-stress", synthetic.ONSET, synthetic.ONSET + 60.0, {"workers": 4}, "replica-1")
    saved = str(store.save(synthetic.incident(), tmp_path / "mine.zip", truth))
    deployment = PlayedDeployment(library.load(saved), opening.PLAYED, 1.0, lambda: 0.0, held=True)
    app = RcaApp(lambda: deployment, opening.PLAYED, first=DRILL, game=Game(saved))
    async with running(app) as pilot:
        game = Game(saved).begin(0.5).page(1.0, 0.0)
        app.session.game = game.commit(Guess((), "", 0.5), synthetic.ONSET, 10.0)
        app.post_message(messages.DrillGuessed())
        await until(pilot, lambda: app.session.debrief is not None)
        await pilot.press("q", "q")
    assert stopped.wait(10)
    (kept,) = scoreboard.results()
    assert kept.verdict is None, "the score is kept without what the methods said"
