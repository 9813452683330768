"""The state that screens follow."""

from __future__ import annotations

import subprocess
import sys

from rca_tui.session import Mark, Session


def test_followers_hear_of_changes_of_what_they_follow_and_of_nothing_else() -> None:
    session, calls = Session(), []
    session.follow([Session.mark, Session.span], lambda: calls.append((session.mark, session.span)))
    session.mark = Mark(1.0, by_operator=True)
    session.mark = Mark(1.0, by_operator=True)
    session.moment = 3.0
    session.span = 60.0
    assert calls == [(Mark(1.0, by_operator=True), 240.0), (Mark(1.0, by_operator=True), 60.0)]


def test_sessions_share_nothing() -> None:
    first, second = Session(), Session()
    first.paused = True
    assert not second.paused


def test_the_session_needs_no_terminal() -> None:
    code = "import sys, rca_tui.session, rca_tui.frames, rca_tui.errors; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
