"""14. Logs can be queried by replica."""

from __future__ import annotations

from guidelines import blind_spots
from guidelines.removals import logs_without_pod, without_logs
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown
from guidelines.wording import counted, listed

PATTERNS = {
    "a rank that hangs": "No available shared memory broadcast block",
    "an NCCL timeout": "Watchdog caught collective operation timeout",
    "CUDA out of memory": "OutOfMemoryError",
}


def _look(survey: Survey) -> Finding:
    pods, logs = survey.serving, survey.telemetry.logs
    if not pods:
        return unknown("no component is known to serve requests")
    speaking = set(logs["component"].dropna())
    silent = [pod for pod in pods if pod not in speaking]
    if silent and not survey.idle and (survey.busy or speaking):
        return fails(f"no log line of {listed(silent)}, while requests were served")
    if silent:
        return unknown(f"no log line of {listed(silent)}, and no request in this window")
    found = [
        what for what, text in PATTERNS.items() if logs["message"].str.contains(text, regex=False).fillna(False).any()
    ]
    seen = f"; they report {listed(found)}" if found else ""
    return passes(f"{len(logs)} lines, some of each serving pod ({counted(len(pods), 'pod')}){seen}")


GUIDELINE = Guideline(
    number=14,
    name="logs-per-replica",
    title="Logs by replica and rank",
    origin=Origin.STUDY,
    what="Every serving pod's log lines, of the engine and of Ray, carry the pod's name.",
    why=(
        "A hung rank, a collective that times out and a CUDA allocation that fails are reported in a log, and nowhere "
        "else. In a stream without pod labels nobody can tell which pod reported it."
    ),
    evidence=(
        'vllm 27313: "No available shared memory broadcast block".',
        'vllm 4653, 5484: "Watchdog caught collective operation timeout", with the rank.',
        "vllm 5784: OutOfMemoryError, then an engine that is stuck.",
    ),
    change=(
        Change(
            "Fluent Bit sidecar in every Ray pod: Ray writes to files, not to stdout",
            "[INPUT]\n    Name tail\n    Path /tmp/ray/session_latest/logs/serve/*.log,"
            "/tmp/ray/session_latest/logs/worker-*.err\n"
            "[OUTPUT]\n    Name loki\n    Labels pod=${POD_NAME},container=${CONTAINER_NAME}",
        ),
        Change("Ray Serve config: machine-readable lines", "logging_config: {encoding: JSON}"),
        Change("vLLM with tensor parallelism: name the rank", 'VLLM_LOGGING_PREFIX="[rank ${RANK}] "'),
    ),
    faults=("crash", "gpu-memory"),
    methods=blind_spots.SOURCES,
    modes=(2, 3, 4, 11),
    look=_look,
    removals=(
        Removal("no logs", "without a single log line", without_logs),
        Removal("logs without pod labels", "with the lines of all serving pods under one name", logs_without_pod),
    ),
)
