from __future__ import annotations

import dataclasses
import itertools
import re

import numpy as np
import pytest
from scipy.special import gammaln

from cluster.window import OnsetSource, Window
from methods.telemetry import onset
from methods.telemetry.changepoint import SCALE, SHAPE, STIFFNESS, noise, segment
from methods.telemetry.onset import estimate, with_onset
from methods.telemetry.unusual import beginning, evidence, unusualness


def with_sli(incident, latency, errors=None):
    metrics = incident.telemetry.metrics.copy()
    metrics[("gateway", "latency_p90")] = latency
    metrics[("gateway", "error_ratio")] = 0.0 if errors is None else errors
    telemetry = dataclasses.replace(incident.telemetry, metrics=metrics)
    return dataclasses.replace(incident, telemetry=telemetry, onset=None)


def noisy(rng, levels) -> np.ndarray:
    return np.asarray(levels) * np.exp(0.05 * rng.standard_normal(len(levels)))


def test_finds_the_start_of_a_fault_a_little_early(make_incident) -> None:
    for seed in range(5):
        incident = make_incident(seed=seed)
        found = estimate(incident.at(None))
        assert found.onset is not None
        assert found.onset.source is OnsetSource.ESTIMATED
        assert -6.0 <= found.onset.time - incident.onset.time <= 2.0
        assert found.probability > 0.5


def test_nothing_happens_nothing_is_found(make_incident) -> None:
    assert [estimate(make_incident(seed=s, target=None).at(None)).onset for s in range(5)] == [None] * 5


def test_a_recovery_is_no_onset(incident) -> None:
    levels = [3.0] * 100 + [1.0] * 140
    assert estimate(with_sli(incident, noisy(np.random.default_rng(0), levels))).onset is None


def test_errors_alone_are_trouble(make_incident) -> None:
    incident = make_incident(target=None)
    rng = np.random.default_rng(0)
    errors = np.r_[np.zeros(150), 0.2 + 0.02 * rng.standard_normal(90)]
    found = estimate(with_sli(incident, noisy(rng, [1.0] * 240), errors))
    assert found.onset is not None
    assert found.onset.time - incident.window.start == pytest.approx(150, abs=5)
    assert "errors" in found.claim


def test_one_bad_sample_is_no_trouble(incident) -> None:
    levels = [1.0] * 60 + [40.0] + [1.0] * 179
    assert estimate(with_sli(incident, noisy(np.random.default_rng(0), levels))).onset is None


def test_the_larger_trouble_is_the_trouble(make_incident) -> None:
    incident = make_incident(target=None)
    levels = [1.0] * 60 + [1.3] * 60 + [1.0] * 60 + [4.0] * 60
    found = estimate(with_sli(incident, noisy(np.random.default_rng(1), levels)))
    assert found.onset is not None
    assert found.onset.time - incident.window.start == pytest.approx(176, abs=6)


def test_gaps_are_bridged(incident) -> None:
    latency = noisy(np.random.default_rng(2), [1.0] * 120 + [3.0] * 120)
    latency[20:50] = np.nan
    latency[125:140] = np.nan
    found = estimate(with_sli(incident, latency))
    assert found.onset is not None
    assert found.onset.time - incident.window.start == pytest.approx(117, abs=6)


def test_too_few_samples_say_nothing(incident) -> None:
    latency = np.full(240, np.nan)
    latency[:7] = 1.0
    assert estimate(with_sli(incident, latency)).onset is None


def test_trouble_that_users_feel_late_began_when_the_telemetry_moved(make_incident) -> None:
    """The replica suffers from 120 s on; the front door shows it 40 s later."""
    incident = make_incident()
    levels = [1.0] * 160 + [3.0] * 60 + [1.0] * 20
    found = estimate(with_sli(incident, noisy(np.random.default_rng(4), levels)))
    assert found.onset is not None
    assert found.onset.time == pytest.approx(incident.onset.time, abs=6)


def test_a_step_in_the_sli_of_a_short_history_is_no_onset_by_itself(make_incident) -> None:
    """Twenty samples, of which the SLI's last six are worse, as they were once before: it cannot be told when."""
    incident = make_incident(target=None, samples=20)
    latency = noisy(np.random.default_rng(5), [1.0] * 5 + [1.6] * 2 + [1.0] * 7 + [1.5] * 6)
    found = estimate(with_sli(incident, latency))
    assert found.onset is None
    assert found.claim.startswith("Cannot tell when")
    assert found.candidates
    assert found.candidates[0].probability < 0.5


@pytest.mark.parametrize("step", [1.0, 15.0, 60.0, 300.0])
def test_candidates_have_probabilities_at_any_resolution(make_incident, step) -> None:
    incident = make_incident(samples=240)
    metrics = incident.telemetry.metrics
    slower = metrics.set_axis(incident.window.start + step * np.arange(len(metrics)), axis=0)
    slower.index.name = "time"
    window = Window(incident.window.start, incident.window.start + step * len(metrics))
    telemetry = dataclasses.replace(incident.telemetry, metrics=slower)
    found = estimate(dataclasses.replace(incident, window=window, telemetry=telemetry, onset=None))
    assert found.onset is not None
    assert abs(found.onset.time - (incident.window.start + 120 * step)) <= max(6.0, 1.5 * step)
    probabilities = [candidate.probability for candidate in found.candidates]
    assert probabilities == sorted(probabilities, reverse=True)
    assert found.probability == probabilities[0] > 0.5
    assert sum(probabilities) <= 1.0 + 1e-9


def test_a_long_window_is_searched_by_the_means_of_neighbours(make_incident, monkeypatch) -> None:
    """A search takes the square of the samples: 200,000 of them took longer than anyone waits."""
    searched = []

    def counted(values, *arguments, **named):
        searched.append(len(values))
        return segment(values, *arguments, **named)

    monkeypatch.setattr(onset, "MOST_SAMPLES", 80)
    monkeypatch.setattr(onset, "segment", counted)
    incident = make_incident()
    found = estimate(incident)
    assert set(searched) == {80}
    assert found.onset is not None
    assert found.onset.time == pytest.approx(incident.onset.time, abs=6)


@pytest.mark.timeout(60)
def test_a_search_ends_on_the_smallest_and_largest_numbers_there_are(make_incident) -> None:
    """The logarithm of a thousandth of 5e-324 was none, and the segments were drawn for ever."""
    incident = make_incident()
    numbers, shares = [np.inf, np.nan, 1e308, 0, 1, 5e-324], [0.05, 0.05, 0.05, 0.05, 0.25, 0.55]
    found = estimate(with_sli(incident, np.random.default_rng(0).choice(numbers, size=240, p=shares)))
    assert all(0 <= candidate.probability <= 1 for candidate in found.candidates)


@pytest.mark.timeout(60)
def test_a_search_ends_where_samples_are_less_than_a_microsecond_apart(make_incident) -> None:
    incident = make_incident()
    metrics = incident.telemetry.metrics
    near = metrics.set_axis(metrics.index[0] + np.arange(len(metrics)) * 3e-7)
    telemetry = dataclasses.replace(incident.telemetry, metrics=near)
    assert estimate(dataclasses.replace(incident, telemetry=telemetry)).claim


def test_unusualness_has_no_unit_and_one_signal_does_not_stand_for_all() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(10.0, 1.0, (200, 8))
    values[100, 0] = 1e9
    found = unusualness(values)
    assert found[100] < 2.0
    assert unusualness(values * np.array([1e-6, 1e9, 1, 1, 1, 1, 1, 1])) == pytest.approx(found)
    assert np.isnan(unusualness(np.ones((5, 2)))).all()


def test_evidence_is_chance_in_noise_and_large_at_a_change() -> None:
    rng = np.random.default_rng(1)
    noise_only = np.exp(0.3 * rng.standard_normal(240))
    changed = noise_only * np.where(np.arange(240) >= 150, 5.0, 1.0)
    assert evidence(noise_only, 1.0).max() < 4.0
    found = evidence(changed, 1.0)
    assert found.max() > 8.0
    assert beginning(changed, int(np.argmax(found)), 1.0) == pytest.approx(150, abs=1)


def test_a_set_onset_is_left_alone_and_no_sli_leaves_none(incident) -> None:
    assert with_onset(incident).onset == incident.onset
    nowhere = dataclasses.replace(
        incident, topology=dataclasses.replace(incident.topology, front_door=None), onset=None
    )
    assert with_onset(nowhere).onset is None
    assert "front door" in estimate(nowhere).claim


def test_an_onset_is_searched_for_once_also_when_there_is_none(make_incident, monkeypatch) -> None:
    searches = []

    def counted(incident):
        searches.append(incident.id)
        return estimate(incident)

    monkeypatch.setattr(onset, "estimate", counted)
    for target in ("replica-0", None):
        searches.clear()
        placed = with_onset(make_incident(target=target).at(None))
        assert placed.onset_searched
        assert with_onset(placed) is placed
        assert len(searches) == 1
    assert not placed.at(None).onset_searched


def marginal(x: np.ndarray) -> float:
    """Log marginal likelihood under the normal-inverse-gamma prior, as in any textbook (Murphy 2007, eq. 203)."""
    n, mean = len(x), x.mean()
    scatter = ((x - mean) ** 2).sum()
    scale = SCALE + 0.5 * scatter + STIFFNESS * n * mean**2 / (2 * (STIFFNESS + n))
    shape = SHAPE + n / 2
    return float(
        gammaln(shape)
        - gammaln(SHAPE)
        + SHAPE * np.log(SCALE)
        - shape * np.log(scale)
        + 0.5 * np.log(STIFFNESS / (STIFFNESS + n))
        - n / 2 * np.log(2 * np.pi)
    )


def test_the_posterior_is_exact() -> None:
    """Against the sum over all 2^7 segmentations of 8 samples."""
    x = np.array([0.1, -0.3, 0.2, 0.0, 2.9, 3.2, 3.0, 2.7])
    hazard = 2.0 / 8
    weights, contains = [], []
    for bits in range(2**7):
        cuts = [i + 1 for i in range(7) if bits >> i & 1]
        edges = [0, *cuts, 8]
        log = len(cuts) * np.log(hazard) + (7 - len(cuts)) * np.log(1 - hazard)
        weights.append(log + sum(marginal(x[a:b]) for a, b in itertools.pairwise(edges)))
        contains.append(cuts)
    p = np.exp(np.array(weights) - np.logaddexp.reduce(weights))
    expected = [1.0] + [sum(w for w, cuts in zip(p, contains, strict=True) if i in cuts) for i in range(1, 8)]
    found = segment(x[:, None], np.ones(1))
    assert found.probability == pytest.approx(expected)
    assert list(found.boundaries) == contains[int(np.argmax(p))] == [4]


def test_draws_have_the_probabilities_of_the_posterior() -> None:
    x = np.array([0.1, -0.3, 0.2, 0.0, 2.9, 3.2, 3.0, 2.7])
    found = segment(x[:, None], np.ones(1), draws=4000)
    assert sum(found.draws.values()) == 4000
    for row in range(1, 8):
        share = sum(count for cuts, count in found.draws.items() if row in cuts) / 4000
        assert share == pytest.approx(found.probability[row], abs=0.03)


def test_noise_is_measured_around_steps_and_its_length_grows_with_smoothing() -> None:
    rng = np.random.default_rng(0)
    white = rng.standard_normal(600)
    level, length = noise(white + np.where(np.arange(600) > 400, 50.0, 0.0))
    assert level == pytest.approx(1.0, rel=0.2)
    assert length < 4
    smooth = np.convolve(rng.standard_normal(620), np.ones(10) / 10, mode="valid")[:600]
    assert noise(smooth)[1] > 5


def test_trouble_of_long_memory_that_came_once_before_is_found(incident) -> None:
    """A queue that builds up and drains, seen through a window of 15 samples, twice."""
    rng = np.random.default_rng(3)
    load = np.r_[[0.45] * 30, [13.0] * 20, [0.45] * 85, np.linspace(6, 26, 65), [0.45] * 40]
    smooth = np.convolve(np.r_[[0.45] * 14, noisy(rng, load)], np.ones(15) / 15, mode="valid")
    found = estimate(with_sli(incident, smooth))
    assert found.onset is not None
    later = int(re.search(r"seen from (\d+) s later", found.claim)[1])
    assert found.onset.time + later - incident.window.start == pytest.approx(136, abs=6)
