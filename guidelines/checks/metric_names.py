"""2. The queried metric names are those of the running release."""

from __future__ import annotations

from cluster.provenance import Origin
from cluster.signals import SIGNALS
from cluster.topology import Kind
from guidelines import blind_spots
from guidelines.removals import ENGINE, half_silent
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Removal, Verdict, fails, passes, unknown
from guidelines.types import Origin as Source
from guidelines.wording import listed

PREFIXES = ("vllm:", "ray_vllm:", "ray_vllm_")
RENAMED = {
    "gpu_cache_usage_perc": "kv_cache_usage_perc",
    "time_per_output_token_seconds": "inter_token_latency_seconds",
}
"""vLLM's old names, each with its successor."""
_OF_ENGINES_ALONE = frozenset(name for name in ENGINE if Kind.GATEWAY not in SIGNALS[name].kinds)
_READ = ("num_requests_running", "num_requests_waiting")


def _look(survey: Survey) -> Finding:
    by_signal = _by_signal(survey)
    if by_signal is not None and by_signal.verdict is Verdict.FAIL:
        return by_signal
    if survey.exposition is None:
        return by_signal or unknown("this incident was saved without the names that its signals were scraped under")
    names = survey.exposition.names
    spoken = [prefix for prefix in PREFIXES if any(name.startswith(prefix) for name in names)]
    if not spoken:
        engines = sorted({n.split("_")[0] + "_llm_*" for n in names if n.startswith("ray_llm_")})
        if engines:
            return passes(f"the engine exports {listed(engines)}, under one spelling; there is no vLLM here")
        return by_signal or unknown("no series has a vLLM name: either another engine runs, or vLLM is not scraped")
    for prefix in spoken:
        silent = [name for name in _READ if prefix + name not in names]
        if silent:
            return fails(f"there are {prefix}* series, but not {listed(silent)}: a release with other names")
    if len(spoken) > 1:
        return fails(f"the engine is scraped twice, as {listed(spoken)}: sums over both count every request twice")
    mixed = [
        f"{old} and {new}"
        for old, new in RENAMED.items()
        if _has(names, spoken[0], old) and _has(names, spoken[0], new)
    ]
    if mixed:
        return fails(f"old and new names exist together: {listed(mixed)}; two releases run, or hidden metrics are on")
    old = [name for name in RENAMED if _has(names, spoken[0], name)]
    release = f"an older release, with {listed(old)}" if old else "a release with the current names"
    return passes(f"all under {spoken[0]}, {release}")


def _by_signal(survey: Survey) -> Finding | None:
    """What the provenance of the serving pods' signals says; None where nothing is known of it.

    Where no component is known to serve, one with names near to those of an engine may.
    """
    pods = survey.serving or tuple(
        dict.fromkeys(
            component
            for record in survey.incident.provenance.records
            for component in record.components
            if record.origin is Origin.UNKNOWN_NAME and record.signal in _OF_ENGINES_ALONE
        )
    )
    found = [
        (pod, record)
        for pod in pods
        for signal in ENGINE
        if (record := survey.incident.provenance.of(pod, signal)) is not None
    ]
    if not found:
        return None
    strange = [
        f"{r.signal} of {pod} ({', '.join(r.metrics[:2])})" for pod, r in found if r.origin is Origin.UNKNOWN_NAME
    ]
    if strange:
        return fails(f"exported under names that no table knows: {listed(strange)}")
    # Where no pod has the quantity, the one engine of all of them does not export it.
    had = {r.signal for _, r in found if r.origin is Origin.MEASURED}
    mixed = [f"{r.signal} of {pod}" for pod, r in found if r.origin is Origin.NOT_COMPARABLE and r.signal in had]
    if mixed:
        return fails(f"two releases run, and another quantity stands in place of {listed(mixed)}")
    names = sorted({name for _, r in found if r.origin is Origin.MEASURED for name in r.metrics})
    if not names:
        return unknown("no signal of an engine was measured")
    silent = [pod for pod in pods if not any(p == pod and r.origin is Origin.MEASURED for p, r in found)]
    if silent:
        return fails(f"{listed(silent)} export no engine's metrics; the others export {listed(names[:4])}")
    return passes(f"all serving pods are read under known names, as {listed(names[:4])}")


def _has(names: frozenset[str], prefix: str, stem: str) -> bool:
    return any(prefix + stem + part in names for part in ("", "_bucket", "_count"))


GUIDELINE = Guideline(
    number=2,
    name="metric-names",
    title="Metric names fit the release",
    origin=Source.FIELD,
    what="The engine's series have one prefix and the names of one release.",
    why=(
        "vLLM and Ray rename metrics between releases. A dashboard or a query on the old name shows nothing, which "
        "looks like no load. During a rollout half of the replicas seem to go silent."
    ),
    evidence=(
        "vLLM: gpu_cache_usage_perc became kv_cache_usage_perc; time_per_output_token_seconds became "
        "inter_token_latency_seconds and request_time_per_output_token_seconds.",
        "Ray: ray_vllm:x of older exports became ray_vllm_x, with ReplicaId.",
    ),
    change=(
        Change(
            "Prometheus queries and recording rules: join old and new names, so that pods of both releases match",
            "max by (pod) (vllm:kv_cache_usage_perc) or max by (pod) (vllm:gpu_cache_usage_perc)",
        ),
        Change("vLLM, while dashboards are migrated", "vllm serve --show-hidden-metrics-for-version=<previous minor>"),
        Change("Prometheus alert: a name that went silent", "absent_over_time(ray_vllm_num_requests_running[5m])"),
    ),
    faults=("kv-pressure", "long-prefill"),
    methods=blind_spots.CHANGE + blind_spots.GRAPHS,
    modes=(6, 14),
    look=_look,
    removals=(
        Removal(
            "half of the names are new",
            "with every second serving pod on a release whose engine metrics nobody reads",
            half_silent,
        ),
    ),
)
