"""Imports of many columns and series do nothing for each that can be done once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cluster import imports
from cluster.imports.expressions import Samples
from cluster.imports.measured import OWNER, measure
from cluster.incident import table_origins


class Members(list[str]):
    """Ids whose number makes each search for one longer."""

    def __contains__(self, one: object) -> bool:
        raise AssertionError("a list is searched for each series")


def test_the_series_of_many_replicas_are_merged_without_a_search_each() -> None:
    at = {float(second): 3.0 * second for second in range(60)}
    series = {((OWNER, name),): at for name in ("a", "b")}
    measured = measure(Samples({"vllm:request_success_total": series}, np.arange(60.0), 1.0), ())
    found, _ = measured.merged(Members(["a", "b"]))
    assert np.nanmax(found["request_rate"]) == pytest.approx(6.0)


def test_columns_with_values_in_the_same_rows_share_their_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = tmp_path / "a_cpu" / "1"
    case.mkdir(parents=True)
    names = [f"s{number}_cpu" for number in range(500)]
    rows = [",".join(map(str, [1_700_000_000 + 5 * row, *range(499), "" if row == 2 else 1])) for row in range(6)]
    (case / "metrics.csv").write_text("\n".join([",".join(["time", *names]), *rows]))
    asked = []
    median = np.median

    def counted(values: np.ndarray, **more: object) -> np.floating:
        asked.append(len(values))
        return median(values, **more)

    monkeypatch.setattr(table_origins.np, "median", counted)
    incident, _ = imports.read(case)
    record = incident.provenance.of("s7", "cpu")
    assert record is not None
    assert record.interval == 5.0
    assert len(asked) <= 4  # the window's, and one for each of the two sets of rows
