"""Rankings, explanations and incidents show themselves, whatever the telemetry is called."""

from __future__ import annotations

import io
import subprocess
import sys

from rich.console import Console

from cluster.incident.model import Incident
from methods.answer.consensus import consensus
from methods.answer.ranking import by_signals
from methods.answer.types import Explanation, Graph, GraphEdge, NoRanking, Ranking, Reason, SeriesPointer, Step, Table

HOSTILE = "<img src=x onerror=alert(1)>[blink]"


def printed(shown: object) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def ranking(component: str) -> Ranking:
    step = Step(
        f"About {component}",
        f"{component} moved.",
        {"peak": 2.5},
        table=Table(("component", "score"), ((component, 2.0),)),
        graph=Graph((component, "b"), (GraphEdge(component, "b", 0.7),)),
        pointers=(SeriesPointer(component, "cpu", 0.0, 60.0),),
    )
    found = by_signals({(component, "cpu"): 2.0, ("b", "cpu"): 1.0}, Explanation((step,), ("Beware.",)))
    assert isinstance(found, Ranking)
    return found


def test_every_part_is_shown_and_nothing_is_markup() -> None:
    whole = ranking(HOSTILE)
    for shown in (whole, whole.explanation, consensus([("m", whole)], [HOSTILE, "b"])):
        page, terminal = shown._repr_html_(), printed(shown)
        assert "<img" not in page
        assert "&lt;img" in page
        assert HOSTILE in terminal
    text = printed(whole.explanation)
    for said in ("1. About", "moved.", "peak 2.5", "0.7", "see ", "▲ Beware."):
        assert said in text


def test_no_ranking_says_why() -> None:
    shown = NoRanking(Reason.NOT_APPLICABLE, "there are no spans")
    assert "not applicable: there are no spans" in shown._repr_html_()
    assert "not applicable: there are no spans" in printed(shown)


def test_its_document_is_found_without_an_import_of_it() -> None:
    """In a new process: no other test has imported the documents."""
    code = """
import sys
from methods.answer.types import NoRanking, Reason
shown = NoRanking(Reason.ERROR, "broken")
assert "methods.answer.documents" not in sys.modules
assert "broken" in shown._repr_html_()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_incident_shows_its_components(incident: Incident) -> None:
    text = printed(incident)
    for component in incident.topology.ids:
        assert component in text
        assert component in incident._repr_html_()
