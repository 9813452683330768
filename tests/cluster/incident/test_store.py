from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
import os
import random
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from incident_data import TRUTH, incident

from cluster.incident import container, frames, store
from cluster.incident.model import SPAN_COLUMNS, Incident, Telemetry, Window
from cluster.incident.store import IncidentError, load, load_truth, save, summary


def assert_same(a: Incident, b: Incident) -> None:
    for name in ("metrics", "edge_metrics", "spans", "logs"):
        pd.testing.assert_frame_equal(getattr(a.telemetry, name), getattr(b.telemetry, name), check_exact=True)
    assert a.telemetry.units == b.telemetry.units
    assert dataclasses.replace(a, telemetry=b.telemetry) == b


@pytest.mark.parametrize("name", ["x", "x.zip"])
def test_roundtrip(tmp_path: Path, name: str) -> None:
    saved = incident()
    path = save(saved, tmp_path / name, TRUTH)
    assert_same(saved, load(path))
    assert load_truth(path) == TRUTH
    seen = summary(path)
    assert (seen.id, seen.components, seen.sealed) == (saved.id, saved.topology.ids, True)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_empty_sources_stay_empty_and_typed(tmp_path: Path) -> None:
    bare = dataclasses.replace(incident(), telemetry=Telemetry(), onset=None, notes=())
    path = save(bare, tmp_path / "bare")
    assert_same(bare, load(path))
    assert load_truth(path) is None
    assert not summary(path).sealed


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


def rewrite(
    path: Path, change: Callable[[dict[str, object]], None], envelope: Callable[[dict], None] | None = None
) -> None:
    """Edit the header as an attacker would, with the digest made right again."""
    whole = json.loads((path / "incident.json").read_text())
    change(whole["incident"])
    whole["sha256"] = hashlib.sha256(store._canonical(whole["incident"])).hexdigest()
    if envelope:
        envelope(whole)
    (path / "incident.json").write_text(json.dumps(whole))


def put(path: Path, name: str, content: bytes) -> None:
    """Replace a table as an attacker would, with the digest made right again."""
    (path / name).write_bytes(content)
    mark = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    rewrite(path, lambda body: body["files"].__setitem__(name, mark))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda body: body.update(surprise=1), "surprise"),
        (lambda body: body.pop("window"), "window"),
        (lambda body: body["window"].update(end=float("nan")), "window"),
        (lambda body: body["window"].update(end=0.0), "start before it ends"),
        (lambda body: body["topology"].update(front_door="ghost"), "ghost"),
        (lambda body: body["topology"]["edges"].append({"source": "a", "target": "b", "relation": "calls"}), "unknown"),
        (lambda body: body["topology"]["components"].append(body["topology"]["components"][0]), "unique"),
        (lambda body: body["topology"]["components"][0].update(kind="wizard"), "kind"),
        (lambda body: body["files"].clear(), "damaged"),
        (lambda body: body.update(id=[[[]]]), "id"),
    ],
)
def test_hostile_header(tmp_path: Path, change: Callable[[dict[str, object]], None], says: str) -> None:
    path = save(incident(), tmp_path / "x")
    rewrite(path, change)
    with pytest.raises(IncidentError, match=says):
        load(path)


@pytest.mark.parametrize("version", [2, 10**30, 0, -1, "1", True, None, 1.0])
def test_other_schema_versions(tmp_path: Path, version: object) -> None:
    path = save(incident(), tmp_path / "x")
    rewrite(path, lambda body: None, lambda whole: whole.update(schema=version))
    newer = isinstance(version, int) and version > 1
    with pytest.raises(IncidentError, match="newer rca-tui" if newer else "schema version"):
        load(path)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b'"x"'])
def test_header_that_is_no_header(tmp_path: Path, text: bytes) -> None:
    path = save(incident(), tmp_path / "x")
    (path / "incident.json").write_bytes(text)
    with pytest.raises(IncidentError, match=r"incident\.json"):
        load(path)


def parquet(table: pa.Table, **options: object) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return stream.getvalue()


def wide(**columns: list[object]) -> bytes:
    return parquet(pa.table(columns))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PAR1 this is not parquet PAR1", "cannot be used"),
        (wide(no_time=[1.0]), "first column is not time"),
        (wide(time=[1, 2]), "not a double"),
        (wide(time=[1.0, float("nan")]), "not finite"),
        (wide(time=[2.0, 1.0]), "ascending"),
        (wide(time=[1.0, 1.0]), "unique"),
        (parquet(pa.table({"time": [1.0], '["a"]': [1.0]})), "list of 2 names"),
        (parquet(pa.table({"time": [1.0], "a_b": [1.0]})), "list of 2 names"),
        (parquet(pa.table({"time": [1.0], '["a", 1]': [1.0]})), "list of 2 names"),
        (parquet(pa.table({"time": [1.0], '["a", "b"]': ["1"]})), "not a double"),
        (parquet(pa.table([[1.0], [1.0], [1.0]], names=["time", '["a", "b"]', '["a","b"]'])), "twice"),
    ],
)
def test_hostile_metrics(tmp_path: Path, content: bytes, says: str) -> None:
    path = save(incident(), tmp_path / "x")
    put(path, "metrics.parquet", content)
    with pytest.raises(IncidentError, match=says):
        load(path)


def span_table(**changed: pa.Array) -> bytes:
    kinds = {"string": pa.string(), "float64": pa.float64(), "boolean": pa.bool_()}
    columns = {name: pa.nulls(1, kinds[dtype]) for name, dtype in SPAN_COLUMNS.items()}
    columns["start"] = pa.array([1.0])
    return parquet(pa.table({**columns, **changed}))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (span_table(extra=pa.array([1.0])), "extra"),
        (span_table(error=pa.array([1])), "error is int64"),
        (span_table(component=pa.array([b"x"])), "component is"),
        (span_table(start=pa.array([float("inf")])), "not finite"),
        (span_table(duration=pa.array([1])), "not a double"),
        (parquet(pa.table({"trace_id": ["a"]})), "expected trace_id"),
    ],
)
def test_hostile_spans(tmp_path: Path, content: bytes, says: str) -> None:
    path = save(incident(), tmp_path / "x")
    put(path, "spans.parquet", content)
    with pytest.raises(IncidentError, match=says):
        load(path)


def test_text_that_is_repeated_without_end_is_not_expanded(tmp_path: Path) -> None:
    rows = 20_000
    line = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype="int32")), pa.array(["x" * 100_000]))
    content = parquet(
        pa.table(
            {
                "time": np.zeros(rows),
                "component": pa.nulls(rows, pa.string()),
                "severity": pa.nulls(rows, pa.string()),
                "message": line,
            }
        ),
        compression="zstd",
        store_schema=False,
    )
    assert len(content) < 200_000
    path = save(incident(), tmp_path / "x")
    put(path, "logs.parquet", content)
    with pytest.raises(IncidentError, match="million characters"):
        load(path)


def test_more_rows_than_any_incident_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "CELLS", 10_000)
    content = parquet(pa.table({"time": np.zeros(frames.CELLS + 1)}), compression="zstd")
    path = save(incident(), tmp_path / "x")
    put(path, "metrics.parquet", content)
    with pytest.raises(IncidentError, match="too many"):
        load(path)


def zip_of(path: Path, entries: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED, mode: int = 0o644) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = kind
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


@pytest.mark.parametrize("name", ["../incident.json", "/etc/passwd", "a/../../b", "..\\b", "C:b"])
def test_paths_that_lead_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(IncidentError, match="leads out of it"):
        load(zip_of(tmp_path / "x.zip", {name: b"{}", "incident.json": b"{}"}))


def test_link_in_a_zip(tmp_path: Path) -> None:
    with pytest.raises(IncidentError, match="holds the link"):
        load(zip_of(tmp_path / "x.zip", {"incident.json": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777))


def test_one_name_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("incident.json", b"{}")
        archive.writestr("incident.json", b"{}")
    with pytest.raises(IncidentError, match="twice"):
        load(tmp_path / "x.zip")


def test_too_many_entries(tmp_path: Path) -> None:
    with pytest.raises(IncidentError, match="not a saved incident"):
        load(zip_of(tmp_path / "x.zip", {f"f{i}": b"" for i in range(1000)}))


def test_a_bomb_stops_at_its_declared_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_HEADER_LIMIT", 1000)
    with pytest.raises(IncidentError, match="beyond what"):
        load(zip_of(tmp_path / "x.zip", {"incident.json": bytes(100_000)}))


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "x.zip", {"incident.json": bytes(10_000_000)})
    content = path.read_bytes()
    size = (10_000_000).to_bytes(4, "little")
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(IncidentError, match=r"damaged|not JSON"):
        load(path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = save(incident(), tmp_path / "x")
    with (path / "metrics.parquet").open("r+b") as stream:
        stream.truncate(10 * 2**30)
    with pytest.raises(IncidentError, match="512 MB"):
        load(path)


def test_the_limit_holds_for_all_files_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(incident(), tmp_path / "x")
    total = sum(file.stat().st_size for file in path.iterdir())
    monkeypatch.setattr(container, "LIMIT", total)
    load(path)
    monkeypatch.setattr(container, "LIMIT", total - 1)
    with pytest.raises(IncidentError, match="beyond what"):
        load(path)


def test_a_truth_that_unpacks_without_end(tmp_path: Path) -> None:
    path = save(incident(), tmp_path / "x", TRUTH)
    packed = base64.b64encode(zlib.compress(bytes(5_000_000))).decode()
    (path / "truth.sealed").write_text(json.dumps({"schema": 1, "sealed": packed}))
    with pytest.raises(IncidentError, match="damaged"):
        load_truth(path)


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


def test_window_must_be_finite() -> None:
    with pytest.raises(ValueError, match="start before it ends"):
        Window(0.0, float("inf"))
