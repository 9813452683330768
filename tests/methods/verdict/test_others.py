"""What a verdict says of the other methods."""

from __future__ import annotations

from pathlib import Path

import pytest

from methods import catalog
from methods.answer.consensus import NO_VOTE
from methods.answer.ranking import by_components
from methods.answer.types import Explanation, Family, Step
from methods.running.runner import Result
from methods.verdict.others import BETTER, dissent

PAGE = Path(__file__).parents[3] / "docs" / "measured" / "methods-evaluation.md"


def test_the_better_methods_are_those_of_the_page_that_measures_them() -> None:
    """The first table is ordered by MRR; its third column begins with AC@1."""
    names = {row.name for row in catalog.entries()} - NO_VOTE
    drills = PAGE.read_text(encoding="utf-8").split("## The shipped drills")[1].split("AC@1 by fault")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in drills.splitlines() if line.startswith("| ")]
    better = [name for name, _, accuracy in rows if name in names and float(accuracy.split()[0]) > 0.5]
    assert tuple(better) == BETTER


SETUP = Step("Signals compared", "78 varying signals over 192 samples; replica-1:a and replica-1:b are copies.")


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ((SETUP, Step("PageRank", "gateway:p90 has 4 %."), Step("End", "2 signals tie.")), "gateway:p90 has 4 %."),
        ((SETUP, Step("cpu of gateway", "H = 0."), Step("cpu of head", "gateway, too.")), "cpu of gateway: H = 0."),
        ((SETUP, Step("Ratio", "old-gateway, gateway-2 and gateway@b moved.")), SETUP.claim),
        ((), "it does not say why."),
    ],
)
def test_the_reason_of_a_dissenter_is_about_whom_it_blames(steps: tuple[Step, ...], why: str) -> None:
    ranking = by_components({"gateway": 1.0, "replica-1": 0.0}, Explanation(steps))
    (told,) = dissent(["replica-1"], [Result("fci_pagerank", Family.METRIC, ranking, 0.1)])
    assert told.sentence.startswith(f"fci_pagerank blames gateway first: {why}")
