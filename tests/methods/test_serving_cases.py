"""How `python -m tests.bench serving` scores an answer, by hand-made ones."""

from __future__ import annotations

import json
from pathlib import Path

from serving_incident import incident, slow

from methods.peers.evidence import Weights
from tests.bench.serving_cases import Answer, Trial, by_serving, by_simple_rule, scored_drills, until

SLOW = Trial("drill-1", "cpu-stress", frozenset({"replica-1"}), False, incident(slow("replica-1")))
QUIET = Trial("drill-2", "load-surge", frozenset(), False, incident())


def test_nobody_is_right_where_no_component_is_at_fault() -> None:
    found = by_serving(QUIET, Weights())
    assert found.named == frozenset()
    assert found.right
    assert found.set_score == 1.0


def test_the_faulty_component_is_right_and_sure() -> None:
    found = by_serving(SLOW, Weights())
    assert found.right
    assert (found.accuracy(1), found.set_score) == (1.0, 1.0)
    assert found.sure is not None
    assert found.sure > 0.9


def test_the_simple_rule_names_the_slowest_callee() -> None:
    assert by_simple_rule(SLOW).named == {"replica-1"}


def test_blame_of_the_gateway_counts_only_for_the_fault_of_a_replica() -> None:
    places = [("gateway", 1), ("replica-1", 1), ("replica-0", 3)]
    assert Answer(SLOW, places, frozenset()).blames_upstream == 0.5
    assert Answer(QUIET, places, frozenset()).blames_upstream == 0.0
    assert Answer(SLOW, None, frozenset()).blames_upstream == 0.0


def test_the_time_before_the_fault_ends_at_the_fault() -> None:
    before = until(SLOW.incident, 120.0)
    assert before.window.end == 120.0
    assert before.telemetry.metrics.index.max() < 120.0
    assert before.telemetry.edge_metrics.index.max() < 120.0


def test_the_split_names_the_drills_that_are_scored_only(tmp_path: Path) -> None:
    manifest = tmp_path / "split.json"
    assert scored_drills(manifest) == frozenset()
    manifest.write_text(json.dumps({"scored": ["drill-70", "drill-71"]}))
    assert scored_drills(manifest) == {"drill-70", "drill-71"}
