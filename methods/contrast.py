"""What distinguishes the fault window from the baseline: an explanation of the incident, independent of all methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number, percent
from cluster.text.times import duration
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.types import Cell, Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted, unit_of
from methods.telemetry.matrix import Floats, Key, SignalMatrix, halves, prepare
from methods.telemetry.separation import end_of_trouble, held_out, placebos

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier

LISTED = 10
LEAST_BEFORE, LEAST_AFTER = 24, 12
LEAST_AREA = 0.7
"""Area under the ROC curve below which two windows do not count as different, whatever the baseline does."""


class Contrast(Method):
    """SHAP values of a classifier of the fault window: what distinguishes it from the baseline.

    Idea:
        A forest of extremely randomised trees learns to distinguish samples of the fault from samples of the baseline
        by all signals at once. If it can do so for stretches of time that it was not trained on, the SHAP values of its
        answers in the fault window say how much each signal contributes. A component gets the sum of its signals. The
        result does not depend on any of the methods and is shown beside them.

    Formula:
        score(c) = sum over the signals s of c of the mean over the fault window of φ_s(t), in probability. Together
        with the average answer of the model, the scores sum to its mean probability of a fault in that window.

    Inputs:
        Metrics (T × N), gaps filled. The onset, with at least 24 samples before it and 12 after it. The SLI, for the
        end of the fault window.

    Parameters:
        trees: of the forest that is explained, 200.
        trees_to_check: of each forest that is only tested, 30. A leaf holds at least 2 samples, a split tries sqrt(N)
            signals. There is no paper; these are scikit-learn's customs.

    Fails when:
        Effects distinguish a fault window as well as causes do, and a component with many signals has more to
        distinguish it by.

        NoRanking with both numbers when the model does not separate the two windows, for unseen stretches of time,
        better than it separates the halves of the baseline.

    Cost:
        O(trees N^0.5 T log T) to train, O(trees T leaves depth²) to explain, and the import of shap: a few seconds.

    Reference:
        Lundberg et al., From local explanations to global understanding with explainable AI for trees, Nature Machine
        Intelligence 2020. Geurts, Ernst, Wehenkel, Extremely randomized trees, Machine Learning 2006.

    Deviations:
        None. It is not one of the study's methods, has no vote in the consensus and is not listed with them.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.contrast import Contrast
        >>> ranking = Contrast(trees=20, trees_to_check=5).rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'node', 'gateway', 'replica-0']
        >>> print(ranking.explanation.steps[-1].claim)
        replica-1 contributes 30.7 of the 49.5 points by which the prediction in the fault window (99.5 %) exceeds the
        mean (50 %).
    """

    name: ClassVar[str] = "contrast"
    family: ClassVar[Family] = Family.METRIC

    def __init__(self, trees: int = 200, trees_to_check: int = 30) -> None:
        self.trees = trees
        self.trees_to_check = trees_to_check

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        matrix = prepare(incident, fill=True).varying()
        sides = halves(matrix, incident.onset, least_before=LEAST_BEFORE, least_after=LEAST_AFTER)
        if isinstance(sides, NoRanking) or incident.onset is None:
            return sides if isinstance(sides, NoRanking) else NoRanking(Reason.NOT_APPLICABLE, "no onset")
        onset, end = incident.onset.time, end_of_trouble(incident, incident.onset.time)
        trouble = matrix.rows(matrix.times < end)
        fault = trouble.times >= onset
        if fault.sum() < LEAST_AFTER:
            trouble, end = matrix, incident.window.end
            fault = trouble.times >= onset
        values = trouble.standardized()  # trees compare in single precision
        seed = int(rng.integers(2**31))
        make = partial(_forest, self.trees_to_check, seed)
        area, placebo_areas = held_out(make, values, fault), placebos(make, values[~fault])
        usual = float(np.median(placebo_areas))
        if area < LEAST_AREA or area <= usual:
            return NoRanking(
                Reason.NOT_APPLICABLE,
                f"a classifier cannot separate the fault window from the baseline: it is right in {percent(area)} "
                f"of the pairs of unseen samples, on two halves of the baseline in {percent(usual)}",
            )
        model = _forest(self.trees, seed).fit(values, fault)
        shares, base = _shap(model, values[fault])
        scores = {key: float(share) for key, share in zip(trouble.keys, shares, strict=True)}
        explanation = _explain(incident, trouble, fault, end, scores, area, placebo_areas, base)
        return caveats_for(by_components(_by_component(scores), explanation, scores), incident)


def _forest(trees: int, seed: int) -> ExtraTreesClassifier:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(
        trees, max_features="sqrt", min_samples_leaf=2, class_weight="balanced", random_state=seed
    )


def _shap(model: ExtraTreesClassifier, values: Floats) -> tuple[Floats, float]:
    """(N,) mean SHAP value of each column for the probability of a fault, and the classifier's mean prediction."""
    from shap import TreeExplainer

    explainer = TreeExplainer(model)
    contributions = np.asarray(explainer.shap_values(values, check_additivity=True))
    return contributions[..., 1].mean(axis=0), float(np.asarray(explainer.expected_value)[1])


def _by_component(scores: dict[Key, float]) -> dict[str, float]:
    """The sum over the signals of each component, rounded, so that the order of the terms does not matter."""
    sums: dict[str, float] = {}
    for (component, _), share in scores.items():
        sums[component] = sums.get(component, 0.0) + share
    return {component: round(total, 12) for component, total in sums.items()}


def _explain(
    incident: Incident,
    trouble: SignalMatrix,
    fault: np.ndarray[tuple[int], np.dtype[np.bool_]],
    end: float,
    scores: dict[Key, float],
    area: float,
    placebo_areas: list[float],
    base: float,
) -> Explanation:
    onset = incident.onset.time if incident.onset else end
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    sums = sorted(_by_component(scores).items(), key=lambda item: (-item[1], item[0]))
    pointers = tuple(trouble.pointer(key, onset, end) for key, _ in ordered[:LISTED])
    before, after = (np.mean(trouble.values[side], axis=0) for side in (~fault, fault))
    columns = {key: i for i, key in enumerate(trouble.keys)}
    rows: list[tuple[Cell, ...]] = []
    units: list[str] = []
    for (component, signal), share in ordered[:LISTED]:
        unit, i = unit_of(incident.telemetry.units, signal), columns[component, signal]
        rows.append((component, signal, share, float(before[i]), float(after[i])))
        units.append(unit)
    total = sum(share for _, share in sums)
    first = ordered[0]
    least, largest = min(placebo_areas), max(placebo_areas)
    baseline = counted(int((~fault).sum()), "sample")
    windows = Step(
        "The two windows",
        f"The baseline has {baseline} before the onset, the fault window {int(fault.sum())} from it "
        f"on. It ends {duration(end - onset)} after the onset, when the SLI is closer to its baseline than to its "
        f"worst value.",
        {"baseline_samples": float((~fault).sum()), "fault_samples": float(fault.sum()), "seconds": end - onset},
        units={"seconds": "s"},
        pointers=pointers[:1],
    )
    separation = Step(
        "Are they different?",
        f"Given one sample of each window, from stretches of time that it was not trained on, the classifier names the "
        f"faulty one in {percent(area)} of pairs (chance: 50 %). On halves of the baseline, where nothing "
        f"happened, it is right in {percent(least)} to {percent(largest)}.",
        {"area": area, "placebo_least": least, "placebo_largest": largest},
    )
    by_signal = Step(
        "Contribution by signal",
        f"{first[0][0]} {first[0][1]} contributes most: {number(100 * first[1])} points of the probability of a fault.",
        {"base": base, "sum": total, "predicted": base + total},
        table=Table(
            ("component", "signal", "SHAP", "mean before", "mean in the fault"),
            tuple(rows),
            {"mean before": tuple(units), "mean in the fault": tuple(units)},
        ),
        pointers=pointers,
    )
    by_component = Step(
        "Contribution by component",
        f"{sums[0][0]} contributes {number(100 * sums[0][1])} of the {number(100 * total)} points by which the "
        f"prediction in the fault window ({percent(base + total)}) exceeds the mean ({percent(base)}).",
        dict(sums),
        pointers=pointers[:1],
    )
    caveats = [
        "This shows what distinguishes the fault window. Effects distinguish it as well as causes: take it as evidence "
        "beside the rankings, not as one of them.",
    ]
    if area <= largest:
        caveats.append("Some halves of the baseline differ as much as the fault window does: the telemetry drifts.")
    return Explanation((windows, separation, by_signal, by_component), tuple(caveats))
