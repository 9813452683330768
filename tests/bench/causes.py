"""Why our rankings differ from the public ones, by method: seen in the cases, or known of the public code."""

from __future__ import annotations

_WALK = (
    "the public walk gives every step the same weight, so its graph has no say: PC, FCI, Granger and LiNGAM all answer "
    "one fixed order of columns, whatever the data; ours walks the graph from the front door's latency, and has no "
    "ranking where nothing leads away from it"
)
_SPREAD = (
    "drops count as much as rises, the spread is at least a tenth of the signal's level, and signals with one usual "
    "value are scored by how often they leave it; docs/measured/onset.md has what each of these rules is worth"
)

CAUSES: dict[str, str] = {
    "baro": f"{_SPREAD}; where the public code's IQR is 0, the unit decides",
    "causalrca": "the public PageRank flows from cause to effect (the adjacency is transposed twice); one case",
    "circa": (
        "the public code regresses on causal children and drops nodes without an edge; ours asks for 10 samples before "
        "the onset, which one case lacks"
    ),
    "e_diagnosis": (
        "the public code correlates the two halves of a signal sample by sample and draws its thresholds by position; "
        "ours tests whether the distribution changed"
    ),
    "fci_pagerank": (
        "the public code walks o→ edges from cause to effect, and the others the other way round; six cases, one of "
        "which decides"
    ),
    "granger_pagerank": (
        "the public graph has an edge for every p below 0.05 of all pairs and lags, uncorrected, and guesses where a "
        "pair is collinear (3 of 10 cases)"
    ),
    "lingam_pagerank": "36 samples do not identify 35 signals: the public code fails in 16 of 18 cases, ours says so",
    "lingam_randomwalk": _WALK,
    "microrank": "the public code never uses its partition into normal and abnormal traces, and loses most call edges",
    "microrca": "the public code reverses the calls before the walk, so that blame flows to callers",
    "microscope": (
        "the public code takes a call for abnormal by clustering (BIRCH on a normalised series), which marks some call "
        "in nearly every case; the three-sigma rule of ours finds none in six cases of small delays"
    ),
    "mmbaro": (
        "latencies and failures of spans where the public code counts successful spans; drops count, and series whose "
        "IQR is 0 are not scored in their own unit"
    ),
    "monitorrank": "the public code reverses the weighted graph, which turns the walk around",
    "nsigma": _SPREAD,
    "pc_pagerank": (
        "the public code leaves signals without an edge out of the graph, which shifts its scores against the names"
    ),
    "pc_randomwalk": _WALK,
    "pdiagnose": (
        "the public code adds up raw numbers of samples, error lines (before the fault, too) and spans, so that busy "
        "components win; ours votes with shares"
    ),
    "rcd": "both draw their chunks at random: the public figure is one unseeded draw, ours one seeded",
    "tracerca": (
        "the public code scores single operations and blames callers for the time of those they wait for; ours mines "
        "sets of components"
    ),
}
