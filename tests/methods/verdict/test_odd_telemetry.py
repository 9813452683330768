"""Telemetry as no deployment should have it: there is always a verdict, it is plain, and it says what is missing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from serving_incident import LEVELS, ONSET, SAMPLES, incident, slow

from cluster.incident.model import Incident, Telemetry
from cluster.window import Onset, OnsetSource, Window
from methods.verdict.as_json import verdict_json
from methods.verdict.decision import decide
from methods.verdict.types import Answer, Verdict

Change = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def judged(case: Incident) -> Verdict:
    verdict = decide(case)
    plain = json.loads(json.dumps(verdict_json(verdict), allow_nan=False))
    assert plain["headline"].strip()
    assert "nan" not in plain["headline"].lower().split()
    assert verdict.nobody <= 1.0
    assert 0.0 <= verdict.probability <= 1.0
    assert verdict.answer is not Answer.UNKNOWN or verdict.unknown, "what is missing must be said"
    return verdict


def changed(case: Incident, *changes: Change, seed: int = 0) -> Incident:
    rng = np.random.default_rng(seed)
    frames = [case.telemetry.metrics.copy(), case.telemetry.edge_metrics.copy()]
    for change in changes:
        frames = [change(frame, rng) for frame in frames]
    return dataclasses.replace(case, telemetry=Telemetry(frames[0], frames[1]))


def nothing(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame * np.nan


def constant(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame * 0 + 3.0


def zero(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame * 0


def infinite(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.mask(rng.random(frame.shape) < 0.02, np.inf)


def negative(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return -frame


def counter_reset(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One sample of minus a large number: the rate over the reset of a counter that was not corrected."""
    found = frame.copy()
    for column in range(frame.shape[1]):
        found.iloc[rng.integers(SAMPLES), column] *= -1e6
    return found


def huge(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame * 1e300


def gaps(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.mask(rng.random(frame.shape) < 0.9)


def clock_step(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The clock went on by 40 s in the middle."""
    times = frame.index.to_numpy().copy()
    times[SAMPLES // 3 :] += 40.0
    return frame.set_axis(pd.Index(times, name="time"), axis=0)


def clock_back(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The clock was set back by 40 s: times are there twice, and stored in order."""
    times = frame.index.to_numpy().copy()
    times[SAMPLES // 3 :] -= 40.0
    found = frame.set_axis(pd.Index(times, name="time"), axis=0).sort_index()
    return found[~found.index.duplicated()]


def cut(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.iloc[: rng.integers(0, 12)]


def one_time(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.iloc[:1]


CHANGES: tuple[Change, ...] = (
    nothing,
    constant,
    zero,
    infinite,
    negative,
    counter_reset,
    huge,
    gaps,
    clock_step,
    clock_back,
    cut,
    one_time,
)


@pytest.mark.parametrize("change", [nothing, zero, cut, one_time])
def test_without_telemetry_it_cannot_tell(change: Change) -> None:
    assert judged(changed(incident(slow("replica-2")), change)).answer is Answer.UNKNOWN


def test_where_nothing_moves_nobody_is_named() -> None:
    assert not judged(changed(incident(slow("replica-2")), constant)).named


@pytest.mark.parametrize("change", [counter_reset, clock_step, infinite])
def test_a_flaw_of_the_collector_blames_nobody(change: Change) -> None:
    for number in range(3):
        assert not judged(changed(incident(seed=number), change, seed=number)).named


@pytest.mark.parametrize("change", [counter_reset, clock_step, infinite])
def test_a_flaw_of_the_collector_hides_no_slow_replica(change: Change) -> None:
    assert judged(changed(incident(slow("replica-2")), change)).named == ("replica-2",)


@pytest.mark.parametrize("replicas", [1, 2, pytest.param(1000, marks=pytest.mark.slow)])
def test_any_number_of_replicas_gets_a_verdict(replicas: int) -> None:
    assert not judged(incident(replicas=replicas)).named
    if replicas > 1:
        assert judged(incident(slow("replica-1"), replicas)).named == ("replica-1",)


def test_a_window_that_holds_only_the_trouble_names_nobody_for_certain() -> None:
    whole = incident(slow("replica-2"))
    frames = [frame[frame.index >= ONSET] for frame in (whole.telemetry.metrics, whole.telemetry.edge_metrics)]
    late = dataclasses.replace(whole, window=Window(float(ONSET), float(SAMPLES)), telemetry=Telemetry(*frames))
    for onset in (None, Onset(float(ONSET), OnsetSource.OPERATOR)):
        verdict = judged(late.at(onset))
        assert not verdict.named or verdict.probability < 0.9


@pytest.mark.slow
@seed(13)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(CHANGES), max_size=3),
    st.integers(1, 5),
    st.booleans(),
    st.dictionaries(st.sampled_from(sorted(LEVELS)), st.sampled_from([0.0, 0.1, 5.0, float("nan"), 1e12]), max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_there_is_a_plain_verdict_whatever_is_measured(
    changes: list[Change], replicas: int, edges: bool, factors: dict[str, float], number: int
) -> None:
    case = incident({("replica-0", signal): by for signal, by in factors.items()}, replicas, edges=edges)
    # A change that cuts comes last: the others need all samples.
    ordered = sorted(changes, key=lambda change: change in (clock_back, cut, one_time))
    if clock_back in ordered and len(ordered) > 1:
        ordered = [change for change in ordered if change is not clock_back]
    judged(changed(case, *ordered, seed=number))
