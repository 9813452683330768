"""The app of one visitor: read-only, and without what reads or writes files of this machine.

python -m rca_tui.room.guest [--drill [--began T]] [--incident NAME [--since T --speed N] | --context NAME |
    --targets FILE|URL … | --prometheus URL]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events

import rca_tui.app
from cluster.endpoints.watched import Watched
from rca_tui import tether
from rca_tui.app import RcaApp
from rca_tui.opener import DRILL
from rca_tui.room.window import bounded
from rca_tui.screens.page import DIAGNOSE, OVERVIEW
from rca_tui.work import opening
from rca_tui.work.alarm import Alarm

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from rca_tui.session import Snapshot

REMOVED = frozenset({"abort", "report", "pick", "front", "save"})
"""Actions that change something, or open what the visitor was not given."""
PLAYED = "a workshop"


class Silent(Alarm):
    """Never rings: in a drill nothing is diagnosed without being asked, and a room would do it all at once."""

    def rings(self, snapshot: Snapshot) -> bool:
        return False


class GuestApp(RcaApp):
    """The app without those actions: in keys, palette and help alike.

    Args:
        drill: whether the visitor plays a drill.
        began: unix seconds at which that began on a live deployment.
        arguments, options: of `RcaApp`.
    """

    CSS_PATH = str(Path(rca_tui.app.__file__).with_name("app.tcss"))  # relative ones are looked for beside this file

    def __init__(self, *arguments: Any, drill: bool = False, began: float | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._looks_now, self.session.drilled, self.session.drilled_since = False, drill, began
        if drill:
            self.alarm = Silent()

    def _start_poll(self) -> None:
        """Every other time: the apps of a room share one machine."""
        self._looks_now = not self._looks_now
        if self._looks_now:
            super()._start_poll()

    async def on_event(self, event: events.Event) -> None:
        """A size may come as keys, too: none makes the app draw more than a browser can show."""
        if isinstance(event, events.Resize):
            event = events.Resize.from_dimensions(bounded(*event.size), event.pixel_size)
        await super().on_event(event)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in REMOVED or parameters == (DRILL,):  # a drill of a room is played on the pages of the room
            return False
        return super().check_action(action, parameters)


def _played(incident: str, since: float, speed: float) -> opening.Source:
    """The recording as all see it who play it since then: a recording's own name may tell what happened."""

    def connect() -> Deployment:
        from cluster.incident import library
        from cluster.playback import PlayedDeployment

        # Its first look at the clock is when it began, whenever this visitor came.
        first = iter((0.0,))
        return PlayedDeployment(
            library.load(incident), PLAYED, speed, monotonic=lambda: next(first, time.time() - since), at=since
        )

    return opening.Source(PLAYED, connect, live=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--incident")
    what.add_argument("--context")
    parser.add_argument("--since", type=float, help="Play the incident as if live, from then on (unix seconds).")
    what.add_argument("--targets", action="append", default=[])
    what.add_argument("--prometheus", default="")
    parser.add_argument("--match", default="")
    parser.add_argument("--gateway", default="")
    parser.add_argument("--speed", type=float, default=1.0, help="Seconds of the incident in one second.")
    parser.add_argument("--drill", action="store_true", help="A drill is played: nothing is diagnosed unasked.")
    parser.add_argument("--began", type=float, help="When a drill on a live deployment began (unix seconds).")
    chosen = parser.parse_args()
    tether.hold()
    if chosen.since is not None:
        source, first = _played(chosen.incident, chosen.since, chosen.speed), OVERVIEW
    elif chosen.incident is not None:
        source, first = opening.incident(chosen.incident), DIAGNOSE
    elif chosen.targets or chosen.prometheus:
        watched = Watched(tuple(chosen.targets), chosen.prometheus, chosen.match, chosen.gateway)
        source, first = opening.endpoints(watched), OVERVIEW
    else:
        source = opening.local() if chosen.context is None else opening.cluster(chosen.context)
        first = OVERVIEW
    app = GuestApp(source.connect, source.name, first=first, drill=chosen.drill, began=chosen.began)
    try:
        app.run()
    finally:
        app.poller.close()


if __name__ == "__main__":
    main()
