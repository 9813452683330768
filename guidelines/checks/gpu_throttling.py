"""5. GPU throttling is measured."""

from __future__ import annotations

from guidelines import blind_spots
from guidelines.checks.gpu_to_pod import NO_GPU, NO_GPU_IN_DRILLS
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, fails, passes, unknown
from guidelines.wording import lacking, listed

SIGNALS = ("gpu_throttle_power", "gpu_throttle_thermal", "gpu_power_limit", "gpu_sm_clock")


def _look(survey: Survey) -> Finding:
    if not survey.gpus:
        return unknown(NO_GPU)
    missing = survey.missing(survey.gpus, SIGNALS)
    if missing:
        return fails(f"missing: {lacking(missing, len(survey.gpus))}")
    return passes(f"{listed(SIGNALS)} of every GPU")


GUIDELINE = Guideline(
    number=5,
    name="gpu-throttling",
    title="GPU throttling is measured",
    origin=Origin.CODE,
    what="Time throttled by power and by heat, the power limit in force and the clock are scraped for each GPU.",
    why=(
        "Under a power cap utilisation stays at 100 % and power is flat: the usual dashboard is green while every "
        "token takes longer. Only the clock, the limit and the violation counters change."
    ),
    evidence=(
        "The study's GPU fault is a power cap, and its published queries read only utilisation.",
        "dcgm-exporter 254, 261: throttle reasons were renamed; the violation counters are commented out in "
        "etc/default-counters.csv.",
    ),
    change=(
        Change(
            "dcgm-exporter: metrics file (etc/default-counters.csv has these commented out or not at all)",
            "DCGM_FI_DEV_POWER_VIOLATION,   counter, Time held back by the power limit.\n"
            "DCGM_FI_DEV_THERMAL_VIOLATION, counter, Time held back by heat.\n"
            "DCGM_FI_DEV_POWER_MGMT_LIMIT,  gauge,   Power limit in force (in W).\n"
            "DCGM_EXP_CLOCK_EVENTS_COUNT,   gauge,   Reasons that the clock was held back.",
        ),
        Change("dcgm-exporter: use that file", "dcgm-exporter -f /etc/dcgm-exporter/custom.csv -c 5000"),
    ),
    faults=("gpu-power-cap",),
    methods=blind_spots.CHANGE + blind_spots.GRAPHS,
    modes=(1,),
    look=_look,
    signals=SIGNALS,
    not_removed=NO_GPU_IN_DRILLS,
)
