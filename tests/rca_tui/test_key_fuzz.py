"""Random keys over odd incidents, by seed: the app goes on.

RCA_TUI_FUZZ_KEYS says how many keys each incident gets; `make fuzz` presses 1,000.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from driving import app_over, running
from odd_incidents import ODD

from cluster.replay import ReplayDeployment

KEYS = (
    *"0123456789bcdefghjklmnoprstuvwxyzBCDEFGHJKLMNOPRSTUVWXYZ[]/?",
    *("up", "down", "left", "right", "enter", "escape", "tab", "shift+tab", "space", "backspace", "home", "end"),
    *("pageup", "pagedown", "delete", "ctrl+o", "ctrl+p", "ctrl+l", "ctrl+u", "f1", "ctrl+f", "é", "名"),
)
"""All but those that end the app."""
SCREENS = "1234567leto"
SIZES = ((20, 5), (40, 10), (80, 24), (300, 100))
PRESSES = int(os.environ.get("RCA_TUI_FUZZ_KEYS", "24"))


@pytest.mark.parametrize("name", ODD)
@pytest.mark.timeout(600 if PRESSES < 100 else 7200)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_the_app_outlives_any_keys(
    steady: None, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # some keys write a file
    rng = random.Random(name)
    app = app_over(ReplayDeployment(ODD[name](), name))
    pressed: list[str] = []
    async with running(app, rng.choice(SIZES)) as pilot:
        for i in range(PRESSES):
            # All screens first, with a key on each.
            key = SCREENS[i // 2] if i < 2 * len(SCREENS) and i % 2 == 0 else rng.choice(KEYS)
            pressed.append(key)
            await pilot.press(key)
            if rng.random() < 0.1:
                await pilot.resize_terminal(*rng.choice(SIZES))
            assert app._exception is None, f"after {' '.join(pressed)}"
            assert app.is_running, f"ended by {' '.join(pressed)}"
