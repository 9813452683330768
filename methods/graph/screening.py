"""The first of two stages where an incident has more signals than a causal search can take: those that changed most.

With an onset a signal's change is its deviation from the baseline, as BARO measures it; without one, the largest
cumulative sum of its standardised values over the square root of their number, which a shift of level at any time
raises. What users notice at the front door always stays. The explanation's first step says what was left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number
from methods.answer.types import NoRanking, Step, Table
from methods.graph.symptoms import symptoms
from methods.telemetry.deviation import ROBUST, deviations
from methods.telemetry.matrix import Floats, SignalMatrix, halves

_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Screened:
    """What was left out.

    Attributes:
        kept, signals: numbers of signals, after and before.
        by: what the signals were ordered by.
        least: change of the last that was kept for it.
        left: (component, signal, change) of the first that were not kept, largest change first.
        components: number of components without any signal left.
    """

    kept: int
    signals: int
    by: str
    least: float
    left: tuple[tuple[str, str, float], ...]
    components: int

    def step(self) -> Step:
        claim = (
            f"{number(self.signals)} signals are too many for this search: the {number(self.kept)} that changed most "
            f"were compared ({self.by}, {number(self.least)} or more). {number(self.signals - self.kept)} signals are "
            f"left out, and with them {number(self.components)} components whole."
        )
        numbers = {"kept": self.kept, "left_out": self.signals - self.kept, "components_left_out": self.components}
        return Step("Signals left out", claim, numbers, table=Table(("component", "signal", "change"), self.left))


def screen(matrix: SignalMatrix, incident: Incident, most: int) -> tuple[SignalMatrix, Screened | None]:
    """The `most` signals that changed most, in their order; the matrix as it is where it has no more than that.

    Args:
        matrix: T × N without gaps.
    """
    if matrix.signals <= most:
        return matrix, None
    change, by = _change(matrix, incident)
    felt = symptoms(incident)
    order = np.lexsort((np.arange(matrix.signals), -change, np.array([key not in felt for key in matrix.keys])))
    kept, left = np.sort(order[:most]), order[most:]
    chosen = matrix.columns(kept)
    rows = tuple((*matrix.keys[i], float(change[i])) for i in left[:_SHOWN])
    components = len({c for c, _ in matrix.keys} - {c for c, _ in chosen.keys})
    return chosen, Screened(most, matrix.signals, by, float(change[order[most - 1]]), rows, components)


def why_unranked(reason: str, screened: Screened | None) -> str:
    """Why components have no rank, as the end of a sentence: the method's own reason, and that they were left out."""
    return " or ".join(filter(None, (reason, "their signals were left out before the search" if screened else "")))


def _change(matrix: SignalMatrix, incident: Incident) -> tuple[Floats, str]:
    """(N,) how much each signal changed, and what that is measured in."""
    parts = halves(matrix, incident.onset)
    if not isinstance(parts, NoRanking):
        return np.nan_to_num(deviations(*parts, ROBUST).scores, nan=0.0), "deviation from the baseline in IQRs"
    sums = np.cumsum(matrix.standardized(), axis=0)
    return np.abs(sums).max(axis=0) / np.sqrt(matrix.samples), "largest cumulative sum"
