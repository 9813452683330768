"""What every check is held to."""

from __future__ import annotations

import dataclasses
import re

import pandas as pd
import pytest

from cluster.incident.model import Incident, Telemetry
from cluster.signals import SIGNALS
from cluster.topology import Topology
from cluster.window import Window
from faults import catalog as faults
from guidelines import catalog, checkup, prices, survey
from guidelines.blind_spots import MODES
from guidelines.types import Finding, Guideline, Removal, Verdict
from methods import catalog as methods

GUIDELINES = catalog.entries()
REMOVALS = [pytest.param(removal, id=f"{g.name}: {removal.name}") for g in GUIDELINES for removal in g.removals]


def test_numbers_go_up_and_names_and_titles_differ() -> None:
    assert [g.number for g in GUIDELINES] == list(range(1, len(GUIDELINES) + 1))
    assert len({g.name for g in GUIDELINES}) == len({g.title for g in GUIDELINES}) == len(GUIDELINES)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", g.name) for g in GUIDELINES)


@pytest.mark.parametrize("guideline", GUIDELINES, ids=lambda g: g.name)
def test_what_it_leaves_blind_exists(guideline: Guideline) -> None:
    assert set(guideline.methods) <= {entry.name for entry in methods.entries()}
    assert set(guideline.faults) <= {entry.name for entry in faults.entries()}
    assert set(guideline.modes) <= set(MODES)
    assert set(guideline.signals) <= set(SIGNALS)
    for named in (guideline.faults, guideline.methods, guideline.modes):
        assert named and len(set(named)) == len(named)


@pytest.mark.parametrize("guideline", GUIDELINES, ids=lambda g: g.name)
def test_its_page_is_whole(guideline: Guideline) -> None:
    assert guideline.what.endswith(".") and guideline.why.endswith(".")
    assert guideline.evidence and guideline.change
    assert all(change.where and change.setting for change in guideline.change)
    assert bool(guideline.removals) != bool(guideline.not_removed), "either a price, or why it has none"


def test_every_mode_is_hidden_by_some_check() -> None:
    assert {mode for g in GUIDELINES for mode in g.modes} == set(MODES)


@pytest.mark.parametrize("guideline", GUIDELINES, ids=lambda g: g.name)
def test_nothing_to_see_is_no_pass(guideline: Guideline) -> None:
    nothing = Incident("0", "local", Window(0, 60), Topology(()), Telemetry())
    assert guideline.look(survey.of_incident(nothing, "nothing")).verdict is not Verdict.PASS


@pytest.mark.parametrize("removal", REMOVALS)
def test_a_removal_changes_a_copy(removal: Removal, drill: Incident) -> None:
    before = dataclasses.replace(
        drill.telemetry, metrics=drill.telemetry.metrics.copy(), spans=drill.telemetry.spans.copy()
    )
    after = removal.apply(drill)
    pd.testing.assert_frame_equal(before.metrics, drill.telemetry.metrics)
    pd.testing.assert_frame_equal(before.spans, drill.telemetry.spans)
    assert (after.id, after.window, after.topology) == (drill.id, drill.window, drill.topology)
    frames = ("metrics", "edge_metrics", "spans", "logs")
    assert any(not getattr(after.telemetry, f).equals(getattr(drill.telemetry, f)) for f in frames)


def test_the_report_counts_passes_alone(drill: Incident) -> None:
    report = checkup.run(survey.of_incident(drill, "drill"))
    counts = checkup.as_data(report)
    assert counts["pass"] + counts["fail"] + counts["unknown"] == counts["checks"] == len(GUIDELINES)
    assert report.score == f"{counts['pass']} of {len(GUIDELINES)}"
    assert counts["unknown"] > 0


def test_the_table_that_comes_with_the_package_is_of_these_checks() -> None:
    table = prices.measured()
    assert table is not None
    assert [(p.check, p.removal) for p in table.prices] == [(g.name, r.name) for g in GUIDELINES for r in g.removals]
    assert all(p.low - 1e-9 <= p.cost <= p.high + 1e-9 for p in table.prices)
    assert set(table.methods) <= {entry.name for entry in methods.entries()}


def test_a_check_that_raises_has_no_answer_and_hides_no_other(drill: Incident) -> None:
    def broken(_: survey.Survey) -> Finding:
        raise ZeroDivisionError("by \x1b[31mzero")

    checks = (dataclasses.replace(GUIDELINES[0], look=broken), GUIDELINES[1])
    first, second = checkup.run(survey.of_incident(drill, "drill"), checks).checked
    assert first.finding.verdict is Verdict.UNKNOWN
    assert first.finding.saw == "the check itself failed: ZeroDivisionError: by �[31mzero"
    assert second.finding == GUIDELINES[1].look(survey.of_incident(drill, "drill"))


def test_names_are_those_of_the_checks() -> None:
    assert catalog.names() == tuple(g.name for g in GUIDELINES)
