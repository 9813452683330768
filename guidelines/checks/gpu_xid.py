"""7. XID errors are counted, and the kernel log is searchable."""

from __future__ import annotations

from guidelines import blind_spots
from guidelines.checks.gpu_to_pod import NO_GPU, NO_GPU_IN_DRILLS
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, fails, passes, unknown
from guidelines.wording import listed

_SERIES = "an XID series of every GPU"


def _look(survey: Survey) -> Finding:
    if not survey.gpus:
        return unknown(NO_GPU)
    silent = [gpu for gpu in survey.gpus if not survey.has(gpu, "gpu_xid_errors")]
    if silent:
        return fails(f"no XID series of {listed(silent)}")
    nodes = {node for gpu in survey.gpus for node in survey.topology.hosts(gpu)}
    told = nodes & set(survey.telemetry.logs["component"].dropna())
    if not told:
        return unknown(f"{_SERIES}, but no log of a node was read, so whether kernel logs can be queried is not known")
    if nodes - told:
        return fails(f"{_SERIES}, but no log of {listed(sorted(nodes - told))}: a repeated code is not seen there")
    return passes(f"{_SERIES}, and logs of {listed(sorted(told))}")


GUIDELINE = Guideline(
    number=7,
    name="gpu-xid",
    title="XID errors can be counted and read",
    origin=Origin.FIELD,
    what="Each GPU has an XID series, and the kernel log of its node can be queried.",
    why=(
        "The exporter's gauge keeps the last code for ever: a second error of the same code changes nothing, and the "
        "series of a GPU that falls off the bus end with it. The kernel log has each event with its time."
    ),
    evidence=("dcgm-exporter 500, 190: the gauge does not reset; series vanish with the device.",),
    change=(
        Change(
            "dcgm-exporter: metrics file",
            "DCGM_FI_DEV_XID_ERRORS,   gauge, Value of the last XID error encountered.\n"
            "DCGM_EXP_XID_ERRORS_COUNT, gauge, XID errors in the window, by code.",
        ),
        Change(
            "Grafana Alloy or Promtail on every GPU node: the kernel's journal",
            'loki.source.journal "kernel" { matches = "_TRANSPORT=kernel" labels = {job = "kernel"} ... }\n'
            '# query: {job="kernel"} |= "NVRM: Xid"',
        ),
    ),
    faults=("gpu-memory",),
    methods=blind_spots.CHANGE + blind_spots.SOURCES,
    modes=(2,),
    look=_look,
    signals=("gpu_xid_errors",),
    not_removed=NO_GPU_IN_DRILLS,
)
