"""`rca-tui annotate`: nothing leaves without an address, and a drill is told only when it is revealed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import synthetic
from commands import refusal, run
from test_report import HOSTILE, located, results, verdict

from cluster import Truth, grafana
from cluster.grafana import Annotation, Done
from rca_tui.report.build import build
from rca_tui.report.grafana import annotations_of
from rca_tui.report.types import Context


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Annotation]:
    taken: list[Annotation] = []

    def send(url: str, annotations: Any, dashboard: str | None) -> Iterator[tuple[Annotation, int, Done]]:
        for annotation in annotations:
            taken.append(annotation)
            yield annotation, 40 + len(taken), Done.ADDED if len(taken) < 3 else Done.THERE

    monkeypatch.setattr(grafana, "send", send)
    return taken


def test_onset_verdict_and_a_revealed_drill() -> None:
    truth = Truth(("replica-2",), "queue-jam", synthetic.ONSET, synthetic.ONSET + 60)
    sealed = annotations_of(build(located(), "x", verdict(), results(), Context(sealed=True, truth=truth)))
    assert [a.tags[2] for a in sealed] == ["onset", "verdict"]
    told = annotations_of(build(located(), "x", verdict(), results(), Context(revealed=True, truth=truth)))
    onset, judged, drill = told
    assert (onset.time, onset.end) == (synthetic.ONSET, None)
    assert judged.time == synthetic.ONSET + 1
    assert judged.end == pytest.approx(synthetic.ONSET + 60, abs=3)
    assert judged.tags == ("rca-tui", "incident:3f2c", "verdict", "replica-1")
    assert (drill.time, drill.end, drill.tags[2:]) == (truth.injected_at, truth.reverted_at, ("drill", "replica-2"))


def test_hostile_names_are_escaped_as_the_html_that_grafana_reads() -> None:
    incident = located(synthetic.hostile(HOSTILE))
    truth = Truth((HOSTILE,), HOSTILE, synthetic.ONSET)
    context = Context(revealed=True, truth=truth)
    for annotation in annotations_of(build(incident, HOSTILE, verdict(HOSTILE, HOSTILE), results(HOSTILE), context)):
        assert "<" not in annotation.text
        assert not {"\x1b", "\u202e"} & set(annotation.text + "".join(annotation.tags))


def test_nothing_is_sent_without_an_address(sent: list[Annotation]) -> None:
    printed = json.loads(run("annotate", "drill-05", "--dashboard", "abc", "--json"))
    assert [set(row) for row in printed] == [
        {"dashboardUID", "time", "tags", "text"},
        {"dashboardUID", "time", "timeEnd", "tags", "text"},
    ]
    assert "onset, 2026" in run("annotate", "drill-05")
    assert sent == []
    revealed = json.loads(run("annotate", "drill-05", "--reveal", "--json"))
    truth = json.loads(run("reveal", "drill-05", "--json"))["truth"]
    assert truth["fault"] in revealed[-1]["text"]
    assert truth["fault"] not in json.dumps(printed)


def test_what_was_sent_is_printed_with_its_id(sent: list[Annotation]) -> None:
    printed = json.loads(run("annotate", "drill-05", "--grafana", "http://localhost:3000", "--json"))
    assert [row["id"] for row in printed] == [41, 42]
    said = run("annotate", "drill-05", "--grafana", "http://localhost:3000")
    assert said.splitlines()[0].startswith("annotation 43: onset at ")
    assert said.splitlines()[0].endswith(", there already")
    assert len(sent) == 4


def test_bad_input_is_one_sentence() -> None:
    assert "address" in refusal("annotate", "drill-05", "--grafana", "localhost")
    assert "no UID" in refusal("annotate", "drill-05", "--dashboard", "a b\n")
    assert "no incident" in refusal("annotate", "nowhere")
