"""The parts that `serving` is made of, by hand-made numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student
from serving_incident import incident

from cluster.signals import Hurts
from cluster.topology import Component, Edge, Kind, Relation, Topology, calls
from methods import catalog
from methods.answer.consensus import NO_VOTE
from methods.peers import contrasts
from methods.peers.blocks import blocks_of
from methods.peers.contrasts import Stretches
from methods.peers.evidence import Weights, family_factor, log_factor
from methods.peers.families import OF_CALLS, UNKNOWN, family_of, hurts
from methods.peers.groups import groups_of, hosts_of

NAN = math.nan


def among(*pairs: tuple[int, int]) -> Stretches:
    return Stretches(np.array([a for a, _ in pairs]), np.array([n for _, n in pairs]))


def test_blocks_are_means_on_a_logarithmic_scale() -> None:
    case = incident()
    blocks = blocks_of(case)
    assert blocks is not None
    assert blocks.edges.tolist() == [5.0 * i for i in range(49)]
    raw = case.telemetry.series("replica-0", "cpu_usage").to_numpy().reshape(48, 5).mean(axis=1)
    scaled = blocks.own.scaled["replica-0", "cpu_usage"]
    assert np.diff(scaled) == pytest.approx(np.diff(np.log(raw + (np.exp(scaled[0]) - raw[0]))))
    assert blocks.own.events["replica-0", "request_rate"].mean() == pytest.approx(20.0, rel=0.02)


def test_stretches_have_every_start_and_length_that_fits() -> None:
    found = contrasts.stretches(np.ones(6, dtype=np.bool_))
    pairs = list(zip(found.first.tolist(), found.length.tolist(), strict=True))
    assert pairs == [(3, 1), (4, 1), (5, 1), (3, 2), (4, 2), (0, 6)]
    assert found.older.tolist() == [False] * 5 + [True]


def test_no_stretch_starts_where_nothing_was_recorded() -> None:
    found = contrasts.stretches(np.array([True, False, True, True, False, True, True]))
    assert list(zip(found.first.tolist(), found.length.tolist(), strict=True)) == [(5, 1), (6, 1), (5, 2), (0, 7)]


def test_a_move_is_the_mean_in_the_stretch_less_the_mean_before() -> None:
    moved = contrasts.moves(np.array([[1.0, 1.0, 1.0, 3.0, 5.0], [NAN, NAN, 2.0, 2.0, 2.0]]), among((3, 2)))
    assert moved.own[0, 0] == 3.0
    assert np.isnan(moved.own[0, 1]), "one block is no baseline"


def test_a_contrast_is_in_standard_errors() -> None:
    moved = contrasts.Moves(np.array([[1.0]]), np.array([[4.0]]), np.array([[2.0]]), np.array([[0.2]]))
    # 0.2² (2/2 + 1/4) + 0.1² + (0.5 · 0.4)² + 0.01
    error = math.sqrt(0.05 + 0.01 + 0.04 + 0.01)
    found = moved.contrast(np.array([[0.4]]), floor=0.1, follow=0.5, counting=0.01)
    assert found[0, 0] == pytest.approx(0.6 / error)


def test_a_component_is_not_its_own_control() -> None:
    own = np.array([[0.0, 1.0, 2.0, 9.0]])
    assert contrasts.median_of_others(own).tolist() == [[2.0, 2.0, 1.0, 1.0]]
    assert contrasts.median_of_others(np.array([[4.0, 2.0]])).tolist() == [[1.0, 2.0]]


def test_most_calls_are_more_than_half_of_them() -> None:
    of_four = np.array([[5.0, 5.0, 0.0, -1.0], [5.0, 4.0, 3.0, 0.0], [NAN, NAN, 2.0, 1.0]])
    assert contrasts.of_most(of_four).tolist() == [0.0, 3.0, 1.0]


def test_where_nothing_lies_before_the_peers_are_the_baseline() -> None:
    series = np.array([[1.0] * 4, [1.0] * 4, [1.2] * 4, [4.0] * 4])
    at = among((0, 4))
    moved = contrasts.moves(series, at, contrasts.level_of_peers(series, at))
    z = moved.contrast(contrasts.median_of_others(moved.own), floor=0.1, follow=0.5)
    assert z[0, 3] > 9.0
    assert abs(z[0, :3]).max() < 1.0
    assert np.isnan(contrasts.moves(series, at).own).all(), "without a level there is no change"


def test_counts_vary_by_one_over_the_events() -> None:
    events = np.array([[4.0, 4.0, 4.0, 2.0, 2.0]])
    assert contrasts.counting_variance(events, among((3, 2)))[0, 0] == pytest.approx(1 / 4.5)


def test_the_factor_of_a_contrast_is_that_of_two_student_ts() -> None:
    weights = Weights()
    z = np.array([0.0, 1.0, 4.0, -9.0])
    wide = math.hypot(1, weights.slab)
    expected = student.logpdf(z, weights.tails, scale=wide) - student.logpdf(z, weights.tails)
    assert log_factor(z, weights) == pytest.approx(expected)


def test_a_family_that_stays_counts_against_and_twice_the_same_counts_once() -> None:
    weights = Weights()
    strong, still = np.array([[8.0]]), np.array([[0.0]])
    assert family_factor([still], weights)[0, 0] < 0
    assert family_factor([strong, strong], weights) == pytest.approx(family_factor([strong], weights))
    assert family_factor([np.array([[NAN]])], weights)[0, 0] == 0.0, "what was not measured says nothing"


def test_groups_share_their_callers_and_their_kind() -> None:
    topology = Topology(
        (
            Component("g", Kind.GATEWAY),
            Component("h", Kind.HEAD),
            Component("n", Kind.NODE),
            Component("r", Kind.REPLICA),
            Component("s", Kind.SERVICE),
        ),
        (*calls("g", ("h", "r", "s")), Edge("r", "n", Relation.RUNS_ON)),
    )
    assert [group.members for group in groups_of(topology)] == [("g",), ("h", "r"), ("n",), ("s",)]
    assert groups_of(topology)[1].caller == "g"
    assert hosts_of(topology) == {"n"}


def test_the_tools_own_method_is_listed_and_has_no_vote() -> None:
    assert [entry.name for entry in catalog.OWN] == ["serving"]
    assert catalog.listed()[0].name == "serving"
    assert "serving" not in {entry.name for entry in catalog.entries()}
    assert "serving" in NO_VOTE
    assert catalog.entry("serving").family == "serving"


def test_the_noise_of_a_thousand_members_takes_time_in_proportion(monkeypatch) -> None:
    sorted_values = 0
    plain = np.partition

    def counted(values, *rest):
        nonlocal sorted_values
        sorted_values += values.size
        return plain(values, *rest)

    monkeypatch.setattr(np, "partition", counted)
    series = np.random.default_rng(0).standard_normal((50, 72))
    found = contrasts.moves(series, contrasts.stretches(np.ones(72, dtype=np.bool_)))
    assert sorted_values < 6 * series.size
    assert np.all((found.noise > 0.7) & (found.noise < 1.3))


def test_the_noise_of_a_signal_does_not_depend_on_its_level() -> None:
    series = np.random.default_rng(0).standard_normal((1, 40))
    at = contrasts.stretches(np.ones(40, dtype=np.bool_))
    low, high = contrasts.moves(series, at).noise, contrasts.moves(series + 1e6, at).noise
    np.testing.assert_allclose(low, high, rtol=1e-6)
    assert not contrasts.moves(np.full((1, 40), 1e6), at).noise.any()


def test_signals_whose_names_say_nothing_count_once_all_together() -> None:
    assert family_of("m17", False) == family_of("saturation", False) == UNKNOWN
    assert family_of("m17", True) == OF_CALLS + UNKNOWN
    assert family_of("restarts", False) == "restarts"


@pytest.mark.parametrize(
    ("signal", "family", "worse"),
    [
        ("latavg", "latency", Hurts.UP),
        ("clientlat", "latency", Hurts.UP),
        ("entry_latency", "latency", Hurts.UP),
        ("Availability", "errors", Hurts.DOWN),
        ("error_count", "errors", Hurts.UP),
        ("workload", "work", Hurts.EITHER),
        ("mem", "memory", Hurts.EITHER),
        ("translation", UNKNOWN, Hurts.EITHER),
        ("members", UNKNOWN, Hurts.EITHER),
    ],
)
def test_signals_of_other_systems_are_known_by_words_in_their_names(signal: str, family: str, worse: Hurts) -> None:
    assert (family_of(signal, False), hurts(signal)) == (family, worse)


def test_without_a_control_what_was_never_seen_may_happen_once_in_so_long() -> None:
    weights, huge = Weights(), np.array([[1e6]])
    found = family_factor([huge], weights, chance=0.02)[0, 0]
    assert found == pytest.approx(math.log(1 - weights.share + weights.share * 50), rel=1e-3)
    assert family_factor([huge / 1e4], weights, chance=0.02)[0, 0] < found, "the larger change still counts more"


def test_with_one_other_member_it_is_open_who_of_the_two_moved() -> None:
    own = np.array([[1.0, 3.0, NAN], [1.0, 2.0, 3.0]])
    assert contrasts.one_other(own).tolist() == [[True, True, False], [False, False, False]]
    assert contrasts.median_of_others(own)[0, 1] == 0.5
    assert contrasts.median_of_others(own)[1, 1] == 2.0
