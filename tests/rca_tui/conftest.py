"""The app over made-up deployments, and a diagnosis that runs in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import synthetic

from cluster.incident.model import Incident


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    """No key map, journal or time zone of the machine that the tests run on."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def incident() -> Incident:
    return synthetic.incident()


@pytest.fixture
def ranked_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods run in this process, one after the other: three that rank and one that does not."""
    import numpy as np

    from methods import catalog, runner
    from methods.types import Family, NoRanking, Reason

    def run(incident: Incident, names: object = None, **_: object) -> Iterator[runner.Result]:
        for name in ("baro", "dummy", "nsigma"):
            outcome = catalog.load(name).rank(incident, np.random.default_rng(3))
            yield runner.Result(name, Family.METRIC, outcome, 0.02)
        words = "[red]no[/] traces \x1b]52;c;aGk=\x07 in this incident."
        yield runner.Result("microrank", Family.TRACE, NoRanking(Reason.NOT_APPLICABLE, words), 0.01)

    monkeypatch.setattr(runner, "run", run)


@pytest.fixture
def no_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The onset is where the synthetic incident has it, whatever the detector makes of it."""
    from rca_tui import diagnosing
    from rca_tui.state import Mark

    answer: Callable[[Incident], Mark] = lambda _: Mark(synthetic.ONSET, by_operator=False, claim="latency rose")  # noqa: E731
    monkeypatch.setattr(diagnosing, "estimate", answer)
