"""Names of metrics that no table knows are compared with the known ones; how often, is bounded."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest

from cluster import imports
from cluster.imports import origins
from cluster.incident.model import Incident
from cluster.provenance import Origin
from cluster.text import metric_names
from cluster.text.metric_names import nearest, words

KNOWN = frozenset({words("num_requests_running"), words("time_to_first_token")})


def imported(folder: Path, *names: str) -> Incident:
    rows = [
        {"metric": {"__name__": name, "pod": "pod-0"}, "values": [[1_700_000_000 + 5 * n, "1"] for n in range(3)]}
        for name in names
    ]
    answer = {"status": "success", "data": {"resultType": "matrix", "result": rows}}
    (folder / "raw.json").write_text(json.dumps(answer))
    return imports.read(folder)[0]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often words were compared, and letters."""
    found = {"words": 0, "letters": 0}

    def share(common: int, ours: int, theirs: int) -> float:
        found["words"] += 1
        return real(common, ours, theirs)

    class Matcher(difflib.SequenceMatcher[str]):
        def __init__(self, junk: None, ours: str, theirs: str) -> None:
            found["letters"] += 1
            super().__init__(junk, ours, theirs)

    real = metric_names._share
    monkeypatch.setattr(metric_names, "_share", share)
    monkeypatch.setattr(difflib, "SequenceMatcher", Matcher)
    for cached in (metric_names._by_words, metric_names._by_letters):
        cached.cache_clear()
    return found


def test_the_nearest_come_first_by_their_words_or_their_letters() -> None:
    names = ["acme_running_requests", "acme_requests_per_pod_running", "acme_first_token", "acme_disk", "acme_tokens"]
    assert nearest(KNOWN, names, 5) == ("acme_requests_per_pod_running", "acme_running_requests", "acme_first_token")
    assert nearest(KNOWN, ["runing_requests"], 5) == ("runing_requests",)  # one word in common, and the letters
    assert nearest(KNOWN, names, 1) == ("acme_requests_per_pod_running",)
    assert nearest(KNOWN, [], 5) == ()


def test_names_without_a_known_word_are_not_compared(tmp_path: Path, compared: dict[str, int]) -> None:
    imported(tmp_path, *(f"acme_widget_{n}" for n in range(1000)))
    assert compared == {"words": 0, "letters": 0}


def test_letters_of_a_few_names_are_compared_however_many_there_are(tmp_path: Path, compared: dict[str, int]) -> None:
    incident = imported(tmp_path, *(f"acme_pod{n}_requests_running" for n in range(1000)))
    told = incident.provenance.of("pod-0", "running_requests")
    assert told is not None and told.origin is Origin.UNKNOWN_NAME
    assert compared["words"] < 3000
    assert compared["letters"] < 3000


def test_names_that_are_not_compared_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "MOST_NAMES", 2)
    names = ["acme_a", "acme_b", "zz_kv_cache_usage"]
    notes = imported(tmp_path, *names).notes
    assert "of 3 names of metrics the first 2 were compared with those that are known" in notes
    monkeypatch.setattr(origins, "MOST_NAMES", 3)
    assert not any("compared" in note for note in imported(tmp_path, *names).notes)
