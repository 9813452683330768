"""Provenance in saved incidents: kept as it was, absent in older ones, and refused where it makes no sense."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from cluster.incident import library, store
from cluster.incident.container import IncidentError
from cluster.provenance import Builder, Origin, Provenance, Record, described
from cluster.replay import ReplayDeployment


def provenance() -> Provenance:
    told = Builder()
    for component in ("replica-0", "replica-1"):
        told.add(component, "queue_length", Origin.MEASURED, metrics=("vllm:x",), query="sum(x)", interval=5.0)
    told.add("replica-1", "kv_usage", Origin.UNKNOWN_NAME, metrics=("acme_kv", "kv"))
    told.add("replica-0", "kv_usage", Origin.PARTIAL, reason="isPartial")
    return told.build()


def test_a_saved_incident_keeps_it(tmp_path: Path) -> None:
    incident = dataclasses.replace(library.load("drill-05"), provenance=provenance())
    loaded = store.load(store.save(incident, tmp_path / "kept"))
    assert loaded.provenance == provenance()
    samples = ReplayDeployment(loaded, "kept").samples(loaded.window, 1.0, ["kv_usage"])
    assert {record.signal for record in samples.provenance.records} == {"kv_usage"}


def test_an_incident_without_it_is_saved_as_before(tmp_path: Path) -> None:
    incident = library.load("drill-05")
    assert incident.provenance == Provenance()
    saved = json.loads((store.save(incident, tmp_path / "old") / "incident.json").read_text())
    assert "provenance" not in saved["incident"]


def test_components_in_the_same_state_share_a_record() -> None:
    first = provenance().records[0]
    assert first.components == ("replica-0", "replica-1")
    assert provenance().withheld("replica-0") == {"kv_usage"}
    assert provenance().withheld("replica-1") == frozenset()
    assert len(provenance().rows()) == 4
    assert described(first) == "measured as vllm:x, every 5 s"


def test_an_impossible_one_is_refused(tmp_path: Path) -> None:
    bad = Provenance((Record("queue_length", Origin.MEASURED, ("replica-0",), metrics=("x" * 2000,)),))
    incident = dataclasses.replace(library.load("drill-05"), provenance=bad)
    with pytest.raises(IncidentError, match="cannot save"):
        store.save(incident, tmp_path / "bad")
    assert not (tmp_path / "bad").exists()
