"""What can be wrong with an injection that was asked for. Each message is one sentence for the person who asked."""

from __future__ import annotations

from cluster.errors import RcaError
from faults.states import State, Undone


class FaultError(RcaError):
    """Base of all of these."""


class UnknownFault(FaultError):
    """No fault of that name."""


class BadParameters(FaultError):
    """A parameter is unknown, of the wrong type or out of its bounds."""


class ReadOnly(FaultError):
    """The engine is not armed."""


class Refused(FaultError):
    """Preflight found a doubt. Nothing was touched."""


class InjectionFailed(FaultError):
    """The injection failed half way.

    Attributes:
        reason: what failed.
        undone: how the way back ended; STUCK when something is left, and then `command` is what undoes it.
    """

    def __init__(self, reason: str, undone: Undone) -> None:
        self.reason = reason
        self.undone = undone
        if undone.state is State.RECOVERED:
            what = f"the injection failed and everything was undone: {reason}"
        elif undone.clean:
            what = f"the injection failed ({reason}): {undone.detail}"
        else:
            what = f"the injection failed ({reason}) and is STUCK: {undone.detail}"
        super().__init__(what, command=undone.command)


class WatchdogFailed(FaultError):
    """The process that would keep the deadline did not start. Nothing was touched."""


class JournalError(FaultError):
    """A journal cannot be read or written."""
