"""Events of a deployment's pods, Ray objects and nodes, from the API server: `/api/v1/.../events`.

A cluster keeps events for an hour by default, and counts repetitions of one event in one object, with the first and the
last time. Texts are hostile: they are cut, and characters that no file can hold are replaced; no event can raise.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from cluster import secrets
from cluster.incident.model import EVENT_COLUMNS
from cluster.kubernetes.api import Api, ApiError
from cluster.kubernetes.resources import EVENTS, Object, Objects
from cluster.kubernetes.stack import Stack
from cluster.topology import Kind
from cluster.window import Window

LARGEST = 5000
"""Events per window; the newest are kept."""
LONGEST_MESSAGE, LONGEST_NAME = 1024, 256
"""Characters; Kubernetes itself allows 1,024 in a message."""
NODE_NAMESPACE = "default"
"""Where kubelets put the events of their node."""
_RAY = ("RayService", "RayCluster")

_Row = tuple[float, str | None, str, str, str, str, str, float]


def read(api: Api, stack: Stack, window: Window) -> pd.DataFrame:
    """Events in the window, by time; columns `EVENT_COLUMNS`. Raises DeploymentError.

    An event that came several times stands at its last time in the window. `attrs["notes"]` names what was left out.
    """
    notes: list[str] = []
    objects: Objects = api.list(EVENTS, stack.target.namespace)
    nodes = {one.labels.get("node", one.id): one.id for one in stack.topology.of_kind(Kind.NODE)}
    if nodes and stack.target.namespace != NODE_NAMESPACE:
        try:
            objects = objects + api.list(EVENTS, NODE_NAMESPACE, fields="involvedObject.kind=Node")
        except ApiError as error:
            notes.append(f"events: none of nodes: {error}")
    rows: list[_Row] = []
    others = 0
    for each in objects:
        time = _time(each, window) if isinstance(each, dict) else None
        if time is None:
            continue
        row = _row(each, time, stack, nodes)
        if row is None:
            others += 1
        else:
            rows.append(row)
    rows.sort(key=lambda row: (row[0], row[4], row[5], row[6]))
    if len(rows) > LARGEST:
        notes.append(f"events: only the last {LARGEST} of {len(rows)} in the window were kept")
        rows = rows[-LARGEST:]
    if others:
        notes.append(f"events: {others} of other objects in the namespace were left out")
    frame = pd.DataFrame(
        {name: pd.Series([row[i] for row in rows], dtype=kind) for i, (name, kind) in enumerate(EVENT_COLUMNS.items())}
    )
    frame.attrs["notes"] = notes
    return frame


def _row(event: Object, time: float, stack: Stack, nodes: dict[str, str]) -> _Row | None:
    """None for an event about something that is no part of the deployment."""
    about = event.get("involvedObject")
    about = about if isinstance(about, dict) else {}
    kind, name = _clean(about.get("kind"), LONGEST_NAME), _clean(about.get("name"), LONGEST_NAME)
    component = {"Pod": stack.names.get(name), "Node": nodes.get(name)}.get(kind)
    if component is None and not (kind in _RAY and name in (stack.target.name, *stack.target.clusters)):
        return None
    return (
        time,
        component,
        "kubernetes",
        _clean(event.get("type"), LONGEST_NAME),
        f"{kind}/{name}",
        _clean(event.get("reason"), LONGEST_NAME),
        _clean(secrets.hide(str(event.get("message") or "")), LONGEST_MESSAGE),
        _count(event),
    )


def _time(event: Object, window: Window) -> float | None:
    """The last time of the event in the window; None where it has none there."""
    series = event.get("series")
    last = series.get("lastObservedTime") if isinstance(series, dict) else None
    stamps = (last, event.get("lastTimestamp"), event.get("eventTime"), event.get("firstTimestamp"))
    times = (_unix(stamp) for stamp in stamps)
    return next((time for time in times if time is not None and time in window), None)


def _unix(stamp: Any) -> float | None:
    if not isinstance(stamp, str):
        return None
    try:
        time = datetime.fromisoformat(stamp)
        return time.timestamp() if time.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None


def _count(event: Object) -> float:
    series = event.get("series")
    count = series.get("count") if isinstance(series, dict) else event.get("count")
    # One that is no number, or none that a float holds, is one.
    return float(count) if isinstance(count, int | float) and 1 <= count < 1e15 else 1.0


def _clean(text: Any, limit: int) -> str:
    return str(text or "")[:limit].encode("utf-8", "replace").decode().replace("\0", "�")
