"""Shared by the trace stores: the components of spans, and the search of a window part by part."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias, TypeVar

from cluster.kubernetes.members import GATEWAY
from cluster.kubernetes.stack import Stack
from cluster.spans import Row
from cluster.window import Window

LARGEST = 500  # traces per window
PARTS = 20
PART_LIMIT = LARGEST // PARTS  # traces per part
_POD_ATTRIBUTES = (
    "k8s.pod.name",
    "pod",
    "pod.name",
    "kubernetes.pod_name",
    "service.instance.id",
    "k8s.pod.ip",
    "host.name",
    "hostname",
    "ip",
)

Span: TypeAlias = tuple[str | None, Row]
"""The component, None for an unknown one, and the span's other columns."""
T = TypeVar("T")


def search(
    server: str, window: Window, ends: float, notes: list[str], cut: str, find: Callable[[Window, float], list[T]]
) -> Iterator[T]:
    """The results of `find(part, seconds left)` for each part of the window, until the deadline `ends` (monotonic s).

    A store that limits one answer to the whole window would omit one end of the window. Appends `cut` to the notes
    when a part has more results than `PART_LIMIT`, and a note when the deadline passes.
    """
    size = window.seconds / PARTS
    for number in range(PARTS):
        left = ends - time.monotonic()
        if left <= 0:
            late = f"traces: not all of the window was searched, {server} took too long"
            notes += [late] if late not in notes else []
            return
        results = find(Window(window.start + size * number, window.start + size * (number + 1)), left)
        if len(results) >= PART_LIMIT and cut not in notes:
            notes.append(cut)
        yield from results


def component_of(stack: Stack, attributes: Mapping[str, str]) -> str | None:
    """The component whose pod, address or service the attributes name."""
    for name in _POD_ATTRIBUTES:
        value = attributes.get(name, "")
        if value and (component := stack.names.get(value) or stack.addresses.get(value)):
            return component
    service = attributes.get("service.name", "")
    if service in stack.topology:
        return service
    owners = {pods[0].owner: component for component, pods in stack.pods.items() if component == GATEWAY}
    return owners.get(service)
