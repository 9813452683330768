"""How well a classifier separates the fault window from the baseline, tested without leakage.

Telemetry drifts, and neighbouring samples resemble each other. A classifier that is tested on samples between its
training samples looks perfect, whatever it has learned. Therefore it is tested on whole stretches of time that are kept
away from its training samples (`held_out`). The same test on halves of the baseline, where nothing happened
(`placebos`), shows what drift alone achieves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cluster.incident.model import Incident
from methods.telemetry.matrix import Floats
from methods.telemetry.sli import NoSli, sli

FOLDS = 4
GAP = 5
"""Samples on both sides of a held-out stretch that are not trained on."""
PLACEBOS = 5

Mask: TypeAlias = NDArray[np.bool_]


class Model(Protocol):
    """A classifier with the interface of scikit-learn."""

    def fit(self, values: Floats, labels: Mask) -> Model: ...

    def predict_proba(self, values: Floats) -> Floats: ...


def end_of_trouble(incident: Incident, onset: float) -> float:
    """Unix seconds after the last sample in which the SLI is nearer to its worst than to its baseline, in logarithms.

    The end of the window where there is no SLI, or where it never gets worse.
    """
    try:
        latency = sli(incident)["latency"]
    except NoSli:
        return incident.window.end
    times, values = latency.index.to_numpy(dtype=np.float64), latency.to_numpy(dtype=np.float64)
    early = times < onset
    before, after = values[early & np.isfinite(values)], values[~early & np.isfinite(values)]
    if not len(before) or not len(after) or after.max() <= np.median(before) or np.median(before) <= 0:
        return incident.window.end
    bad = times[~early & (values > np.sqrt(np.median(before)) * np.sqrt(after.max()))]
    step = float(np.median(np.diff(times)))
    return min(float(bad[-1]) + step, incident.window.end)


def held_out(make: Callable[[], Model], values: Floats, fault: Mask) -> float:
    """Area under the ROC curve of predictions for stretches of time that the model was not trained on.

    Both windows are cut into `FOLDS` stretches, and the i-th of each is held out together. 0.5 is chance.

    Args:
        values: (T, N), ascending in time, without gaps.
        fault: (T,) which samples belong to the fault.
    """
    from sklearn.metrics import roc_auc_score

    predicted = np.full(len(fault), np.nan)
    for test in _stretches(fault):
        near = np.convolve(test, np.ones(2 * GAP + 1), "same") > 0
        labels = fault[~near]
        if labels.any() and not labels.all():
            predicted[test] = make().fit(values[~near], labels).predict_proba(values[test])[:, 1]
    known = np.isfinite(predicted)
    if len(set(fault[known].tolist())) < 2:
        return 0.5
    return float(roc_auc_score(fault[known], predicted[known]))


def placebos(make: Callable[[], Model], baseline: Floats) -> list[float]:
    """`held_out` of `PLACEBOS` halves of the baseline, spread over it, each against the rest."""
    half = len(baseline) // 2
    areas = []
    for start in np.linspace(0, len(baseline) - half, PLACEBOS).astype(int):
        half_of_it = np.zeros(len(baseline), dtype=np.bool_)
        half_of_it[start : start + half] = True
        areas.append(held_out(make, baseline, half_of_it))
    return areas


def _stretches(fault: Mask) -> Iterator[Mask]:
    halves = [np.array_split(np.flatnonzero(fault == side), FOLDS) for side in (False, True)]
    for rows in zip(*halves, strict=True):
        test = np.zeros(len(fault), dtype=np.bool_)
        test[np.concatenate(rows)] = True
        yield test
