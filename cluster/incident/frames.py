"""Frames of telemetry to Parquet bytes and back, without loss of gaps, dtypes or column levels.

Only Arrow's own types are read. The metadata that pandas leaves in Parquet files, and any other, is ignored: frames
are built here, column by column.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cluster.text.quantities import quantity
from cluster.window import EARLIEST, LATEST

CELLS = 64 * 1024 * 1024
"""Most values in one table, and most characters in one column of text."""
LARGEST = 1e100
"""Values from here on are no measurements, and their squares are no numbers: imports leave them out."""
_COLUMNS = 200_000
_FOOTER = 64 * 1024 * 1024  # bytes that describe a table

_ARROW = {"float64": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}


def wide_to_parquet(frame: pd.DataFrame) -> bytes:
    """Metrics: the index `time`, then one column for each tuple of names, written as a JSON list."""
    names = [json.dumps([str(part) for part in column], ensure_ascii=False) for column in frame.columns]
    values = frame.to_numpy(dtype="float64")
    arrays = [pa.array(frame.index.to_numpy(dtype="float64"))]
    arrays += [pa.array(values[:, i]) for i in range(values.shape[1])]
    return _write(pa.table(arrays, names=["time", *names]))


def wide_from_parquet(content: bytes, levels: list[str]) -> pd.DataFrame:
    """The frame of `wide_to_parquet`. Raises ValueError, or an Arrow error, for anything else."""
    table = _read(content)
    names = table.column_names  # made anew at each use: with thousands of columns that takes seconds
    if not names or names[0] != "time":
        raise ValueError("its first column is not time")
    columns = [_names(name, len(levels)) for name in names[1:]]
    if len(set(columns)) != len(columns):
        raise ValueError("it has a duplicate column")
    arrays = [_numbers(column, name) for column, name in zip(table.columns, names, strict=True)]
    _check(arrays[0], "time")
    values = np.column_stack(arrays[1:]) if columns else np.empty((table.num_rows, 0))
    return pd.DataFrame(
        values,
        index=pd.Index(arrays[0], dtype="float64", name="time"),
        columns=pd.MultiIndex.from_tuples(columns, names=levels),
    )


def rows_to_parquet(frame: pd.DataFrame, columns: Mapping[str, Any]) -> bytes:
    """Spans or logs: the named columns with their dtypes. Raises ValueError for others."""
    unknown = [str(name) for name in frame.columns if name not in columns]
    if unknown:
        raise ValueError(f"unknown columns: {', '.join(unknown)}")
    arrays = []
    for name, dtype in columns.items():
        series = frame[name]
        if dtype == "float64":
            arrays.append(pa.array(series.to_numpy(dtype="float64")))
        else:
            arrays.append(pa.array(pd.array(series, dtype=dtype).to_numpy(dtype=object, na_value=None), _ARROW[dtype]))
    return _write(pa.table(arrays, names=list(columns)))


def rows_from_parquet(content: bytes, columns: Mapping[str, Any], time: str) -> pd.DataFrame:
    """The frame of `rows_to_parquet`; the column `time` must be finite. Raises ValueError or an Arrow error."""
    table = _read(content, text=[name for name, dtype in columns.items() if dtype == "string"])
    if table.column_names != list(columns):
        raise ValueError(f"it has the columns {', '.join(table.column_names)}; expected {', '.join(columns)}")
    data: dict[str, pd.Series[Any]] = {}
    for name, dtype in columns.items():
        column = table.column(name)
        if dtype == "float64":
            data[name] = pd.Series(_numbers(column, name))
        else:
            if dtype == "string":
                column = plain_text(column, name)
            if column.type != _ARROW[dtype]:
                raise ValueError(f"its column {name} is {column.type}, not {_ARROW[dtype]}")
            data[name] = pd.Series(column.to_numpy(zero_copy_only=False), dtype=dtype)
    _check(data[time].to_numpy(dtype="float64"), time)
    return pd.DataFrame(data, columns=list(columns))


def _write(table: pa.Table) -> bytes:
    floats = [field.name for field in table.schema if field.type == pa.float64()]
    stream = io.BytesIO()
    pq.write_table(
        table,
        stream,
        compression="zstd",
        compression_level=12,
        use_dictionary=[field.name for field in table.schema if field.type == pa.string()],
        column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
        write_statistics=False,
        store_schema=False,
        # one row group: an incident is read whole, and each group repeats the dictionaries
        row_group_size=max(table.num_rows, 1),
    )
    return stream.getvalue()


def _read(content: bytes, text: list[str] | None = None) -> pa.Table:
    if int.from_bytes(content[-8:-4], "little") > _FOOTER:
        raise ValueError(f"its description is longer than {quantity(_FOOTER, 'bytes')}")
    meta = pq.read_metadata(io.BytesIO(content))
    declared = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
    if meta.num_columns > _COLUMNS:
        raise ValueError(f"it declares {meta.num_columns} columns, {_COLUMNS} are the most")
    if not 0 <= meta.num_rows * meta.num_columns <= CELLS:
        raise ValueError(f"it declares {meta.num_rows} rows of {meta.num_columns} columns, {CELLS} values are the most")
    if declared > 8 * CELLS:
        raise ValueError(f"it declares {quantity(declared, 'bytes')}, {quantity(8 * CELLS, 'bytes')} are the most")
    if unexpected := [name for name in text_of(meta) if name not in (text or ())]:
        raise ValueError(f"its column {unexpected[0]} is text")
    present = [name for name in text or () if name in meta.schema.names]
    return pq.ParquetFile(io.BytesIO(content), read_dictionary=present).read(use_threads=False)


def text_of(meta: pq.FileMetaData) -> list[str]:
    """The columns to be read as dictionaries: a file of a few kilobytes may repeat one long line a million times.

    Raises ValueError for a column of which one row may hold any amount: of lists, or of long arrays of bytes.
    """
    columns = [meta.schema.column(i) for i in range(meta.num_columns)]
    for column in columns:
        if column.max_repetition_level > 0 or (column.physical_type == "FIXED_LEN_BYTE_ARRAY" and column.length > 16):
            raise ValueError(f"its column {column.path} holds lists or bytes")
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def _check(times: np.ndarray[tuple[int, ...], np.dtype[np.float64]], name: str) -> None:
    if not ((times >= EARLIEST) & (times <= LATEST)).all():
        raise ValueError(f"its column {name} has a time that no calendar can show")


def _numbers(column: pa.ChunkedArray, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if column.type != pa.float64():
        raise ValueError(f"its column {name} is {column.type}, not a double")
    return np.array(column.to_numpy(zero_copy_only=False), dtype="float64")


def plain_text(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """The text of a dictionary-encoded column. Raises ValueError when it would be too long."""
    if pa.types.is_dictionary(column.type) and column.type.value_type == pa.string():
        size = sum(
            pc.sum(pc.take(pc.binary_length(chunk.dictionary), chunk.indices)).as_py() or 0 for chunk in column.chunks
        )
        if size > CELLS:
            raise ValueError(f"its column {name} holds more than {CELLS // 2**20} million characters")
        return column.cast(pa.string())
    return column


def _names(name: str, count: int) -> tuple[str, ...]:
    try:
        parts = json.loads(name)
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list) or len(parts) != count or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"its column {name[:80]!r} is not a list of {count} names")
    return tuple(parts)
