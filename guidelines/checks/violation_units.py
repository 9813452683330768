"""6. The unit of the violation counters is known."""

from __future__ import annotations

from guidelines import blind_spots
from guidelines.checks.gpu_to_pod import NO_GPU, NO_GPU_IN_DRILLS
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, fails, passes, unknown
from guidelines.wording import listed

SIGNALS = ("gpu_throttle_power", "gpu_throttle_thermal")
_LARGEST = 1.05
"""A share of time cannot exceed 1; a rate over two late scrapes can, slightly."""
_SMALLEST = 2e-3
"""A throttled GPU is throttled for more of the time: a smaller share is off by a factor of a thousand."""


def _look(survey: Survey) -> Finding:
    if not survey.gpus:
        return unknown(NO_GPU)
    shares = {f"{g} {s}": survey.largest(g, s) for g in survey.gpus for s in SIGNALS}
    known = {name: share for name, share in shares.items() if share is not None}
    if not known:
        return unknown("no violation counter is scraped, so its unit cannot be judged")
    above = [name for name, share in known.items() if share > _LARGEST]
    if above:
        return fails(f"{listed(above)} is above 1, which a share of time cannot be: the counter has another unit")
    moving = {name: share for name, share in known.items() if share > 0}
    if not moving:
        return unknown("no GPU was throttled in this window, so the counter does not show its unit")
    tiny = [name for name, share in moving.items() if share < _SMALLEST]
    if len(tiny) == len(moving):
        return fails(f"{listed(tiny)} is below {_SMALLEST:g} at its largest: microseconds were read as nanoseconds")
    return passes(f"shares of time between 0 and 1, the largest {max(moving.values()):.2f}")


GUIDELINE = Guideline(
    number=6,
    name="violation-units",
    title="The unit of violation counters is known",
    origin=Origin.FIELD,
    what="The rate of the violation counters, as read, is a share of time between 0 and 1.",
    why=(
        "Older metric lists give the counter in microseconds, newer ones in nanoseconds. Off by a factor of a "
        "thousand, a throttled GPU looks idle, or an alert fires for ever."
    ),
    evidence=(
        "dcgm-exporter: older etc/default-counters.csv says `in us`, the current one says ns.",
        "Collectors that read DCGM_FI_DEV_POWER_VIOLATION disagree on its unit in their own sources.",
    ),
    change=(
        Change(
            "Prometheus recording rule, with the divisor of your exporter's release written down once",
            "record: gpu:throttle_power:share\n"
            "expr: rate(DCGM_FI_DEV_POWER_VIOLATION[1m]) / 1e9   # 1e6 where the list says us",
        ),
        Change(
            "Once, by hand: cap an otherwise idle GPU, load it, and watch the share approach 1",
            "nvidia-smi -i 0 -pl 150    # and back: nvidia-smi -i 0 -pl <default>",
        ),
    ),
    faults=("gpu-power-cap",),
    methods=blind_spots.CHANGE,
    modes=(1,),
    look=_look,
    signals=SIGNALS,
    not_removed=NO_GPU_IN_DRILLS,
)
