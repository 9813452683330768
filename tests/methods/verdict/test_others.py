"""What a verdict says of the other methods."""

from __future__ import annotations

from pathlib import Path

from methods import catalog
from methods.answer.consensus import NO_VOTE
from methods.verdict.others import BETTER

PAGE = Path(__file__).parents[3] / "docs" / "measured" / "methods-evaluation.md"


def test_the_better_methods_are_those_of_the_page_that_measures_them() -> None:
    """The first table is ordered by MRR; its third column begins with AC@1."""
    names = {row.name for row in catalog.entries()} - NO_VOTE
    drills = PAGE.read_text(encoding="utf-8").split("## The shipped drills")[1].split("AC@1 by fault")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in drills.splitlines() if line.startswith("| ")]
    better = [name for name, _, accuracy in rows if name in names and float(accuracy.split()[0]) > 0.5]
    assert tuple(better) == BETTER
