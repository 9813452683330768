"""PDiagnose: votes by hand."""

from __future__ import annotations

import outcomes
import pytest

from cluster.incident import tiny
from methods.pdiagnose import PDiagnose

CALM = [1.0, 1.2, 0.8, 1.1, 0.9, 1.0, 1.1, 0.9, 1.0, 1.2]
HURT = [1.0, 1.2, 0.8, 1.1, 0.9, 9.0, 9.0, 9.0, 1.0, 1.0]
DROP = [1.0, 1.2, 0.8, 1.1, 0.9, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_the_vote_of_the_metrics_is_the_worst_signals_share_of_samples() -> None:
    """Without smoothing: 3 of 5 samples of one of a's two signals, so 0.6; all 5 of b's only signal, a drop."""
    metrics = {("a", "x"): HURT, ("a", "y"): CALM, ("b", "x"): DROP, ("c", "x"): CALM}
    found = outcomes.scores(PDiagnose(window=1).rank(tiny.incident(metrics=metrics), outcomes.rng()))
    assert found == pytest.approx({"a": 0.6, "b": 1.0, "c": 0.0})


def test_calm_signals_do_not_dilute_the_same_anomaly() -> None:
    metrics = {("one", "x"): HURT, **{("five", f"x{i}"): CALM for i in range(4)}, ("five", "y"): HURT}
    metrics |= {**{("twenty", f"x{i}"): CALM for i in range(19)}, ("twenty", "y"): HURT}
    found = outcomes.scores(PDiagnose(window=1).rank(tiny.incident(metrics=metrics), outcomes.rng()))
    assert found == pytest.approx({"one": 0.6, "five": 0.6, "twenty": 0.6})


def test_a_component_that_went_silent_is_not_the_calmest() -> None:
    metrics = {("a", "x"): HURT, ("b", "x"): CALM, ("gone", "x"): [1.0, 1.1, 0.9, 1.0, 1.1] + [float("nan")] * 5}
    logs = [(1000.0 + 4 * i, c, "INFO", "tick") for i in range(50) for c in "ab"]
    logs += [(1000.0 + 4 * i, "gone", "INFO", "tick") for i in range(25)]
    found = outcomes.scores(PDiagnose(window=1).rank(tiny.incident(metrics=metrics, logs=logs), outcomes.rng()))
    assert set(found) == {"a", "b"}


def test_a_constant_that_moves_is_anomalous() -> None:
    metrics = {("a", "errors"): [0.0] * 5 + [1.0] * 5, ("b", "x"): CALM}
    assert outcomes.scores(PDiagnose().rank(tiny.incident(metrics=metrics), outcomes.rng())) == pytest.approx(
        {"a": 1, "b": 0}
    )


def test_errors_that_were_always_written_cast_no_vote() -> None:
    logs = [(1000.0 + 4 * i, "chatty", "ERROR", "retry failed") for i in range(50)]
    logs += [(1001.0 + 4 * i, "quiet", "INFO" if i < 40 else "ERROR", "tick") for i in range(50)]
    # After the onset chatty writes errors only, as before: 0. Of quiet's lines after it, 10 of 25 are errors.
    found = outcomes.scores(PDiagnose().rank(tiny.incident(logs=logs), outcomes.rng()))
    assert found == pytest.approx({"chatty": 0.0, "quiet": 0.4})


def test_a_caller_that_only_waits_gets_no_vote_of_the_spans() -> None:
    spans = []
    for i in range(20):
        work = 0.5 if i < 10 else 5.0
        spans += tiny.request(f"t{i}", 1000.0 + 10 * i, [("front", "POST", work + 0.1), ("back", "serve", work)])
    found = outcomes.scores(PDiagnose().rank(tiny.incident(spans=spans), outcomes.rng()))
    assert found == pytest.approx({"back": 1.0, "front": 0.0})


def test_each_source_has_one_vote() -> None:
    metrics = {("a", "x"): DROP, ("b", "x"): CALM}
    logs = [(1000.0 + 4 * i, "b", "INFO" if i < 25 else "ERROR", "tick") for i in range(50)]
    found = outcomes.scores(PDiagnose(window=1).rank(tiny.incident(metrics=metrics, logs=logs), outcomes.rng()))
    assert found == pytest.approx({"a": 0.5, "b": 0.5})


def test_a_calm_incident_is_not_applicable() -> None:
    calm = tiny.incident(metrics={("a", "x"): CALM})
    assert "is anomalous" in outcomes.detail(PDiagnose().rank(calm, outcomes.rng()))
