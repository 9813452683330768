"""Files that were made to mislead, to fill the memory or to break the reader: one sentence each, and nothing worse."""

from __future__ import annotations

import base64
import hashlib
import io
import json
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
from incident_data import TRUTH, incident

from cluster.incident import container, frames
from cluster.incident.container import Reader
from cluster.incident.envelope import load_truth
from cluster.incident.model import SPAN_COLUMNS
from cluster.incident.store import IncidentError, load, save
from cluster.incident.summary import canonical, read_summary


def rewrite(
    path: Path, change: Callable[[dict[str, object]], None], envelope: Callable[[dict], None] | None = None
) -> None:
    """Edit the header as an attacker would, with the digest made right again."""
    whole = json.loads((path / "incident.json").read_text())
    change(whole["incident"])
    whole["sha256"] = hashlib.sha256(canonical(whole["incident"])).hexdigest()
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
        (lambda body: body.update({"\x1b[2J": 1}), "not valid: �\\[2J: there is no such field"),
        (lambda body: body.pop("window"), "window"),
        (lambda body: body["window"].update(end=float("nan")), "window"),
        (lambda body: body["window"].update(end=0.0), "start before it ends"),
        (lambda body: body.update(window={"start": -1.7e308, "end": 1.7e308}), "window.start"),
        (lambda body: body["onset"].update(time=1e300), "onset.time"),
        (lambda body: body.update(notes=[""] * 1001), "notes"),
        (lambda body: body["topology"].update(components=body["topology"]["components"][:1] * 60_000), "components"),
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


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda body: body.pop("window"), "window: it is missing"),
        (lambda body: body.update(window=[]), "window: it has the wrong type"),
        (lambda body: body["window"].update(end=float("nan")), "years 1 and 9999"),
        (lambda body: body["window"].update(end=10**400), "window.end: must be finite"),
        (lambda body: body["window"].update(end=True), "window.end: must be a number"),
        (lambda body: body["window"].update(end=0.0), "start before it ends"),
        (lambda body: body.update(deployment="x" * 1025), "deployment: must have at most 1024"),
        (lambda body: body.update(id="\ud800"), "id: must be text"),
        (lambda body: body.pop("topology"), "topology: it is missing"),
        (lambda body: body["topology"].update(components=[7]), "id: it is missing"),
        (lambda body: body["topology"].update(components=body["topology"]["components"][:1] * 60_000), "at most 50000"),
        (lambda body: body["topology"]["components"].append(body["topology"]["components"][0]), "unique"),
        (lambda body: body["topology"]["components"][0].update(labels=None), "labels: it is missing"),
        (lambda body: body["topology"]["components"][0].update(labels={"engine": [1]}), "engine: it has the wrong"),
    ],
)
def test_hostile_header_in_a_list(tmp_path: Path, change: Callable[[dict[str, object]], None], says: str) -> None:
    path = save(incident(), tmp_path / "x")
    rewrite(path, change)
    with pytest.raises(IncidentError, match=f"incident.json in .* is not valid: .*{says}"):
        read_summary(path)


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
        (wide(time=[1.0, float("nan")]), "no calendar"),
        (wide(time=[1e300, 2e300]), "no calendar"),
        (wide(time=[2.0, 1.0]), "ascending"),
        (wide(time=[1.0, 1.0]), "unique"),
        (parquet(pa.table({"time": [1.0], '["a"]': [1.0]})), "list of 2 names"),
        (parquet(pa.table({"time": [1.0], "a_b": [1.0]})), "list of 2 names"),
        (parquet(pa.table({"time": [1.0], '["a", 1]': [1.0]})), "list of 2 names"),
        (parquet(pa.table({"time": [1.0], '["a", "b"]': ["1"]})), "is text"),
        (parquet(pa.table({"time": [1.0], '["a", "b"]': [True]})), "not a double"),
        (parquet(pa.table([[1.0], [1.0], [1.0]], names=["time", '["a", "b"]', '["a","b"]'])), "duplicate"),
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
        (span_table(start=pa.array([float("inf")])), "no calendar"),
        (span_table(start=pa.array([1e300])), "no calendar"),
        (span_table(duration=pa.array([1])), "not a double"),
        (parquet(pa.table({"trace_id": ["a"]})), "expected trace_id"),
    ],
)
def test_hostile_spans(tmp_path: Path, content: bytes, says: str) -> None:
    path = save(incident(), tmp_path / "x")
    put(path, "spans.parquet", content)
    with pytest.raises(IncidentError, match=says):
        load(path)


def repeated(rows: int) -> pa.DictionaryArray:
    """One long line in every row, which takes little room in a file."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype="int32")), pa.array(["x" * 100_000]))


def test_text_that_is_repeated_without_end_is_not_expanded(tmp_path: Path) -> None:
    rows = 20_000
    line = repeated(rows)
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
    with pytest.raises(IncidentError, match="are the most"):
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


def test_a_list_of_files_without_end_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zip_of(tmp_path / "x.zip", {f"{i}": b"" for i in range(300)})

    def read(*_: object) -> None:
        raise AssertionError("the whole list was read")

    monkeypatch.setattr(zipfile.ZipFile, "__init__", read)
    with pytest.raises(IncidentError, match="lists 300 files, 64 are the most"):
        load(path)


@pytest.mark.parametrize("name", ["x", "x.zip"])
def test_the_limit_that_was_broken_is_the_one_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = save(incident(), tmp_path / name, TRUTH)
    with Reader(path) as reader:
        with pytest.raises(IncidentError, match=r"its truth\.sealed is larger than 8 B"):
            reader.read("truth.sealed", 8)
        monkeypatch.setattr(reader, "_left", 4)
        with pytest.raises(IncidentError, match=r"with its truth\.sealed it holds more than 512 MiB in all"):
            reader.read("truth.sealed", 8)


@pytest.mark.parametrize(
    ("limit", "most", "said"),
    [
        ("_FOOTER", 100, "its description is longer than 100 B"),
        ("_COLUMNS", 2, "5 columns, 2 are the most"),
        ("CELLS", 3, "rows of 5 columns, 3 values are the most"),
    ],
)
def test_a_table_is_told_which_limit_it_broke(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int, said: str
) -> None:
    frame = pd.DataFrame(0.0, index=[1.0, 2.0], columns=pd.MultiIndex.from_product([["a", "b"], ["x", "y"]]))
    content = frames.wide_to_parquet(frame)
    monkeypatch.setattr(frames, limit, most)
    with pytest.raises(ValueError, match=said):
        frames.wide_from_parquet(content, ["component", "signal"])


@pytest.mark.parametrize("when", [{"injected_at": -1.7e308}, {"reverted_at": 1.7e308}])
def test_a_truth_lies_where_a_calendar_does(tmp_path: Path, when: dict[str, float]) -> None:
    path = save(incident(), tmp_path / "x", TRUTH)
    truth = {"incident": incident().id, **TRUTH.as_json()} | when
    packed = base64.b64encode(zlib.compress(json.dumps(truth).encode())).decode()
    (path / "truth.sealed").write_text(json.dumps({"schema": 1, "sealed": packed}))
    with pytest.raises(IncidentError, match="damaged"):
        load_truth(path)


def test_link_in_a_zip(tmp_path: Path) -> None:
    with pytest.raises(IncidentError, match="holds the link"):
        load(zip_of(tmp_path / "x.zip", {"incident.json": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777))


def test_an_encrypted_zip_is_told_as_one(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "x.zip", {"incident.json": b"{}"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(IncidentError, match="is encrypted"):
        load(path)


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
    monkeypatch.setattr("cluster.incident.summary._HEADER_LIMIT", 1000)
    with pytest.raises(IncidentError, match=r"incident\.json is larger than 0\.977 KiB"):
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
    with pytest.raises(IncidentError, match="512 MiB in all"):
        load(path)


def test_the_limit_holds_for_all_files_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(incident(), tmp_path / "x")
    total = sum(file.stat().st_size for file in path.iterdir())
    monkeypatch.setattr(container, "LIMIT", total)
    load(path)
    monkeypatch.setattr(container, "LIMIT", total - 1)
    with pytest.raises(IncidentError, match=r"it holds more than .* in all"):
        load(path)


def test_a_truth_that_unpacks_without_end(tmp_path: Path) -> None:
    path = save(incident(), tmp_path / "x", TRUTH)
    packed = base64.b64encode(zlib.compress(bytes(5_000_000))).decode()
    (path / "truth.sealed").write_text(json.dumps({"schema": 1, "sealed": packed}))
    with pytest.raises(IncidentError, match="damaged"):
        load_truth(path)


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_what_unpacks_in_pieces_is_unpacked(tmp_path: Path, kind: int) -> None:
    path = zip_of(tmp_path / "x.zip", {"incident.json": b" " * 100}, kind)
    with pytest.raises(IncidentError, match="compression"):
        load(path)


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (
            pa.DictionaryArray.from_arrays(pa.array(np.zeros(20_000, dtype="int32")), pa.array(["x" * 100_000])),
            "is text",
        ),
        (pa.array([[0.0] * 100] * 20_000), "holds lists"),
        (pa.array([b"x" * 100] * 20_000, pa.binary(100)), "lists or bytes"),
    ],
)
def test_numbers_that_are_something_else_are_not_read(tmp_path: Path, column: pa.Array, says: str) -> None:
    path = save(incident(), tmp_path / "x")
    table = pa.table({"time": np.arange(20_000.0), "replica-0|cpu_usage": column})
    put(path, "metrics.parquet", parquet(table, compression="zstd", store_schema=False))
    with pytest.raises(IncidentError, match=says):
        load(path)
