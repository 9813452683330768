"""Rankings that are kept: known ones come first and are not made again; what may pass is not kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.incident.model import Incident
from cluster.incident.tiny import slow_replica
from cluster.window import Onset, OnsetSource
from methods.answer.types import Family, NoRanking, Reason
from methods.running import cached_results, runner
from methods.running.runner import Result
from methods.running.worker import rank


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Names of the methods that ran, in this process."""
    names: list[str] = []

    def run(incident: Incident, wanted: list[str], *, seed: int, **_: object) -> Iterator[Result]:
        for name in wanted:
            names.append(name)
            outcome, seconds = rank(incident, name, seed)
            if name == "dummy":
                outcome = NoRanking(Reason.TIMEOUT, "no answer in time")
            yield Result(name, Family.METRIC, outcome, seconds)

    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return names


def test_a_known_ranking_is_read_and_equal(ran: list[str]) -> None:
    incident = slow_replica()
    first = list(cached_results.run(incident, ["nsigma"]))
    both = list(cached_results.run(incident, ["baro", "nsigma"]))
    assert ran == ["nsigma", "baro"]
    assert both[0] == first[0]
    assert [result.method for result in both] == ["nsigma", "baro"]


def test_another_onset_or_seed_is_another_ranking(ran: list[str]) -> None:
    incident = slow_replica()
    later = incident.at(Onset(incident.window.start + 11, OnsetSource.OPERATOR))
    for other, seed in ((incident, 0), (later, 0), (incident, 1), (dataclasses.replace(incident, id="other"), 0)):
        list(cached_results.run(other, ["nsigma"], seed=seed))
    assert ran == ["nsigma"] * 3


def test_what_may_pass_is_not_kept_and_a_cache_that_cannot_be_written_is_no_error(
    ran: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        list(cached_results.run(slow_replica(), ["dummy"]))
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(list(cached_results.run(slow_replica(), ["nsigma"]))) == 1
    assert ran == ["dummy", "dummy", "nsigma"]
