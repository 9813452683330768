"""Log templates with their counts before and after the onset, and the lines of each."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cluster.incident import tiny
from cluster.window import Window
from methods.telemetry import log_book
from methods.telemetry.log_book import LogBook, changes, mine

WINDOW = Window(tiny.START, tiny.END)
EDGES = (("gateway", "replica-0"), ("gateway", "replica-1"))


def book_of(lines: list[tuple[float, str, str, str]]) -> LogBook:
    return list(mine(tiny.incident(calls=EDGES, logs=lines)))[-1]


def steady(text: str, count: int, start: float, end: float, component: str = "replica-0") -> list:
    return [(float(t), component, "INFO", f"{text} {i}") for i, t in enumerate(np.linspace(start, end, count))]


LINES = [
    *steady("request", 200, 1000, 1199.9),
    *steady("health check ok", 20, 1000, 1099),
    *[(1110.0 + i, "replica-1", "ERROR", f"request {i} failed: deadline 30s exceeded") for i in range(12)],
    (1150.0, "replica-1", "WARN", "cache is cold"),
]


def test_the_most_changed_come_first_with_their_counts() -> None:
    book = book_of(LINES)
    found = changes(book, book.select(), tiny.ONSET, WINDOW)
    named = [(book.templates[c.template], c.before, c.after) for c in found]
    assert named == [
        ("health check ok <*>", 20, 0),
        ("request <*> failed: deadline <*> exceeded", 0, 12),
        ("cache is cold", 0, 1),
        ("request <*>", 100, 100),
    ]
    assert [c.factor for c in found] == [0.0, math.inf, math.inf, 1.0]
    assert [c.trouble for c in found] == [False, True, False, False]


def test_the_evidence_weighs_unequal_times_before_and_after() -> None:
    book = book_of(steady("tick", 100, 1000, 1199.9))
    (change,) = changes(book, book.select(), 1150.0, WINDOW)
    assert (change.before, change.after) == (75, 25)
    assert change.factor == pytest.approx(1.0) and change.evidence == pytest.approx(0.0, abs=1e-9)


def test_without_an_onset_trouble_and_the_rare_come_first() -> None:
    book = book_of(LINES)
    found = changes(book, book.select(), None, WINDOW)
    assert [book.templates[c.template].split()[0] for c in found] == ["request", "cache", "health", "request"]
    assert found[0].trouble and all(c.factor is None and c.after == 0 for c in found)


def test_lines_are_selected_by_component_level_words_and_template() -> None:
    book = book_of(LINES)
    assert len(book.select("replica-1")) == 13
    assert len(book.select("replica-1", least=log_book.LEVELS.index("error"))) == 12
    assert len(book.select(words="COLD")) == 1
    assert len(book.select(template=book.templates.index("request <*>"))) == 200
    assert len(book.select("node")) == 0


def test_a_book_grows_and_forgets() -> None:
    incident = tiny.incident(calls=EDGES, logs=LINES)
    whole = book_of(LINES)
    early = book_of([line for line in LINES if line[0] < 1120]).until(1100.0)
    (grown,) = mine(tiny.incident(calls=EDGES, logs=[line for line in LINES if line[0] >= 1100]), early)
    assert np.array_equal(grown.time, whole.time) and grown.messages.tolist() == whole.messages.tolist()
    assert {grown.templates[t] for t in grown.template} == {whole.templates[t] for t in whole.template}
    assert grown.since(1150.0).lines == np.count_nonzero(incident.telemetry.logs["time"] >= 1150.0)


def test_mining_is_done_in_chunks_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_book, "CHUNK", 50)
    incident = tiny.incident(calls=EDGES, logs=LINES)
    sizes = [book.lines for book in mine(incident)]
    assert sizes[:2] == [50, 100] and sizes[-1] == len(LINES)
    stop = iter([False, True])
    assert [book.lines for book in mine(incident, cancelled=lambda: next(stop))] == [50]


def test_an_incident_without_lines_is_an_empty_book() -> None:
    (book,) = mine(tiny.incident(calls=EDGES))
    assert book.lines == 0 and changes(book, book.select(), tiny.ONSET, WINDOW) == ()


def test_templates_are_bounded_over_all_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_book, "CHUNK", 10)
    monkeypatch.setattr(log_book, "MOST", 5)
    lines = [(1000.0 + i, "replica-0", "INFO", "word" + chr(97 + i % 26) * (i % 7 + 1)) for i in range(60)]
    book = book_of(lines)
    assert len(book.templates) <= 6 and log_book.OTHER in book.templates
    assert book.lines == 60
