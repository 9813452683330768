"""8. The work of a GPU is measured, not only that it is busy."""

from __future__ import annotations

from guidelines import blind_spots
from guidelines.checks.gpu_to_pod import NO_GPU, NO_GPU_IN_DRILLS
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, fails, passes, unknown
from guidelines.wording import lacking, listed

SIGNALS = ("gpu_dram_active", "gpu_tensor_active")


def _look(survey: Survey) -> Finding:
    if not survey.gpus:
        return unknown(NO_GPU)
    missing = survey.missing(survey.gpus, SIGNALS)
    if missing:
        return fails(
            f"missing: {lacking(missing, len(survey.gpus))}; utilisation alone does not distinguish work from waiting"
        )
    return passes(f"{listed(SIGNALS)} of every GPU")


GUIDELINE = Guideline(
    number=8,
    name="gpu-work",
    title="Utilisation is not work",
    origin=Origin.STUDY,
    what="Activity of the memory interface and of the tensor pipes is scraped for each GPU.",
    why=(
        "Utilisation is the share of time in which some kernel ran, however little it did. A rank that spins in a "
        "collective, a neighbour that takes the memory bandwidth and useful work all read 100 %."
    ),
    evidence=(
        "The study asks for GPU metrics beyond utilisation; its data set has only utilisation.",
        "vllm 27313: a hung tensor-parallel rank leaves utilisation high and tokens at zero.",
    ),
    change=(
        Change(
            "dcgm-exporter: metrics file (as in etc/dcp-metrics-included.csv)",
            "DCGM_FI_PROF_DRAM_ACTIVE,        gauge, Share of cycles with the memory interface active.\n"
            "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE, gauge, Share of cycles with the tensor pipes active.\n"
            "DCGM_FI_PROF_GR_ENGINE_ACTIVE,   gauge, Share of time with the engine active.",
        ),
        Change(
            "dcgm-exporter container: profiling needs this capability",
            "securityContext: {capabilities: {add: [SYS_ADMIN]}}",
        ),
    ),
    faults=("gpu-contention",),
    methods=blind_spots.CHANGE + blind_spots.GRAPHS,
    modes=(1, 3),
    look=_look,
    signals=SIGNALS,
    not_removed=NO_GPU_IN_DRILLS,
)
