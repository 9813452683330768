"""Shared by the trace stores: rows of spans, their components, and the search of a window part by part."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from cluster.kubernetes.discovery import GATEWAY, Stack
from cluster.window import Window

LARGEST = 500  # traces per window
PARTS = 20
PART_LIMIT = LARGEST // PARTS  # traces per part
_LONGEST_NAME = 1024
_POD_ATTRIBUTES = (
    "k8s.pod.name",
    "pod",
    "pod.name",
    "kubernetes.pod_name",
    "service.instance.id",
    "host.name",
    "hostname",
)

Row: TypeAlias = dict[str, Any]
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


def row(
    trace: str, span: str, parent: str | None, operation: object, start: float, duration: float, error: bool | None
) -> Row:
    """The columns of a span but its component; times in seconds. Raises ValueError for a malformed span."""
    if not (trace and span) or duration < 0 or start < 0:
        raise ValueError("not a span")
    return {
        "trace_id": trace[:_LONGEST_NAME],
        "span_id": span[:_LONGEST_NAME],
        "parent_id": parent or None,
        "operation": text(operation),
        "start": start,
        "duration": duration,
        "error": error,
    }


def failed(attributes: Mapping[str, str], marked: bool) -> bool:
    """Whether the span is marked as an error or its HTTP status is one of the server's errors."""
    status = attributes.get("http.response.status_code") or attributes.get("http.status_code") or ""
    return marked or (status.isdigit() and int(status) >= 500)


def text(value: object) -> str:
    """The value as text that a file can hold, cut at 1,024 characters."""
    return str(value or "")[:_LONGEST_NAME].encode("utf-8", "replace").decode()
