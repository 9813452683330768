from __future__ import annotations

import math

import numpy as np
import pytest

from cluster.incident.model import Incident
from cluster.incident.tiny import incident
from cluster.signals import SIGNALS
from methods.answer.types import NoRanking, Ranking
from methods.prism import INSIDE, OUTSIDE, Prism, side

# Mean 0, standard deviation 1 before the onset, and then one sample that far from it.
CALM = [1.0, -1.0] * 4


def after(*shift: float) -> list[float]:
    return [*CALM, *shift, *([0.0] * (8 - len(shift)))]


def propagated(amplified: float) -> Incident:
    """The cart is at fault, inside and outside; the front end only suffers, `amplified` times as much."""
    return incident(
        metrics={
            ("cart", "cpu_usage"): after(15.0),
            ("cart", "latency_p90"): after(0.0, 15.0),
            ("front", "cpu_usage"): after(2.0),
            ("front", "latency_p90"): after(15.0 * amplified),
            ("ads", "cpu_usage"): after(1.0),
            ("ads", "latency_p90"): after(2.0),
        }
    )


def scores(method: Prism, case: Incident) -> dict[str, float]:
    ranking = method.rank(case, np.random.default_rng(0))
    assert isinstance(ranking, Ranking)
    return {scored.component: scored.score for scored in ranking.components}


def test_the_scores_are_those_of_the_formulas() -> None:
    found = scores(Prism(), propagated(1.7))
    assert found == pytest.approx(
        {
            "cart": 30 - math.log(31),
            "front": 27.5 - math.log(28.5),
            "ads": 3 - math.log(4),
        }
    )
    assert scores(Prism(conjunctive=True), propagated(1.7)) == pytest.approx({"cart": 15, "front": 2, "ads": 1})


def test_an_effect_that_is_larger_outside_does_not_hide_the_cause() -> None:
    assert max(scores(Prism(), propagated(1.7)).items(), key=lambda item: item[1])[0] == "cart"


def test_only_the_conjunctive_score_bears_any_amplification() -> None:
    # As the paper says: the additive score needs a bound on the amplification, the conjunctive one does not.
    assert max(scores(Prism(), propagated(6)), key=scores(Prism(), propagated(6)).__getitem__) == "front"
    joint = scores(Prism(conjunctive=True), propagated(6))
    assert max(joint, key=joint.__getitem__) == "cart"


def test_a_component_without_resources_is_scored_by_what_is_known() -> None:
    found = scores(Prism(), incident(metrics={("cart", "latency_p90"): after(15.0), ("ads", "cpu_usage"): after(3.0)}))
    assert found == pytest.approx({"cart": 15 - math.log(16), "ads": 3 - math.log(4)})


def test_every_signal_of_the_vocabulary_has_a_side() -> None:
    sides = {name: side(name) for name in SIGNALS}
    assert None not in sides.values()
    assert all(sides[name] == INSIDE for name in ("cpu_usage", "memory_used", "gpu_power", "kv_usage", "queue_length"))
    outside = ("request_rate", "error_ratio", "latency_p90", "ttft_p50", "token_rate", "network_receive")
    assert all(sides[name] == OUTSIDE for name in outside)


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("cpu", INSIDE),
        ("mem-usage", INSIDE),
        ("diskio", INSIDE),
        ("latency-90", OUTSIDE),
        ("error", OUTSIDE),
        ("a4", None),
    ],
)
def test_signals_of_other_systems_are_known_by_their_words(signal: str, expected: str | None) -> None:
    assert side(signal) == expected


def test_signals_of_no_known_side_are_no_answer() -> None:
    found = Prism().rank(incident(metrics={("a", "z1"): after(9.0)}), np.random.default_rng(0))
    assert isinstance(found, NoRanking)
    assert "resource" in found.detail
