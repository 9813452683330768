from __future__ import annotations

import dataclasses
import json
import os
import random
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from incident_data import TRUTH, incident

from cluster.incident import frames
from cluster.incident.envelope import load_truth
from cluster.incident.model import EVENT_COLUMNS, Incident, Telemetry
from cluster.incident.store import IncidentError, load, save
from cluster.incident.summary import canonical, digest, read_summary
from cluster.topology import Component, Kind, Topology
from cluster.window import Onset, OnsetSource, Window


def assert_same(a: Incident, b: Incident) -> None:
    for name in ("metrics", "edge_metrics", "spans", "logs", "events"):
        pd.testing.assert_frame_equal(getattr(a.telemetry, name), getattr(b.telemetry, name), check_exact=True)
    assert a.telemetry.units == b.telemetry.units
    assert dataclasses.replace(a, telemetry=b.telemetry) == b


@pytest.mark.parametrize("name", ["x", "x.zip"])
def test_roundtrip(tmp_path: Path, name: str) -> None:
    saved = incident()
    path = save(saved, tmp_path / name, TRUTH)
    assert_same(saved, load(path))
    assert load_truth(path) == TRUTH
    seen = read_summary(path)
    assert (seen.id, seen.components, seen.sealed) == (saved.id, saved.topology.ids, True)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_empty_sources_stay_empty_and_typed(tmp_path: Path) -> None:
    bare = dataclasses.replace(incident(), telemetry=Telemetry(), onset=None, notes=())
    path = save(bare, tmp_path / "bare")
    assert_same(bare, load(path))
    assert load_truth(path) is None
    assert not read_summary(path).sealed


def test_same_incident_same_bytes(tmp_path: Path) -> None:
    first = save(incident(), tmp_path / "a.zip", TRUTH)
    second = save(incident(), tmp_path / "b.zip", TRUTH)
    assert first.read_bytes() == second.read_bytes()


def test_a_glance_at_the_files_does_not_tell_the_truth(tmp_path: Path) -> None:
    path = save(incident(), tmp_path / "x", TRUTH)
    for file in path.iterdir():
        assert b"cpu-stress" not in file.read_bytes()
        assert str(TRUTH.injected_at).encode() not in file.read_bytes()


def test_load_does_not_open_the_truth(tmp_path: Path) -> None:
    path = save(incident(), tmp_path / "x", TRUTH)
    (path / "truth.sealed").write_bytes(b"not even JSON")
    assert_same(incident(), load(path))
    with pytest.raises(IncidentError, match=r"truth\.sealed"):
        load_truth(path)


def test_truth_of_another_incident_is_refused(tmp_path: Path) -> None:
    mine = save(incident(), tmp_path / "mine", TRUTH)
    other = save(dataclasses.replace(incident(), id="ffff"), tmp_path / "other", TRUTH)
    (mine / "truth.sealed").write_bytes((other / "truth.sealed").read_bytes())
    with pytest.raises(IncidentError, match="another incident"):
        load_truth(mine)


def test_a_folder_that_a_person_zipped_is_read(tmp_path: Path) -> None:
    folder = save(incident(), tmp_path / "x", TRUTH)
    with zipfile.ZipFile(tmp_path / "by-hand.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"x/{file.name}")
    assert_same(incident(), load(tmp_path / "by-hand.zip"))


@pytest.mark.parametrize("name", ["x", "x.zip"])
def test_never_overwrites(tmp_path: Path, name: str) -> None:
    save(incident(), tmp_path / name)
    with pytest.raises(IncidentError, match="exists already"):
        save(incident(), tmp_path / name)


def _with_event() -> Incident:
    row = (1_700_000_003.0, None, "kubernetes", "Warning", "Pod/x", "BackOff", "\x1b[31m[b]\u202e", 3.0)
    events = pd.DataFrame([row], columns=list(EVENT_COLUMNS)).astype(EVENT_COLUMNS)
    saved = incident()
    return dataclasses.replace(saved, telemetry=dataclasses.replace(saved.telemetry, events=events))


@pytest.mark.parametrize("name", ["x", "x.zip"])
def test_events_are_kept(tmp_path: Path, name: str) -> None:
    assert_same(_with_event(), load(save(_with_event(), tmp_path / name)))


def test_without_events_there_is_no_file_of_them(tmp_path: Path) -> None:
    path = save(incident(), tmp_path / "x")
    assert not (path / "events.parquet").exists()
    (path / "events.parquet").write_bytes(b"of somebody else, and not named in the header")
    assert_same(incident(), load(path))


@pytest.mark.parametrize(("damage", "says"), [(None, "lacks events"), (b"no Parquet", "is damaged")])
def test_events_that_the_header_names_must_be_there(tmp_path: Path, damage: bytes | None, says: str) -> None:
    path = save(_with_event(), tmp_path / "x")
    (path / "events.parquet").unlink()
    if damage is not None:
        (path / "events.parquet").write_bytes(damage)
    with pytest.raises(IncidentError, match=says):
        load(path)


@pytest.mark.parametrize("name", ["x", "x.zip"])
def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IncidentError, match="No space left"):
        save(incident(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_encoded_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    saved = incident()
    extra = dataclasses.replace(saved.telemetry, spans=saved.telemetry.spans.assign(host="x"))
    with pytest.raises(IncidentError, match="unknown columns: host"):
        save(dataclasses.replace(saved, telemetry=extra), tmp_path / "x")
    lone = dataclasses.replace(saved, notes=("\ud800",))
    with pytest.raises(IncidentError):
        save(lone, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["nowhere", "\0", "x" * 5000])
def test_no_such_path(path: str) -> None:
    with pytest.raises(IncidentError, match="no incident at"):
        load(path)


def test_neither_folder_nor_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IncidentError, match="neither"):
        load(tmp_path / "pipe")


def test_a_folder_of_something_else_hints_at_import(tmp_path: Path) -> None:
    with pytest.raises(IncidentError, match="rca-tui import"):
        load(tmp_path)


@pytest.mark.parametrize("file", ["metrics.parquet", "edge_metrics.parquet", "spans.parquet", "logs.parquet"])
def test_missing_file(tmp_path: Path, file: str) -> None:
    path = save(incident(), tmp_path / "x")
    (path / file).unlink()
    with pytest.raises(IncidentError, match=f"lacks {file}"):
        load(path)


@pytest.mark.parametrize("file", ["incident.json", "metrics.parquet"])
def test_a_link_in_a_folder_is_not_followed(tmp_path: Path, file: str) -> None:
    path = save(incident(), tmp_path / "x")
    (path / file).rename(tmp_path / file)
    (path / file).symlink_to(tmp_path / file)
    with pytest.raises(IncidentError, match="is a link"):
        load(path)


@pytest.mark.parametrize("name", ["x", "x.zip"])
def test_damage_is_told_or_harmless(tmp_path: Path, name: str) -> None:
    """Flip or cut anywhere: an IncidentError, or exactly the incident that was saved; never anything else."""
    saved = incident(rows=30)
    path = save(saved, tmp_path / name, TRUTH)
    files = [path] if path.is_file() else sorted(path.iterdir())
    rng = random.Random(3)
    told = 0
    for _ in range(120):
        file = rng.choice(files)
        whole = file.read_bytes()
        broken = bytearray(whole)
        if rng.random() < 0.3:
            del broken[rng.randrange(len(broken)) :]
        else:
            for _ in range(rng.choice([1, 1, 8])):
                broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        file.write_bytes(broken)
        try:
            assert_same(saved, load(path))
            assert load_truth(path) == TRUTH
        except IncidentError as error:
            told += 1
            assert "\n" not in str(error)
        file.write_bytes(whole)
    assert told > 80


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = hnp.arrays("float64", (5, 3), elements=st.floats(allow_nan=True, allow_infinity=True, width=64))


@settings(max_examples=60, deadline=None)
@given(columns=st.lists(st.tuples(names, names), min_size=3, max_size=3, unique=True), data=values)
def test_any_names_and_numbers_survive(columns: list[tuple[str, str]], data: np.ndarray) -> None:
    frame = pd.DataFrame(
        data,
        index=pd.Index(np.arange(5.0), name="time"),
        columns=pd.MultiIndex.from_tuples(columns, names=["component", "signal"]),
    )
    back = frames.wide_from_parquet(frames.wide_to_parquet(frame), ["component", "signal"])
    pd.testing.assert_frame_equal(frame, back, check_exact=True)


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "x.zip"
    path.write_bytes(content)
    with pytest.raises(IncidentError) as raised:
        load(path)
    assert "\n" not in str(raised.value)


def test_a_drill_of_the_usual_size_is_small(tmp_path: Path) -> None:
    path = save(incident(rows=240, spans=6000, logs=5000), tmp_path / "x.zip")
    assert path.stat().st_size < 400_000


@pytest.mark.parametrize(("start", "end"), [(0.0, float("inf")), (-1.7e308, 1.7e308), (0.0, 1e12), (float("nan"), 1.0)])
def test_a_window_lies_where_a_calendar_does(start: float, end: float) -> None:
    with pytest.raises(ValueError, match="between the years 1 and 9999"):
        Window(start, end)


@pytest.mark.parametrize("time", [1e300, float("nan"), float("-inf")])
def test_an_onset_lies_where_a_calendar_does(time: float) -> None:
    with pytest.raises(ValueError, match="between the years 1 and 9999"):
        Onset(time, OnsetSource.OPERATOR)


def test_weights_of_edges_are_kept_and_leave_other_incidents_as_they_were(tmp_path: Path) -> None:
    plain = incident()
    assert b"weight" not in (save(plain, tmp_path / "plain") / "incident.json").read_bytes()
    edges = (*(dataclasses.replace(edge, weight=0.25) for edge in plain.topology.edges),)
    components = (*plain.topology.components, Component("replica-0-worker-1", Kind.WORKER, labels={"phase": "decode"}))
    weighted = dataclasses.replace(plain, topology=Topology(components, edges, plain.topology.front_door))
    assert_same(weighted, load(save(weighted, tmp_path / "weighted")))


@pytest.mark.parametrize(
    ("weight", "says"),
    [(2, "must be at most 1"), (-0.1, "must be at least 0"), ("NaN", "must be"), ("x", "must be a number")],
)
def test_a_weight_that_is_no_share_is_refused(tmp_path: Path, weight: object, says: str) -> None:
    file = save(incident(), tmp_path / "x") / "incident.json"
    envelope = json.loads(file.read_text())
    envelope["incident"]["topology"]["edges"][0]["weight"] = weight
    envelope["sha256"] = digest(canonical(envelope["incident"]))
    file.write_text(json.dumps(envelope))
    with pytest.raises(IncidentError, match=f"weight: {says}"):
        load(tmp_path / "x")
