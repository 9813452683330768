"""1. Each replica has its own engine metrics."""

from __future__ import annotations

import numpy as np

from guidelines import blind_spots
from guidelines.removals import ENGINE, serving, without
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown
from guidelines.wording import counted, lacking, listed, unserved

SIGNALS = ("running_requests", "queue_length", "token_rate", "ttft_p90")
_SAMPLES = 10


def _look(survey: Survey) -> Finding:
    pods = survey.serving
    if not pods:
        return unknown("no component is known to serve requests")
    missing = survey.missing(pods, SIGNALS)
    if missing and survey.unserved(missing):
        return unknown(unserved(missing))
    if missing:
        return fails(f"missing: {lacking(missing, len(pods))}")
    alike = _alike(survey, pods)
    if alike:
        return fails(f"running_requests of {listed(alike)} is the same series: it is one sum over all of them")
    return passes(f"{counted(len(pods), 'serving pod')}, each with its own {listed(SIGNALS)}")


def _alike(survey: Survey, pods: tuple[str, ...]) -> list[str]:
    """Pods whose running requests change and are equal throughout: two engines never do that by chance."""
    series = {pod: survey.telemetry.metrics[pod, "running_requests"].to_numpy() for pod in pods}
    moving = {pod: values for pod, values in series.items() if np.count_nonzero(np.diff(values) != 0) >= _SAMPLES}
    return [
        pod
        for pod, values in moving.items()
        if any(other != pod and np.array_equal(values, theirs, equal_nan=True) for other, theirs in moving.items())
    ]


GUIDELINE = Guideline(
    number=1,
    name="engine-per-replica",
    title="Engine metrics for each replica",
    origin=Origin.CODE,
    what="Every pod that serves requests has its own running, waiting, token and first-token series.",
    why=(
        "A sum over replicas hides the faulty one: three healthy replicas keep the average flat. Pod metrics "
        "(CPU, memory, network) alone do not show a queue, a full cache or an engine that no longer produces tokens."
    ),
    evidence=(
        "The study's published queries read containers, so no engine metric reaches its methods.",
        "vllm 39863, 16259: requests wait, none run, HTTP still answers 200; only the engine's own gauges show it.",
        "ray 53356, 44872: one replica gets far more than its share.",
    ),
    change=(
        Change(
            "Ray Serve LLM, in LLMConfig",
            "log_engine_metrics: true    # ray_vllm_* with ReplicaId, from each node's metrics port",
        ),
        Change(
            "Prometheus Operator: one PodMonitor over head and workers",
            "spec:\n  selector: {matchLabels: {ray.io/cluster: <raycluster>}}\n"
            "  podMetricsEndpoints: [{port: metrics, interval: 5s}]\n"
            "  # keep the pod label; do not sum it away in a recording rule",
        ),
    ),
    faults=("hot-replica", "kv-pressure", "freeze", "long-prefill"),
    methods=blind_spots.CHANGE + blind_spots.GRAPHS,
    modes=(5, 6, 7, 13, 14),
    look=_look,
    signals=SIGNALS,
    removals=(
        Removal(
            "no engine metrics",
            "without what the engines say; pods' CPU, memory and network stay",
            without(ENGINE, serving),
        ),
    ),
)
