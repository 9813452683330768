"""The debrief of a drill, made and written in worker threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cluster.deployment import Plays
from cluster.text.plain import plain
from rca_tui.work import messages

if TYPE_CHECKING:
    from textual.message import Message

    from cluster.deployment import Deployment
    from rca_tui.drill.debrief import Debrief
    from rca_tui.game import Game


def recording(deployment: Deployment | None) -> Plays | None:
    """The deployment, where it is a recording that is played."""
    return deployment if isinstance(deployment, Plays) else None


def tell_debrief(game: Game, deployment: Deployment, post: Callable[[Message], object]) -> None:
    """Run the methods, open the truth, and post the debrief."""
    from rca_tui.drill import debrief

    if (played := recording(deployment)) is not None:
        tell = lambda answered: post(messages.DebriefGrows(answered))  # noqa: E731
        post(messages.Debriefed(debrief.build(game, deployment, played.start, tell)))


def write_debrief(shown: Debrief) -> str:
    """Write it, and say where."""
    from rca_tui.drill import debrief

    return f"wrote {' and '.join(plain(str(path)) for path in debrief.write(shown))}"
