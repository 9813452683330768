"""The app in a terminal that goes away without a signal: it ends, and leaves no process that spins."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys


def test_the_app_ends_with_its_terminal() -> None:
    terminal, child = pty.openpty()
    # In a session of its own the app has no controlling terminal, so that no SIGHUP ends it.
    app = subprocess.Popen(
        [sys.executable, "-m", "rca_tui", "replay", "drill-05"],
        stdin=child,
        stdout=child,
        stderr=child,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(child)
    try:
        assert select.select([terminal], [], [], 60)[0], "nothing was drawn"
        assert os.read(terminal, 1)
        os.close(terminal)
        assert app.wait(60) == 1
    finally:
        app.kill()
        app.wait()
