"""What can be wrong with an injection that was asked for. Each message is one sentence for the person who asked."""

from __future__ import annotations

from cluster.errors import RcaError


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
    """It went wrong on the way in; the message says whether everything was undone."""


class JournalError(FaultError):
    """A journal cannot be read or written."""
