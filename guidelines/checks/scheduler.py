"""9. The scheduler's state is measured: running and waiting requests, batch and cache."""

from __future__ import annotations

from guidelines import blind_spots
from guidelines.removals import serving, without
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown
from guidelines.wording import counted, lacking, listed, unserved

SHOWS: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "running_requests": (("load-surge", "hot-replica"), (5,)),
    "queue_length": (("load-surge", "hot-replica"), (5, 7)),
    "batch_tokens_p90": ((), (14,)),
    "kv_usage": (("kv-pressure",), (6,)),
    "preemption_rate": (("kv-pressure",), (6,)),
}
"""Signal -> the faults and failure modes that it shows."""
SIGNALS = tuple(SHOWS)


def _look(survey: Survey) -> Finding:
    pods = survey.serving
    if not pods:
        return unknown("no component is known to serve requests")
    missing = survey.missing(pods, SIGNALS)
    if missing and survey.unserved(missing):
        return unknown(unserved(missing))
    if missing:
        unseen = [SHOWS[signal] for signal in missing]
        return fails(
            f"missing: {lacking(missing, len(pods))}",
            [fault for faults, _ in unseen for fault in faults],
            [mode for _, modes in unseen for mode in modes],
        )
    return passes(f"{counted(len(pods), 'serving pod')}, each with {listed(SIGNALS)}")


GUIDELINE = Guideline(
    number=9,
    name="scheduler",
    title="The scheduler's state is measured",
    origin=Origin.STUDY,
    what="Running and waiting requests, tokens per step, cache usage and preemptions are scraped per serving pod.",
    why=(
        "An engine under cache pressure preempts requests and computes them again. From outside that is a slow replica "
        "with a busy device, like a dozen other faults; the preemption counter says which one it is."
    ),
    evidence=(
        "vllm 42827, 44594: preemptions with the cache above 0.9.",
        "ray 54070: the queue grew before any other signal changed.",
    ),
    change=(
        Change(
            "vLLM: scrape these from each replica",
            "vllm:num_requests_running\nvllm:num_requests_waiting\nvllm:kv_cache_usage_perc\n"
            "vllm:num_preemptions_total\nvllm:iteration_tokens_total",
        ),
        Change("vLLM: do not start it with this option", "--disable-log-stats    # turns its metrics off"),
    ),
    faults=("kv-pressure", "load-surge", "hot-replica"),
    methods=blind_spots.CHANGE + blind_spots.GRAPHS,
    modes=(5, 6, 7, 14),
    look=_look,
    signals=SIGNALS,
    removals=(
        Removal(
            "no scheduler",
            "without running and waiting requests, slots, queue time and cache of the serving pods",
            without((*SIGNALS, "slots_busy", "queue_time_p90"), serving),
        ),
    ),
)
