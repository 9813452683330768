"""Events of the deployment's objects, from the API server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mock_stack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mock_api import MockApi

from cluster.capture import capture
from cluster.deployment import DeploymentError
from cluster.incident.store import load, save
from cluster.kubernetes import events
from cluster.kubernetes.deployment import KubernetesDeployment
from cluster.window import Window

T0 = 1_700_000_000.0
WINDOW = Window(T0, T0 + 300)


def stamp(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def event(kind: str, name: str, reason: str, at: float, **more: Any) -> dict[str, Any]:
    meta = {"name": f"{name}.{reason}.{at:.0f}".lower().replace(" ", "-")}
    about = {"kind": kind, "name": name}
    return {
        "metadata": meta,
        "involvedObject": about,
        "reason": reason,
        "type": "Warning",
        "lastTimestamp": stamp(at),
        **more,
    }


def test_events_of_pods_nodes_and_ray_are_read_and_others_counted(
    api: MockApi, deployment: KubernetesDeployment
) -> None:
    head = mock_stack.HEAD_POD
    api.create("events", "llm", event("Pod", head, "BackOff", T0 + 9, message="Back-off restarting", count=4))
    api.create("events", "llm", event("RayCluster", mock_stack.CLUSTER, "CreatedWorkerPod", T0 + 5, type="Normal"))
    api.create("events", "llm", event("Pod", "somebody-else", "Killing", T0 + 6))
    api.create("events", "llm", event("Pod", head, "Pulled", T0 - 6))
    api.create("events", "default", event("Node", mock_stack.NODES[1], "NodeNotReady", T0 + 7))
    found = deployment.events(WINDOW)
    assert found["reason"].tolist() == ["CreatedWorkerPod", "NodeNotReady", "BackOff"]
    assert found["component"].tolist()[1:] == [mock_stack.NODES[1], "ray-head"] and found["component"].isna()[0]
    assert found["occurrences"].tolist() == [1, 1, 4]
    assert found["object"].tolist()[2] == f"Pod/{head}"
    assert found.attrs["notes"] == ["events: 1 of other objects in the namespace were left out"]


def test_an_event_stands_at_its_last_time_in_the_window(api: MockApi, deployment: KubernetesDeployment) -> None:
    pod = mock_stack.HEAD_POD
    series = {"count": 7, "lastObservedTime": f"{stamp(T0 + 40)[:-1]}.250000Z"}
    api.create("events", "llm", event("Pod", pod, "Unhealthy", T0 + 1, series=series))
    api.create("events", "llm", event("Pod", pod, "Failed", T0 + 900, firstTimestamp=stamp(T0 + 20)))
    found = deployment.events(WINDOW)
    assert found["time"].tolist() == [T0 + 20, T0 + 40.25]
    assert found["occurrences"].tolist() == [1, 7]


def test_without_the_right_in_default_nodes_are_a_note(
    api: MockApi, deployment: KubernetesDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cluster.kubernetes.api import ApiError

    api.create("events", "llm", event("Pod", mock_stack.HEAD_POD, "Killing", T0 + 9))
    listed = deployment.api.list

    def refuse(resource: Any, namespace: str = "", **more: str) -> Any:
        if namespace == events.NODE_NAMESPACE:
            raise ApiError("refused by RBAC", 403)
        return listed(resource, namespace, **more)

    monkeypatch.setattr(deployment.api, "list", refuse)
    found = deployment.events(WINDOW)
    assert len(found) == 1 and "events: none of nodes: refused by RBAC" in found.attrs["notes"]


def test_without_the_right_to_list_events_the_error_says_so(api: MockApi, deployment: KubernetesDeployment) -> None:
    api.forbid("list", "events")
    with pytest.raises(DeploymentError, match="RBAC"):
        deployment.events(WINDOW)


def test_events_are_saved_with_the_incident(
    api: MockApi, deployment: KubernetesDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np
    import pandas as pd

    from cluster.deployment import Samples
    from cluster.incident.model import empty_edge_metrics

    metrics = pd.DataFrame(
        np.ones((3, 1)),
        index=pd.Index([T0, T0 + 5, T0 + 10], name="time"),
        columns=pd.MultiIndex.from_tuples([("gateway", "latency_p90")], names=["component", "signal"]),
    )
    monkeypatch.setattr(deployment, "samples", lambda *_: Samples(metrics, empty_edge_metrics()))
    text = "[red]\x1b]52;c;aGk=\x07\u202e" + "x" * 2_000_000
    api.create("events", "llm", event("Pod", mock_stack.HEAD_POD, "OOMKilled", T0 + 9, message=text))
    incident = capture(deployment, WINDOW)
    kept = load(save(incident, tmp_path / "x.zip"))
    pd.testing.assert_frame_equal(kept.telemetry.events, incident.telemetry.events)
    assert kept.telemetry.events["message"].str.len().tolist() == [events.LONGEST_MESSAGE]


def test_only_the_newest_of_too_many_are_kept(
    api: MockApi, deployment: KubernetesDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LARGEST", 3)
    for i in range(5):
        api.create("events", "llm", event("Pod", mock_stack.HEAD_POD, "BackOff", T0 + i))
    found = deployment.events(WINDOW)
    assert found["time"].tolist() == [T0 + 2, T0 + 3, T0 + 4]
    assert found.attrs["notes"] == ["events: only the last 3 of 5 in the window were kept"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just(stamp(T0 + 1)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["involvedObject", "kind", "name", "reason", "message", "series", "count", "lastTimestamp",
                 "lastObservedTime", "eventTime", "type"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)  # fmt: skip


@given(answer=st.lists(anything, max_size=4))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_any_event_is_read_or_left_out(deployment: KubernetesDeployment, answer: list[Any]) -> None:
    stack = deployment.stack()
    lists: Callable[..., Any] = lambda *_, **__: answer  # noqa: E731
    frame = events.read(type("Api", (), {"list": staticmethod(lists)})(), stack, WINDOW)
    assert frame["time"].between(WINDOW.start, WINDOW.end).all()
