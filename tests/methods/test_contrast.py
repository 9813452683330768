"""The contrast: SHAP values that add up, a model that cannot fool itself, and a cache that knows its content."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.incident.model import Incident
from methods.answer.types import NoRanking, Ranking, Reason
from methods.contrast import Contrast
from methods.running import cached_results, runner
from methods.telemetry.separation import end_of_trouble, held_out, placebos


def quick() -> Contrast:
    return Contrast(trees=40, trees_to_check=15)


def contrast(incident: Incident) -> Ranking | NoRanking:
    return quick().rank(incident, np.random.default_rng(0))


def test_the_values_sum_to_what_the_model_answers(incident: Incident) -> None:
    found = contrast(incident)
    assert isinstance(found, Ranking)
    numbers = next(s for s in found.explanation.steps if s.title == "Contribution by signal").numbers
    assert sum(c.score for c in found.components) == pytest.approx(numbers["sum"], abs=1e-9)
    assert numbers["base"] == pytest.approx(0.5, abs=0.05)
    assert 0.8 < numbers["predicted"] <= 1.0


def test_nothing_to_tell_apart_is_said_with_the_numbers(make_incident: Callable[..., Incident]) -> None:
    whole = make_incident()
    rng = np.random.default_rng(5)
    frame = whole.telemetry.metrics
    noise = pd.DataFrame(rng.normal(10.0, 1.0, frame.shape), index=frame.index, columns=frame.columns)
    found = contrast(replaced(whole, noise))
    assert isinstance(found, NoRanking)
    assert found.reason is Reason.NOT_APPLICABLE
    assert "cannot separate the fault window from the baseline" in found.detail


def replaced(incident: Incident, metrics: pd.DataFrame) -> Incident:
    return dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, metrics=metrics))


def test_held_out_stretches_are_not_learnt_from() -> None:
    """A walk that goes nowhere: neighbours give a sample away, and a test on neighbours would be near perfect."""
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(1)
    areas = []
    for _ in range(10):
        walk = np.cumsum(rng.normal(size=(200, 1)), axis=0)
        fault = np.arange(200) % 100 >= 50
        areas.append(held_out(lambda: KNeighborsClassifier(3), walk, fault))
    assert np.mean(areas) < 0.65


def test_drift_alone_can_be_told_apart_and_placebos_show_it() -> None:
    from sklearn.linear_model import LogisticRegression

    drift = np.linspace(0.0, 1.0, 120)[:, None] * np.ones((1, 3))
    assert max(placebos(LogisticRegression, drift)) > 0.9


def test_the_trouble_ends_when_the_sli_is_well_again(make_incident: Callable[..., Incident]) -> None:
    whole = make_incident()
    assert whole.onset is not None
    frame = whole.telemetry.metrics.copy()
    front = whole.topology.front_door
    times = frame.index.to_numpy()
    sick = (times >= whole.onset.time) & (times < whole.onset.time + 20)
    for signal in whole.telemetry.signals_of(str(front)):
        if signal.startswith("latency"):
            frame[(front, signal)] = np.where(sick, 10.0, 0.5)
    end = end_of_trouble(replaced(whole, frame), whole.onset.time)
    assert end == pytest.approx(times[sick][-1] + np.median(np.diff(times)))


@pytest.mark.slow
def test_it_is_run_once_for_the_same_content(
    incident: Incident, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = cached_results.run_contrast(incident)
    assert first is not None
    assert isinstance(first.outcome, Ranking)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it was kept")

    with monkeypatch.context() as patch:
        patch.setattr(runner, "run", never)
        again = cached_results.run_contrast(incident)
        assert again is not None
        assert again.outcome == first.outcome
    file = tmp_path / "rca-tui" / "rankings.jsonl"
    key = file.read_text().split(" ")[0]
    file.write_text(f'{key} {{"components": [1e999]}}')
    damaged = cached_results.run_contrast(incident)
    assert damaged is not None
    assert damaged.outcome == first.outcome
