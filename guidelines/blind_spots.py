"""What a failed check can hide: failure modes of LLM serving, and methods, in groups by what they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CHANGE = ("nsigma", "baro", "e_diagnosis", "causalai", "rcd", "circa")
"""Methods, by catalogue name, that compare metrics after the onset with metrics before it."""
GRAPHS = (
    "pc_pagerank",
    "pc_randomwalk",
    "fci_pagerank",
    "fci_randomwalk",
    "granger_pagerank",
    "granger_randomwalk",
    "lingam_pagerank",
    "lingam_randomwalk",
    "causalrca",
    "microcause",
)
"""Methods that learn a causal graph from metrics alone."""
CALLS = ("microrca", "microscope", "monitorrank")
"""Methods that walk the call graph, guided by the latency that callers measure."""
TRACES = ("microrank", "tracerca")
"""Methods that read only spans: without spans they return NoRanking."""
SOURCES = ("mmbaro", "pdiagnose")
"""Methods that read metrics, spans and logs together: a missing source is left out."""
METRICS = (*CHANGE, *GRAPHS, *CALLS, *SOURCES)
"""Methods that read metrics, alone or with other sources."""
FROM_THE_SLI = (
    "pc_randomwalk",
    "fci_randomwalk",
    "granger_randomwalk",
    "lingam_randomwalk",
    "microcause",
    *CALLS,
)
"""Methods that start at the SLI: without an SLI they return NoRanking."""


@dataclass(frozen=True, slots=True)
class Mode:
    """A failure mode of LLM serving from field reports.

    Attributes:
        signature: what it looks like in telemetry.
        seen_in: issue threads, as project and number; empty where none is known.
    """

    number: int
    name: str
    signature: str
    seen_in: tuple[str, ...] = ()


_ALL = (
    Mode(
        1,
        "power or thermal cap",
        "SM clock down, utilisation high, power flat, violation time up; one replica's time per token up",
        ("dcgm-exporter 254", "dcgm-exporter 261"),
    ),
    Mode(
        2,
        "XID error or lost GPU",
        "the XID code changes or the GPU's series vanish; the kernel logs it",
        ("dcgm-exporter 500", "dcgm-exporter 190"),
    ),
    Mode(
        3,
        "tensor-parallel rank hangs",
        'log "No available shared memory broadcast block"; requests run, no tokens come',
        ("vllm 27313",),
    ),
    Mode(
        4,
        "NCCL timeout",
        'log "Watchdog caught collective operation timeout" with a rank',
        ("vllm 4653", "vllm 5484"),
    ),
    Mode(
        5,
        "zombie engine",
        "requests wait, none run, no tokens; HTTP still answers 200",
        ("vllm 39863", "vllm 16259"),
    ),
    Mode(6, "preemption thrash", "KV cache at 0.9 or more, and preemptions", ("vllm 42827", "vllm 44594")),
    Mode(7, "queue saturation", "waiting requests and time in the queue up", ("ray 54070",)),
    Mode(8, "health check kills a busy replica", "failed health checks, replica starts", ("ray 54070",)),
    Mode(
        9,
        "CPU starvation",
        "throttled periods up, GPU utilisation down, time to first token up",
        ("vllm 25301", "vllm 4806"),
    ),
    Mode(10, "host memory, OOM kill", "working set near its limit, then a restart", ("vllm 2669",)),
    Mode(11, "CUDA out of memory, frozen", "log OutOfMemoryError, framebuffer full, requests stuck", ("vllm 5784",)),
    Mode(
        12,
        "head or GCS bottleneck",
        "head CPU and GCS memory up; all replicas shift together",
        ("ray 64241", "ray 63118"),
    ),
    Mode(13, "replica imbalance", "one replica's requests far above its peers'", ("ray 53356", "ray 44872")),
    Mode(14, "long prefill starves decode", "prompts and tokens per step up, time between tokens up, cache normal"),
    Mode(15, "gateway timeout", "504 and 499 at the gateway, aborts in the engine", ("vllm 2484",)),
    Mode(16, "network delay to one replica", "edge latency up, the same replica's engine latency flat"),
)

MODES: Mapping[int, Mode] = MappingProxyType({mode.number: mode for mode in _ALL})
