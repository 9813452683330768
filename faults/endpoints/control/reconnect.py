"""The way back from requests to endpoints: they end with the process that sends them, so nothing is connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.endpoints.control import senders

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.journal import Header


def connect(header: Header) -> Deployment | None:
    """None: the private Prometheus has ended with the process that injected."""
    return None


def end_orphans(header: Header) -> str:
    """Kill what sends the injection's requests."""
    return "" if senders.kill(header.injection).clean else senders.kill_line(header.injection)
