"""Groups of methods, by their names in the catalogue of `methods`, by what they read."""

from __future__ import annotations

CHANGE = ("nsigma", "baro", "e_diagnosis", "causalai", "rcd", "circa")
"""Compare metrics after the onset with metrics before it."""
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
"""Learn a causal graph from metrics alone."""
CALLS = ("microrca", "microscope", "monitorrank")
"""Walk the call graph by what callers measure of their calls."""
TRACES = ("microrank", "tracerca")
"""Read spans alone: without them they have no answer."""
SOURCES = ("mmbaro", "pdiagnose")
"""Read metrics, spans and logs together: what is missing goes unweighed."""
METRICS = (*CHANGE, *GRAPHS, *CALLS, *SOURCES)
"""Read metrics, alone or among others."""
FROM_THE_SLI = (
    "pc_randomwalk",
    "fci_randomwalk",
    "granger_randomwalk",
    "lingam_randomwalk",
    "microcause",
    *CALLS,
)
"""Start at what users feel: without an SLI they have no answer."""
