"""The tables of an RCAEval case, CSV or Parquet, and the names in their column headings."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cluster.incident.container import LIMIT
from cluster.incident.frames import LARGEST, plain_text, text_of
from cluster.incident.model import empty_edge_metrics
from cluster.incident.table_origins import Tables
from cluster.text.plain import plain
from cluster.text.quantities import quantity

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

_LONGEST_LINE = 16 << 20
_LONGEST_HEADING = 1024
_MOST_PARTS = 64

_CERTAIN = {"latency-50": "latency_p50", "latency-90": "latency_p90"}
"""Names that can mean one canonical signal only. All others are kept as they are, their units unknown."""


def find(case: Path, names: Sequence[str]) -> Path | None:
    """The first of the tables that the case has."""
    for name in names:
        for suffix in (".parquet", ".csv"):
            file = case / (name + suffix)
            if file.is_file():
                return file
    return None


def read(case: Path, names: Sequence[str]) -> pd.DataFrame | None:
    """That table, text as text, or None when the case has none of these. Raises ValueError when it cannot be read."""
    file = find(case, names)
    if file is None:
        return None
    if file.is_symlink():
        raise ValueError(f"{file.name} is a link: copy the file that it leads to")
    status = file.stat()
    if status.st_size > LIMIT:
        raise ValueError(f"{file.name} is larger than {quantity(LIMIT, 'bytes')}; cut the case to a shorter window")
    try:
        if file.suffix == ".csv":
            dtypes = dict.fromkeys(_TEXT.intersection(_headings(file)), "string")
            return pd.read_csv(file, dtype=dtypes or None, low_memory=False)  # a dtype is looked up for each column
        table = pq.ParquetFile(file)
        if table.metadata.num_rows * table.metadata.num_columns > LIMIT // 8:
            shape = f"{table.metadata.num_rows} rows of {table.metadata.num_columns} columns"
            raise ValueError(f"it declares {shape}, more than {LIMIT // 8} values")
        text = text_of(table.metadata)
        found = pq.ParquetFile(file, read_dictionary=text).read()
        for name in text:
            found = found.set_column(found.column_names.index(name), name, plain_text(found.column(name), name))
        return found.to_pandas(ignore_metadata=True)  # type: ignore[no-any-return]
    except (ValueError, pa.ArrowException) as error:
        raise ValueError(f"{file.name} is not a table: {error}") from error


def _headings(file: Path) -> list[str]:
    """Those of a table of CSV. Raises ValueError for some that pandas would rename, or that make no sense."""
    with file.open(newline="", encoding="utf-8") as stream:
        line = stream.readline(_LONGEST_LINE)
    headings = next(csv.reader([line]), [])
    if len(line) == _LONGEST_LINE or max(map(len, headings), default=0) > _LONGEST_HEADING:
        raise ValueError(f"a heading is longer than {_LONGEST_HEADING} characters")
    if twice := [heading for heading, times in Counter(headings).items() if times > 1 and heading]:
        raise ValueError(f"it has the column {twice[0]!r} twice")
    return headings


_TEXT = frozenset(
    {
        "traceID",
        "spanID",
        "parentSpanID",
        "serviceName",
        "methodName",
        "operationName",
        "statusCode",
        "container_name",
        "message",
        "level",
        "severity",
        "source",
        "destination",
    }
)


def seconds(values: pd.Series) -> Floats:
    """A column of times as unix seconds: s, ms, µs or ns, told by size, or dates (UTC unless they name a zone).

    Raises ValueError for what is neither.
    """
    if not pd.api.types.is_numeric_dtype(values):
        dates = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
        if len(wrong := values[dates.isna() & values.notna()]):
            raise ValueError(
                f"{plain(wrong.iloc[0], 60)!r} in {values.name} is no time: unix seconds, or as in ISO 8601"
            )
        since = (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
        return np.asarray(since.to_numpy(dtype="float64"), dtype="float64")
    numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    size = float(np.nanmedian(np.abs(numbers))) if np.isfinite(numbers).any() else 0.0
    for floor, unit in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3)):
        if size >= floor:
            return np.asarray(numbers / unit, dtype="float64")
    return numbers


def metrics(table: pd.DataFrame, named: Collection[str]) -> tuple[pd.DataFrame, Tables]:
    """Metrics in the shape of `Telemetry.metrics`, and what the table says of them.

    Args:
        named: services known from edges, spans and logs.
    """
    names = split(_values(table), named)
    columns = list(names)
    values = _numbers(table, columns)
    frame = _wide(table, list(names.values()), values, ["component", "signal"])
    beyond = (np.abs(values) >= LARGEST).sum(axis=0)
    return frame, Tables(
        names={key: (column[len(key[0]) + 1 :],) for column, key in names.items()},
        dropped={names[column]: int(count) for column, count in zip(columns, beyond, strict=True) if count},
    )


def edge_metrics(table: pd.DataFrame | None, services: Collection[str]) -> pd.DataFrame:
    """Edge latency in the shape of `Telemetry.edge_metrics`. Headings that name no two services are left out."""
    if table is None:
        return empty_edge_metrics()
    kept = {column: ends for column in _values(table) if (ends := _ends(column, services)) is not None}
    if not kept:
        return empty_edge_metrics()
    names = [(source, target, "latency_p90") for source, target in kept.values()]
    return _wide(table, names, _numbers(table, list(kept)), ["source", "target", "signal"])


def split(columns: Sequence[str], named: Collection[str]) -> dict[str, tuple[str, str]]:
    """Split `<service>_<metric>`.

    Both may contain underscores. A known service that heads the name decides, the longest one; then a metric that
    other columns have for certain, the longest; then the last underscore. Raises ValueError where there is none.
    """
    certain = {column: tuple(column.split("_")) for column in columns if column.count("_") == 1}
    services = set(named) | {parts[0] for parts in certain.values()}
    signals = {parts[1] for parts in certain.values()}
    found = {}
    for column in columns:
        halves = list(_halves(column))
        if not halves:
            raise ValueError(f"the column {column!r} is not <service>_<metric>")
        by_service = [half for half in halves if half[0] in services]
        by_signal = [half for half in halves if half[1] in signals]
        service, signal = by_service[-1] if by_service else by_signal[0] if by_signal else halves[-1]
        found[column] = (service, signal)
    taken = set(found.values())
    return {
        column: (service, _CERTAIN[signal])
        if signal in _CERTAIN and (service, _CERTAIN[signal]) not in taken
        else (service, signal)
        for column, (service, signal) in found.items()
    }


def _ends(column: str, services: Collection[str]) -> tuple[str, str] | None:
    return next((half for half in _halves(column) if half[0] in services and half[1] in services), None)


def _halves(column: str) -> Iterable[tuple[str, str]]:
    """Every way to cut at an underscore, the shortest head first."""
    parts = column.split("_")
    if len(parts) > _MOST_PARTS:
        raise ValueError(f"the column {column[:80]!r} has more than {_MOST_PARTS - 1} underscores")
    for i in range(1, len(parts)):
        head, tail = "_".join(parts[:i]), "_".join(parts[i:])
        if head and tail:
            yield head, tail


def _values(table: pd.DataFrame) -> list[str]:
    """Headings of values: not the time, nor an index that was written out with it."""
    return [
        str(c) for c in table.columns if str(c).split(".")[0] not in {"time", "timestamp", "index"} and "_" in str(c)
    ]


def _wide(table: pd.DataFrame, names: Sequence[tuple[str, ...]], values: Floats, levels: Sequence[str]) -> pd.DataFrame:
    clock = next((name for name in ("time", "timestamp") if name in table.columns), None)
    if clock is None or table.empty or not names:
        raise ValueError("a table of metrics needs a column time, one row and one column <service>_<metric> at least")
    times = seconds(table[clock])
    if not np.isfinite(times).all():
        raise ValueError("a row has no time")
    frame = pd.DataFrame(
        np.where(np.abs(values) < LARGEST, values, np.nan),
        index=pd.Index(times, dtype="float64", name="time"),
        columns=pd.MultiIndex.from_tuples(names, names=list(levels)),
    ).sort_index(kind="stable")
    return frame[~frame.index.duplicated(keep="last")]


def _numbers(table: pd.DataFrame, columns: Sequence[str]) -> Floats:
    chosen = table[list(columns)]
    for column, kind in chosen.dtypes.items():
        if len(chosen) and not pd.api.types.is_numeric_dtype(kind):
            raise ValueError(f"the column {column!r} holds text where numbers are expected")
    return np.asarray(chosen.to_numpy(dtype="float64", na_value=np.nan), dtype="float64")
