"""The reference deployment's pods with series of any exporter, read through a cluster's way from a real Prometheus."""

from __future__ import annotations

from pathlib import Path

import mock_stack
import numpy as np
import prometheus_data
import pytest
from mock_stack import GATEWAY_POD, HEAD_POD, NAMESPACE, WORKER_PODS
from prometheus_data import T0, Exposition, level, steady

from cluster.deployment import Samples
from cluster.http import Login
from cluster.kubernetes.identity import PodHistory
from cluster.kubernetes.metrics import MetricsReader
from cluster.kubernetes.objects import parse_node, parse_pod
from cluster.kubernetes.settings import Labels, Metrics
from cluster.kubernetes.stack import Stack, build_stack
from cluster.kubernetes.target import Target
from cluster.window import Window

A, B, C = "ray-replicas-0", "ray-replicas-1", "ray-replicas-2"
PODS = {A: WORKER_PODS[0], B: WORKER_PODS[1], C: WORKER_PODS[2], "ray-head": HEAD_POD, "gateway": GATEWAY_POD}
WINDOW = Window(T0 + 90, T0 + 120)


def build(on: str = "", resource: str = "nvidia.com/gpu", count: str = "") -> Stack:
    """The reference deployment, its workers on that machine; with so many GPUs, by a label, each."""
    ray = {HEAD_POD: ("head", "headgroup")} | dict.fromkeys(WORKER_PODS, ("worker", "replicas"))
    objects = [mock_stack.nginx_pod(GATEWAY_POD), *(mock_stack.ray_pod(name, *kind) for name, kind in ray.items())]
    for one in objects:
        one["metadata"] |= {"uid": one["metadata"]["name"], "namespace": NAMESPACE}
        if on and one["metadata"]["name"] in WORKER_PODS:
            one["spec"]["nodeName"] = on
            one["spec"]["containers"][0]["resources"]["limits"] = {resource: "1"}
    machines = [mock_stack.node_object(name) for name in mock_stack.NODES]
    for one in machines:
        one["metadata"]["labels"]["nvidia.com/gpu.count"] = count
    nodes = {one["metadata"]["name"]: parse_node(one) for one in machines}
    target = Target(mock_stack.SERVICE, "uid", NAMESPACE, Labels(), (mock_stack.CLUSTER,))
    return build_stack(target, [parse_pod(one) for one in objects], nodes, PodHistory(None))


class Fleet(Exposition):
    """Series of pods, by component."""

    def of(self, component: str) -> dict[str, str]:
        return {"namespace": NAMESPACE, "pod": PODS[component], "job": "engine", "instance": component}

    def up(self, component: str, value: float = 1.0, **labels: str) -> None:
        self.add("up", {**self.of(component), **labels}, level(value))

    def gauge(self, component: str, metric: str, value: float, **labels: str) -> None:
        self.add(metric, {**self.of(component), **labels}, level(value))

    def count(self, component: str, metric: str, rate: float, **labels: str) -> None:
        self.add(metric, {**self.of(component), **labels}, steady(rate))

    def times(self, component: str, metric: str, scale: float = 1.0, **labels: str) -> None:
        self.histogram(metric, {**self.of(component), **labels}, steady(2.0), scale)


def samples(folder: Path, fleet: Fleet, stack: Stack, signals: list[str] | None = None) -> Samples:
    """What a cluster's reader finds; skips the test where there is no Prometheus."""
    if missing := prometheus_data.missing_binaries():
        pytest.skip(f"not installed here: {', '.join(missing)} (Debian's package prometheus has both)")
    with prometheus_data.prometheus(folder, fleet) as url:
        reader = MetricsReader(Metrics(url=url, scrape=1.0), lambda: Login(url, {}, None, True, None), 60.0)
        return reader.samples(stack, WINDOW, 1.0, signals)


def value(samples: Samples, component: str, signal: str) -> float:
    return float(np.nanmedian(samples.metrics[component, signal]))
