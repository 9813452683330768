"""All that may be told of what happened when: telemetry, onset, the verdict's path, the operator's fault, the platform.

An injection is told only where the operator made it in this session, or it was left over and has to be undone: the
truth of a recorded or blind drill is nowhere read.
"""

from __future__ import annotations

from collections.abc import Iterator

from methods.telemetry.happenings import Happening, What
from rca_tui.session import Injection, Session, Snapshot


def known_events(session: Session, snapshot: Snapshot) -> tuple[Happening, ...]:
    """By time, the earliest first."""
    told = [*snapshot.happenings, *session.platform, *_window(session, snapshot), *_verdict(session)]
    if session.mark is not None:
        how = "set by the operator" if session.mark.by_operator else "estimated"
        told.append(Happening(session.mark.time, What.ONSET, "", f"onset of the trouble, {how}", bad=True))
    for component, time in snapshot.replaced.items():
        told.append(Happening(time, What.RESTART, component, "something else runs behind it since then", bad=True))
    if session.injection is not None:
        told += _injection(session.injection)
    return tuple(sorted(told, key=lambda each: each.time))


def _window(session: Session, snapshot: Snapshot) -> Iterator[Happening]:
    yield Happening(snapshot.start, What.TELEMETRY, "", "the telemetry begins")
    if session.replayed:
        yield Happening(snapshot.end, What.TELEMETRY, "", "the telemetry ends")


def _verdict(session: Session) -> Iterator[Happening]:
    verdict = session.verdict
    if verdict is None:
        return
    if verdict.onset is not None:
        named = " and ".join(verdict.named)
        yield Happening(verdict.onset, What.ONSET, named, "the trouble begins, by the verdict", bad=True)
    for hop in verdict.path:
        if hop.at is not None:
            yield Happening(hop.at, What.SPREAD, hop.target, f"the trouble of {hop.source} reaches it", bad=True)


def _injection(injection: Injection) -> Iterator[Happening]:
    if injection.started is not None:
        text = f"the fault {injection.fault} is active"
        yield Happening(injection.started, What.FAULT, injection.target, text, bad=True)
    if injection.ended is not None:
        yield Happening(injection.ended, What.FAULT, injection.target, f"the fault {injection.fault} is undone")
