"""Which alerts were taken and which wait for an answer, in one file that survives a restart.

An alert is known by the key of its group, its fingerprint (its labels, where it has none) and the time at which it
began. Alertmanager posts a group again whenever it changes and at each `repeat_interval`: a payload of which one firing
alert is known is the incident of that alert, and its other alerts are known from then on. An alert that has ended and
fires again began at another time, and is another incident.
"""

from __future__ import annotations

import hashlib
import json
import threading
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel

from cluster.alerts import Alert, AlertGroup
from rca_tui.listen import disk

MOST_WAITING = 20
MOST_AN_HOUR = 30
MOST_SEEN = 20_000
MOST_TRIES = 3
"""Attempts to answer one incident, those that ended with the process included."""


class Taken(StrEnum):
    """What became of a payload."""

    NEW = "new"
    KNOWN = "known: it belongs to an incident that was taken before"
    ENDED = "nothing in it fires"
    FULL = "too many wait already"
    TOO_OFTEN = f"{MOST_AN_HOUR} were taken within an hour"


class Waiting(BaseModel):
    """One incident that waits for its answer.

    Attributes:
        key: of its first alert.
        payload: as it was posted.
        tries: how often an answer was begun.
        incident: the name under which it was saved; None until then.
    """

    key: str
    payload: str
    tries: int = 0
    incident: str | None = None


class _State(BaseModel):
    seen: dict[str, str] = {}  # alert -> key of the incident, the oldest first
    waiting: list[Waiting] = []
    taken_at: list[float] = []


def identity(group: AlertGroup, alert: Alert) -> str:
    """What distinguishes this alert from all others, and from itself at another time."""
    who = alert.fingerprint or json.dumps(sorted(alert.labels.items()))
    return hashlib.sha256(json.dumps([group.key, who, alert.starts]).encode()).hexdigest()[:32]


class Inbox:
    """Incidents in the order of their coming. Safe to use from several threads, not from several processes."""

    def __init__(self, path: Path) -> None:
        """Raises StateError where the file exists and cannot be read."""
        self._path = path
        self._lock = threading.Lock()
        self._state = disk.read(path, _State)

    @property
    def waiting(self) -> int:
        return len(self._state.waiting)

    def take(self, group: AlertGroup, payload: str, now: float) -> Taken:
        """Keep a payload until it is answered, if it is a new incident. Raises OSError where it cannot be kept."""
        firing = [identity(group, alert) for alert in group.alerts if alert.active]
        if not firing:
            return Taken.ENDED
        with self._lock:
            state = self._state.model_copy(deep=True)
            key = next((state.seen[each] for each in firing if each in state.seen), None)
            if key is None:
                # Times ahead are left out too: a clock that was set back must not stop the listener.
                state.taken_at = [at for at in state.taken_at if 0 <= now - at < 3600]
                if len(state.waiting) >= MOST_WAITING:
                    return Taken.FULL
                if len(state.taken_at) >= MOST_AN_HOUR:
                    return Taken.TOO_OFTEN
                state.taken_at.append(now)
                state.waiting.append(Waiting(key=firing[0], payload=payload))
            elif all(each in state.seen for each in firing):
                return Taken.KNOWN
            for each in state.waiting:
                if each.key == key and each.tries == 0:
                    each.payload = payload
            state.seen |= dict.fromkeys(firing, key or firing[0])
            state.seen = dict(list(state.seen.items())[-MOST_SEEN:])
            self._keep(state)
            return Taken.NEW if key is None else Taken.KNOWN

    def begin(self) -> Waiting | None:
        """The next incident, one try counted; None where none waits. Raises OSError.

        It is the one that has waited longest, those with fewer tries first: one that fails does not hold up the others.
        """
        with self._lock:
            state = self._state.model_copy(deep=True)
            if not state.waiting:
                return None
            chosen = min(state.waiting, key=lambda waiting: waiting.tries)
            chosen.tries += 1
            self._keep(state)
            return chosen.model_copy()

    def saved(self, key: str, incident: str) -> None:
        """Its telemetry was saved under that name. Raises OSError."""
        self._change(key, incident=incident)

    def stopped(self, waiting: Waiting) -> None:
        """The listener ends before it is answered: that was no try. Raises OSError."""
        self._change(waiting.key, tries=waiting.tries - 1)

    def done(self, key: str) -> None:
        """It was answered, or cannot be. Raises OSError."""
        with self._lock:
            state = self._state.model_copy(deep=True)
            state.waiting = [each for each in state.waiting if each.key != key]
            self._keep(state)

    def _change(self, key: str, **values: object) -> None:
        with self._lock:
            state = self._state.model_copy(deep=True)
            state.waiting = [w.model_copy(update=values) if w.key == key else w for w in state.waiting]
            self._keep(state)

    def _keep(self, state: _State) -> None:
        disk.write(self._path, state)
        self._state = state
