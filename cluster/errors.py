"""The root of every error that a person can cause or repair. Anything else that is raised is a defect."""

from __future__ import annotations


class RcaError(Exception):
    """Something expected went wrong. `str(error)` is the one sentence to show.

    Attributes:
        what: what happened.
        advice: what to do about it; empty where `what` says it, or where nothing can be done.
        command: the exact command for a person to run; empty where there is none. It is not a part of `str(error)`:
            show it on a line of its own, so that it can be copied.
    """

    def __init__(self, what: str = "", advice: str = "", command: str = "") -> None:
        super().__init__(f"{what}: {advice}" if advice else what)
        self.what = what
        self.advice = advice
        self.command = command
