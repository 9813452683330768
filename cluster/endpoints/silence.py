"""What to say of targets that do not answer: which, why, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster.text.plain import plain
from cluster.topology import Component

LISTED = 5
"""Targets that are named; of the others the number is told."""
ADVICE = "check that the engines run and that curl reads these addresses"
END = f". {ADVICE.capitalize()}. Who is at fault cannot be told from this."
"""What a sentence about all targets ends with."""
_FAMILIAR = {
    "connection refused": "connection refused",
    "context deadline exceeded": "no answer in time",
    "it took too long": "no answer in time",
    "timeout": "no answer in time",
    "no such host": "the name is not known",
    "no route to host": "no route to it",
    "network is unreachable": "no route to it",
    "connection reset": "it closes the connection",
    "EOF": "it closes the connection",
    "certificate": "its TLS certificate is not trusted",
    "body size limit": "its metrics are larger than 32 MB",
    "sample limit": "it has too many series",
    "is not a valid start token": "what it answers are no metrics",
    "expected metric name": "it quotes names of metrics, which takes Prometheus 3 to read",
    "unsupported Content-Type": "what it answers are no metrics",
}
"""What a part of an error means. Go's text has the URL before it, and quotes what the target answered after it."""
_STATUS = "returned HTTP status "


def reason(error: str) -> str:
    """Why a scrape failed, from what Prometheus or a probe says, in a few words; "" for what has no words here."""
    if status := error.partition(_STATUS)[2][:3]:
        return plain(f"HTTP {status}")
    return next((words for part, words in _FAMILIAR.items() if part in error), "")


def sentence(silent: Sequence[Component], reasons: Mapping[str, str], nobody: bool) -> str:
    """The targets that do not answer, with their addresses and reasons; "" without one.

    Args:
        reasons: component -> why, as `reason` says it.
        nobody: whether no target at all answers. What to do is then a part of it.
    """
    if not silent:
        return ""
    groups: dict[str, list[str]] = {}
    for component in silent[:LISTED]:
        address = component.labels.get("address", "")
        shown = f"{component.id} ({plain(address, 100)})" if address else component.id
        groups.setdefault(reasons.get(component.id, ""), []).append(shown)
    told = "; ".join(", ".join(names) + (f": {why}" if why else "") for why, names in groups.items())
    more = f"; and {len(silent) - LISTED} more" if len(silent) > LISTED else ""
    if nobody:
        return f"no target answers: {told}{more}{END}"
    return f"no answer from {told}{more}"
