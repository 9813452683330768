"""The checks of `guidelines`, in a worker thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rca_tui.work import messages

if TYPE_CHECKING:
    from textual.message import Message

    from cluster.deployment import Deployment


def survey(deployment: Deployment, now: float, post: Callable[[Message], object]) -> None:
    """Check the newest telemetry of the deployment, of the last two minutes when it is live, and post the report."""
    from guidelines import checkup
    from guidelines.survey import of_deployment

    post(messages.Surveyed(checkup.run(of_deployment(deployment, now))))
