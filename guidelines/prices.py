"""What taking away what a check asks for has cost on recorded drills: the table of `rca-tui ablate`, kept as data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).parent / "measured" / "ablations.json"


@dataclass(frozen=True, slots=True)
class Price:
    """AC@1 of one removal, the mean over the methods that read what was taken away.

    Attributes:
        check, removal, does: as in the guideline.
        methods: how many methods that is.
        incidents: over how many drills.
        before, after: AC@1.
        cost, low, high: the loss and its 95 % interval, paired over drills.
        guessing: AC@1 of a random order of the candidates.
        no_onset: drills in which no onset is found any more.
        by_fault: fault to its loss and interval.
        by_method: method to AC@1 before, after, the loss and its interval.
    """

    check: str
    removal: str
    does: str
    methods: int
    incidents: int
    before: float
    after: float
    cost: float
    low: float
    high: float
    guessing: float
    no_onset: int
    by_fault: Mapping[str, tuple[float, float, float]]
    by_method: Mapping[str, tuple[float, float, float, float, float]]

    @property
    def telling(self) -> bool:
        """Whether the interval leaves out nil."""
        return self.low > 0 or self.high < 0

    @property
    def sentence(self) -> str:
        """The price in words; that there is none, where none can be told from chance."""
        many = "1 method that reads" if self.methods == 1 else f"{self.methods} methods that read"
        figures = (
            f"AC@1 {self.before:.2f} → {self.after:.2f} over {self.incidents} drills and {many} it, "
            f"cost {self.cost:+.2f} ({self.low:+.2f} to {self.high:+.2f}); guessing {self.guessing:.2f}"
        )
        lost = f"; no onset in {self.no_onset}" if self.no_onset else ""
        if self.telling and self.cost > 0:
            return f"Ranked again {self.does}: {figures}{lost}."
        if self.telling:
            return f"Ranked again {self.does}: {figures}{lost}. The methods rank better without it on these drills."
        return f"Ranked again {self.does}: {figures}{lost}. On these drills that costs nothing that chance does not."


@dataclass(frozen=True, slots=True)
class Measured:
    """The whole table. `faults` counts drills by fault, `whole` is AC@1 with nothing taken away."""

    incidents: int
    faults: Mapping[str, int]
    candidates: float
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
    return Measured(
        table["incidents"],
        table["faults"],
        table["candidates"],
        table["guessing"],
        table["whole"],
        tuple(table["methods"]),
        tuple(_price(row, table) for row in table["removals"]),
    )


def _price(row: Mapping[str, Any], table: Mapping[str, Any]) -> Price:
    loss = ("cost", "low", "high")
    return Price(
        row["check"],
        row["removal"],
        row["does"],
        len(row["methods"]),
        row["cases"],
        row["before"],
        row["after"],
        row["cost"],
        row["low"],
        row["high"],
        table["guessing"],
        row["no_onset"],
        {each["fault"]: tuple(each[name] for name in loss) for each in row["faults"]},
        {each["method"]: tuple(each[name] for name in ("before", "after", *loss)) for each in row["methods"]},
    )
