"""AC@1 lost when a check's telemetry is removed, on recorded drills: the table that `rca-tui ablate` writes.

`methods.evaluation.ablation` computes the table and its sentences; here they are read, for the pages of the checks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).parent / "measured" / "ablations.json"


@dataclass(frozen=True, slots=True)
class Price:
    """AC@1 of one removal, the mean over the methods that read what is removed.

    Attributes:
        check, removal, does: as in the guideline.
        methods: how many methods that is.
        before, after: AC@1 with everything, and without.
        cost, low, high: the AC@1 lost and its 95 % interval, paired over drills.
        claim: all that in one sentence.
    """

    check: str
    removal: str
    does: str
    methods: int
    before: float
    after: float
    cost: float
    low: float
    high: float
    claim: str


@dataclass(frozen=True, slots=True)
class Measured:
    """The whole table. `faults` counts drills by fault, `whole` is AC@1 with nothing removed, `guessing` by chance."""

    incidents: int
    faults: Mapping[str, int]
    guessing: float
    whole: float
    methods: tuple[str, ...]
    prices: tuple[Price, ...]

    def of(self, check: str) -> tuple[Price, ...]:
        return tuple(price for price in self.prices if price.check == check)


@cache
def measured() -> Measured | None:
    """The table that comes with the package, None where there is none."""
    return read(json.loads(MEASURED.read_text(encoding="utf-8"))) if MEASURED.is_file() else None


def read(table: Mapping[str, Any]) -> Measured:
    """A table in the shape of `rca-tui ablate --json`."""
    names = [each.name for each in fields(Price)]
    rows = [{**row, "methods": len(row["methods"])} for row in table["removals"]]
    prices = tuple(Price(**{name: row[name] for name in names}) for row in rows)
    methods = tuple(table["methods"])
    return Measured(table["incidents"], table["faults"], table["guessing"], table["whole"], methods, prices)
