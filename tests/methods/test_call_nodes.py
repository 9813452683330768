"""The call graph as a causal graph, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cluster.incident.tiny import incident
from methods.answer.types import NoRanking
from methods.telemetry.call_nodes import CallNodes, call_nodes

FLAT = np.arange(40.0)


def chain(measured: tuple[str, ...], calls: tuple[tuple[str, str], ...]) -> CallNodes | NoRanking:
    metrics = {(component, "latency_p90"): FLAT for component in measured}
    latencies = {calls[0]: FLAT}
    return call_nodes(incident(calls=calls, front_door="a", latencies=latencies, metrics=metrics), 2)


def test_callees_come_before_their_callers_and_are_their_parents() -> None:
    nodes = chain(("a", "b", "c"), (("a", "b"), ("b", "c"), ("a", "c")))
    assert isinstance(nodes, CallNodes)
    assert nodes.components == ("c", "b", "a")
    assert nodes.parents == ((), (0,), (0, 1))
    assert nodes.components[nodes.target] == "a"
    assert nodes.before.shape == (20, 3)
    assert nodes.after.shape == (20, 3)


def test_a_component_without_latency_hands_its_callees_to_its_callers() -> None:
    nodes = chain(("a", "d"), (("a", "b"), ("b", "c"), ("c", "d")))
    assert isinstance(nodes, CallNodes)
    # b is measured by its caller a, c by nobody.
    assert nodes.components == ("d", "b", "a")
    assert nodes.parents == ((), (0,), (1,))


def test_what_the_front_door_does_not_reach_is_no_node() -> None:
    nodes = chain(("a", "b", "x", "y"), (("a", "b"), ("x", "y")))
    assert isinstance(nodes, CallNodes)
    assert nodes.components == ("b", "a")


def test_a_circle_of_calls_has_no_order() -> None:
    found = chain(("a", "b"), (("a", "b"), ("b", "a")))
    assert isinstance(found, NoRanking)
    assert "circle" in found.detail


@pytest.mark.parametrize("least", [21, 1000])
def test_too_few_samples_are_said(least: int) -> None:
    calls = (("a", "b"),)
    found = call_nodes(incident(calls=calls, front_door="a", latencies={calls[0]: FLAT}), least)
    assert isinstance(found, NoRanking)
    assert "20 samples before the onset" in found.detail


def test_where_no_caller_measures_the_reports_of_the_components_count() -> None:
    calls = (("a", "b"), ("b", "c"))
    gap = FLAT.copy()
    gap[3] = np.nan
    metrics = {("a", "latency_p90"): FLAT, ("c", "latency_p90"): gap, ("b", "cpu_usage"): FLAT}
    nodes = call_nodes(incident(calls=calls, front_door="a", metrics=metrics), 2)
    assert isinstance(nodes, CallNodes)
    assert nodes.components == ("c", "a")
    assert nodes.parents == ((), (0,))
    assert nodes.before[:4, 0].tolist() == [0.0, 1.0, 2.0, 2.0]


def test_without_any_latency_it_is_said_that_no_call_was_measured() -> None:
    found = call_nodes(incident(calls=(("a", "b"),), front_door="a", metrics={("b", "cpu_usage"): FLAT}), 2)
    assert isinstance(found, NoRanking)
    assert "no caller measured" in found.detail
