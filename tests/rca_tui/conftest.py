"""The app over made-up deployments, and a diagnosis that runs in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import synthetic
from textual import constants
from verdicts import verdict

from cluster.incident.model import Incident
from methods.answer.types import Family, NoRanking, Reason
from rca_tui.work import diagnosis

DIAGNOSE = diagnosis.diagnose


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that open the app are slow, all together."""
    for item in items:
        if "steady" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    """No key map, journal, time zone or terminal of this machine, and no diagnosis that nobody asked for."""
    monkeypatch.setattr(diagnosis, "diagnose", lambda *_: None)
    monkeypatch.setattr(diagnosis.Diagnoser, "prepare", lambda _: None)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(constants, "COLOR_SYSTEM", "truecolor")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def ranked_here(steady: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four answers at once instead of methods in processes: two agree, one dissents, one has no ranking; a contrast.

    The verdict names replica-1, whatever they say.
    """
    from methods.running import cached_results, runner
    from methods.verdict import decision

    def run(incident: Incident, names: object = None, **_: object) -> Iterator[runner.Result]:
        for name, first, level in (("baro", "replica-1", 83.7), ("nsigma", "replica-1", 51.0), ("circa", "head", 4.2)):
            yield runner.Result(name, Family.METRIC, synthetic.ranking(first, level), 0.02)
        words = "[red]no[/] traces \x1b]52;c;aGk=\x07 in this incident."
        yield runner.Result("microrank", Family.TRACE, NoRanking(Reason.NOT_APPLICABLE, words), 0.01)

    def run_contrast(incident: Incident, **_: object) -> runner.Result:
        return runner.Result("contrast", Family.METRIC, synthetic.ranking("replica-1", 0.31), 2.4)

    monkeypatch.setattr(diagnosis, "diagnose", DIAGNOSE)
    monkeypatch.setattr(decision, "decide", lambda *_: verdict())
    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(cached_results, "run_contrast", run_contrast)


@pytest.fixture
def no_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The onset is where the synthetic incident has it, whatever the detector makes of it."""
    from rca_tui.session import Mark

    answer: Callable[[Incident], Mark] = lambda _: Mark(synthetic.ONSET, by_operator=False)  # noqa: E731
    monkeypatch.setattr(diagnosis, "estimate", answer)
