"""17. Limits are known: how often a pod is throttled, and how close its memory is to the limit."""

from __future__ import annotations

from guidelines import blind_spots
from guidelines.removals import serving, without
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown
from guidelines.wording import counted, lacking, listed

SIGNALS = ("cpu_throttled", "memory_limit_ratio")


def _look(survey: Survey) -> Finding:
    pods = survey.serving
    if not pods:
        return unknown("no component is known to serve requests")
    missing = survey.missing(pods, SIGNALS)
    if missing:
        # Memory stress still shows as a level where there is one, but not how close to the limit it is.
        levels = not survey.missing(pods, ["memory_working_set"])
        blind = {"cpu_throttled": ("cpu-throttle",), "memory_limit_ratio": () if levels else ("memory-stress",)}
        modes = {"cpu_throttled": 9, "memory_limit_ratio": 10}
        return fails(
            f"missing: {lacking(missing, len(pods))}",
            [f for s in missing for f in blind[s]],
            [modes[s] for s in missing],
        )
    return passes(f"{counted(len(pods), 'serving pod')}, each with {listed(SIGNALS)}")


GUIDELINE = Guideline(
    number=17,
    name="limits",
    title="Limits are known",
    origin=Origin.STUDY,
    what="Throttled CPU periods and memory against its limit are scraped for each serving pod.",
    why=(
        "CPU usage at the limit looks like a busy pod; only the throttling counter says that it needed more. Memory "
        "without its limit does not say how close the OOM kill is."
    ),
    evidence=(
        "vllm 25301, 4806: a starved CPU leaves the GPU waiting; utilisation falls, time to first token grows.",
        "vllm 2669: the kernel kills the engine, and the last visible sign is a connection reset.",
    ),
    change=(
        Change("Pod spec of head and workers", 'resources: {limits: {cpu: "8", memory: 16Gi}}'),
        Change(
            "cAdvisor, through the kubelet: keep these",
            "container_cpu_cfs_throttled_periods_total\ncontainer_cpu_cfs_periods_total\n"
            "container_memory_working_set_bytes",
        ),
        Change(
            "kube-state-metrics",
            'kube_pod_container_resource_limits{resource="memory"}\nkube_pod_container_status_last_terminated_reason',
        ),
    ),
    faults=("cpu-throttle", "memory-stress"),
    methods=blind_spots.CHANGE + blind_spots.GRAPHS,
    modes=(9, 10),
    look=_look,
    signals=SIGNALS,
    removals=(Removal("no limits", "without throttled periods and memory over its limit", without(SIGNALS, serving)),),
)
