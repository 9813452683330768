"""A look and a window of pods with 10 signals each, through the resolver and the client, from a real Prometheus."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import psutil

from cluster.http import Login
from cluster.kubernetes.identity import PodHistory
from cluster.kubernetes.metrics import MetricsReader
from cluster.kubernetes.objects import Node, Pod
from cluster.kubernetes.settings import Labels, Metrics
from cluster.kubernetes.stack import Stack, build_stack
from cluster.kubernetes.target import Target
from cluster.window import Window
from rca_tui.work.polling import OVERLAP, OVERLAP_STEPS
from tests.bench.tables import REPOSITORY, seconds, show, tell

sys.path.insert(0, str(REPOSITORY / "tests" / "cluster"))
import prometheus_data

SAMPLES, STEP = 300, 5
LOOK = max(OVERLAP, OVERLAP_STEPS * STEP)
"""Seconds that the live screen reads at a look."""
NAMESPACE, CLUSTER = "llm", "big"
METRICS = {
    "cpu_usage": "container_cpu_usage_seconds_total",
    "memory_working_set": "container_memory_working_set_bytes",
    "network_receive": "container_network_receive_bytes_total",
    "network_transmit": "container_network_transmit_bytes_total",
    "restarts": "kube_pod_container_status_restarts_total",
    "queue_length": "ray_vllm_num_requests_waiting",
    "running_requests": "ray_vllm_num_requests_running",
    "kv_usage": "ray_vllm_kv_cache_usage_perc",
    "token_rate": "ray_vllm_generation_tokens_total",
    "preemption_rate": "ray_vllm_num_preemptions_total",
}


def run(options: argparse.Namespace) -> None:
    if missing := prometheus_data.missing_binaries():
        tell(f"cluster: not installed here: {', '.join(missing)} (Debian's package prometheus has both)")
        return
    rows = [row for pods in options.components for row in _measured(pods)]
    show(
        f"{len(METRICS)} signals of each pod from a real Prometheus, a sample every {STEP} s",
        ("pods", "call", "wall s", "our CPU s", "server's CPU s", "values", "MiB more", "notes"),
        rows,
        [
            f"Look: what the live screen reads each time, {LOOK} s. Window: {SAMPLES} samples. MiB more: what the "
            "process held at most during the call, over what it held before. On a machine that is busy with other work "
            "the CPU seconds say more than those of the wall.",
        ],
    )


def _measured(pods: int) -> list[tuple[str, ...]]:
    stack = _stack(pods)
    out = prometheus_data.Exposition(seconds=SAMPLES * STEP)
    for pod in (pod for found in stack.pods.values() for pod in found):
        for metric in METRICS.values():
            labels = {"namespace": NAMESPACE, "pod": pod.name, "container": "ray", "interface": "eth0"}
            out.add(metric, labels, lambda second: None if second % STEP else float(second))
    tell(f"writing {pods * len(METRICS) * SAMPLES:,} samples")
    with tempfile.TemporaryDirectory() as folder, prometheus_data.prometheus(Path(folder), out) as url:
        reader = MetricsReader(Metrics(url=url), lambda: Login(url), 600.0)
        window = Window(out.start, out.start + out.seconds)
        look = Window(window.end - LOOK, window.end)
        calls = (("first window", window), ("window again", window), ("first look", look), ("look again", look))
        return [(f"{pods:,}", *_timed(reader, stack, part, call)) for call, part in calls]


def _timed(reader: MetricsReader, stack: Stack, window: Window, call: str) -> tuple[str, ...]:
    before = psutil.Process().memory_info().rss
    server = next(child for child in psutil.Process().children() if child.name() == "prometheus")
    began, ours, theirs = time.perf_counter(), time.process_time(), sum(server.cpu_times()[:2])
    samples = reader.samples(stack, window, STEP, tuple(METRICS))
    wall, ours = time.perf_counter() - began, time.process_time() - ours
    theirs = sum(server.cpu_times()[:2]) - theirs
    more = max(0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 2**20
    values = int(samples.metrics.notna().to_numpy().sum())
    used = (seconds(wall), seconds(ours), seconds(theirs))
    return call, *used, f"{values:,}", f"{more:.0f}", "; ".join(samples.notes)[:60] or "–"


def _stack(size: int) -> Stack:
    pods = [
        Pod(
            f"{CLUSTER}-replicas-worker-{number:05d}",
            f"uid-{number}",
            NAMESPACE,
            f"2026-01-01T00:00:{number:05d}",
            f"node-{number % 250}",
            f"10.{number // 250}.{number % 250}.1",
            {"ray.io/cluster": CLUSTER, "ray.io/node-type": "worker", "ray.io/group": "replicas"},
            gpus=0,
            container="ray",
            image="",
            command="",
            owner=CLUSTER,
            owner_kind="",
            ready=True,
            ended=False,
            deleting=False,
        )
        for number in range(size)
    ]
    nodes = {pod.node: Node(pod.node, pod.node, (), True) for pod in pods}
    return build_stack(Target(CLUSTER, "uid", NAMESPACE, Labels(), (CLUSTER,)), pods, nodes, PodHistory(None))
