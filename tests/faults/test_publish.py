"""Drills made small: their ids are counted, all else stays."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from cluster.incident import envelope, library, store
from cluster.incident.model import Incident
from cluster.incident.seal import Seal
from cluster.incident.truth import Truth
from faults.recording import publish

TRUTH = Truth(("replica-1",), "cpu-stress", 1000.0, 1060.0, {"workers": 4})
TREE = pd.DataFrame(
    {
        "trace_id": ["bab8", "bab8", "c85b", "c85b"],
        "span_id": ["a4b9", "d095", "c85b", "ebdc"],
        "parent_id": [None, "a4b9", None, "0000"],
    },
    dtype="string",
    index=[3, 5, 6, 9],
)


def drill(number: str) -> Incident:
    """A recorded drill under an id of its own: with that of a shipped one another truth would be an edited one."""
    incident = dataclasses.replace(library.load("drill-05"), id=number * 8)
    ids = {c: incident.telemetry.spans[c].map(_as_recorded, na_action="ignore").astype("string") for c in TREE}
    spans = incident.telemetry.spans.assign(**ids)
    return dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, spans=spans))


def _as_recorded(number: str) -> str:
    """An id as tracing makes them, for the number that stands for it in what is shipped."""
    return hashlib.sha256(number.encode()).hexdigest()[:16]


def test_ids_become_numbers_that_belong_together_as_before() -> None:
    numbers = publish.counted(TREE)
    assert numbers.index.equals(TREE.index)
    assert numbers.dtypes.equals(TREE.dtypes)
    assert numbers["trace_id"].tolist() == ["0", "0", "1", "1"]
    assert numbers["span_id"].tolist() == ["0", "1", "2", "3"]
    assert numbers["parent_id"].fillna("root").tolist() == ["root", "0", "root", "4"], "one parent was not recorded"


def test_a_drill_is_the_same_but_for_its_ids(tmp_path: Path) -> None:
    recorded = drill("5")
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    path = store.save(recorded, tmp_path / "from" / "drill-67.zip", TRUTH, Seal.ALL)
    assert publish.main([str(path.parent), str(tmp_path / "to")]) == 0
    small = tmp_path / "to" / "drill-67.zip"
    published = store.load(small)
    pd.testing.assert_frame_equal(published.telemetry.metrics, recorded.telemetry.metrics)
    pd.testing.assert_frame_equal(published.telemetry.logs, recorded.telemetry.logs)
    others = ["component", "operation", "start", "duration", "error"]
    pd.testing.assert_frame_equal(published.telemetry.spans[others], recorded.telemetry.spans[others])
    assert (envelope.load_truth(small), envelope.seal_of(small)) == (TRUTH, Seal.ALL)
    assert small.stat().st_size < path.stat().st_size * 0.8


def test_the_folder_tells_whose_truths_are_the_recorded_ones(tmp_path: Path) -> None:
    source, target = tmp_path / "from", tmp_path / "to"
    for number in (67, 68):
        store.save(drill(str(number)), source / f"drill-{number}.zip", TRUTH, Seal.ALL)
    split = {"seed": 7, "developed": ["drill-67", "drill-69"], "scored": ["drill-68"]}
    (source / "split.json").write_text(json.dumps(split))
    assert publish.main([str(source), str(target)]) == 0
    assert json.loads((target / "split.json").read_text()) == split | {"developed": ["drill-67"]}
    before = (target / "drill-67.zip").stat().st_mtime_ns
    assert publish.main([str(source), str(target)]) == 0
    assert (target / "drill-67.zip").stat().st_mtime_ns == before, "what is there stays"
    incidents = [store.load(path) for path in sorted(target.glob("*.zip"))]
    assert [*json.loads((target / "truths.json").read_text())] == [incident.id for incident in incidents]


@pytest.mark.parametrize(
    ("content", "told"),
    [('{"seed": 8, "developed": [], "scored": []}', "holds drills of seed 7"), ("{}", "lists"), ("{", "not JSON")],
)
def test_a_split_is_lost_to_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, told: str
) -> None:
    (tmp_path / "to").mkdir()
    kept = '{"seed": 7, "developed": [], "scored": ["drill-67"]}'
    (tmp_path / "to" / "split.json").write_text(kept)
    (tmp_path / "split.json").write_text(content)
    store.save(drill("9"), tmp_path / "drill-90.zip", TRUTH, Seal.ALL)
    assert publish.main([str(tmp_path), str(tmp_path / "to")]) == 2
    assert told in capsys.readouterr().err
    assert (tmp_path / "to" / "split.json").read_text() == kept
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["split.json"], "nothing is published before"


def test_what_is_no_drill_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.save(drill("5"), tmp_path / "drill-67.zip")
    assert publish.main([str(tmp_path), str(tmp_path / "to")]) == 2
    assert "has no sealed truth: it is no recorded drill" in capsys.readouterr().err
