"""3. Queue, prefill and decode time are measured separately."""

from __future__ import annotations

from cluster.incident.model import Incident
from guidelines import blind_spots
from guidelines.removals import serving, without, without_operations
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown
from guidelines.wording import counted, lacking, listed, unserved

PHASES = ("queue", "prefill", "decode")
USERS = ("ttft_p90", "tpot_p90")
SIGNALS = (*(f"{phase}_time_p90" for phase in PHASES), *USERS)
_MEDIANS = tuple(signal.replace("p90", "p50") for signal in USERS)


def _look(survey: Survey) -> Finding:
    pods = survey.serving
    if not pods:
        return unknown("no component is known to serve requests")
    missing = survey.missing(pods, SIGNALS)
    spans = {phase for phase in PHASES if _in_spans(survey, pods, phase)}
    unseen = {s: c for s, c in missing.items() if s.removesuffix("_time_p90") not in spans}
    if unseen and survey.unserved(unseen):
        return unknown(unserved(unseen))
    if unseen:
        blind: tuple[str, ...] = ("load-surge",) if "queue_time_p90" in unseen else ()
        blind += ("long-prefill",) if unseen.keys() - {"queue_time_p90"} else ()
        return fails(f"neither as a metric nor as a span: {lacking(unseen, len(pods))}", blind)
    if missing:
        only = [signal.removesuffix("_time_p90") for signal in missing]
        return passes(
            f"{listed(only)} as spans of every serving pod, the rest as metrics; metric methods see only the metrics"
        )
    return passes(f"{counted(len(pods), 'serving pod')}, each with {listed(SIGNALS)}")


def _in_spans(survey: Survey, pods: tuple[str, ...], phase: str) -> bool:
    spans = survey.telemetry.spans
    named_so = spans[spans["operation"].str.contains(phase, regex=False).fillna(False)]
    return set(pods) <= set(named_so["component"].dropna())


def _without_phases(incident: Incident) -> Incident:
    fewer = without((*SIGNALS, *_MEDIANS), serving)(incident)
    return without_operations(*(f"engine {phase}" for phase in PHASES))(fewer)


GUIDELINE = Guideline(
    number=3,
    name="phases",
    title="Queue, prefill and decode are separate",
    origin=Origin.STUDY,
    what="Each serving pod reports queue, prefill and decode time, time to first token and time per token separately.",
    why=(
        "One latency says that a request was slow, not where. Time in the queue is caused by load, a long prefill by "
        "the prompt, slow decoding by the device or its neighbours: three faults, three remedies, and the same p90."
    ),
    evidence=(
        "The study names the phases of inference as the part that general microservice methods do not see.",
        "ray 54070: requests waited in the engine's queue while the pod's resources were idle.",
    ),
    change=(
        Change(
            "vLLM: scrape these histograms, buckets included",
            "vllm:request_queue_time_seconds\nvllm:request_prefill_time_seconds\nvllm:request_decode_time_seconds\n"
            "vllm:time_to_first_token_seconds\nvllm:inter_token_latency_seconds",
        ),
        Change(
            "Prometheus: no relabelling that drops _bucket; ask for quantiles per pod",
            "histogram_quantile(0.9, sum by (pod, le) (rate(vllm:request_prefill_time_seconds_bucket[1m])))",
        ),
    ),
    faults=("long-prefill", "load-surge"),
    methods=blind_spots.CHANGE + blind_spots.TRACES,
    modes=(7, 9, 14),
    look=_look,
    signals=SIGNALS,
    removals=(
        Removal(
            "one latency only",
            "without queue, prefill and decode, first token and time per token of the serving pods",
            _without_phases,
        ),
    ),
)
