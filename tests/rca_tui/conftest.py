"""The app over made-up deployments, and a diagnosis that runs in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import synthetic

from cluster.incident.model import Incident
from methods.answer.types import Family, NoRanking, Reason, SeriesPointer
from methods.verdict.types import Action, Answer, Evidence, Hop, Suspect, Trouble, Verdict
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
    """No key map, journal or time zone of the machine that the tests run on, and no diagnosis that nobody asked for."""
    monkeypatch.setattr(diagnosis, "diagnose", lambda *_: None)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def verdict(**changes: Any) -> Verdict:
    """replica-1 starves, surely; the head might be at fault instead."""
    after = SeriesPointer("replica-1", "latency_p90", synthetic.ONSET, synthetic.ONSET + 60)
    blamed = Verdict(
        Answer.COMPONENTS,
        ("replica-1",),
        (Suspect("replica-1", 0.97), Suspect("head", 0.021), Suspect("replica-0", 1e-6)),
        0.002,
        Trouble.CPU,
        synthetic.ONSET,
        "replica-1, strong: latency p90 600 ms → 2.2 s, queue 0.4 → 5.4, CPU 0.35 → 0.95 cores since 22:15:20 UTC, "
        "peers unchanged.",
        path=(Hop("replica-1", "gateway", synthetic.ONSET + 4),),
        supporting=(Evidence("replica-1: latency p90 600 ms → 2.2 s.", after), Evidence("replica-1: queue 0.4 → 5.4.")),
        opposing=(Evidence("circa blames head first: head rose to 2.2 s."),),
        unknown=("No traces: which phase of a request is slow.",),
        next=("the CPU of what runs beside replica-1 on node", "the engine's log"),
        actions=(
            Action("See what uses the CPU", "kubectl top pod --containers replica-1"),
            Action("Take it out of the pool", "kubectl label pod replica-1 serve-"),
        ),
    )
    return replace(blamed, **changes)


@pytest.fixture
def ranked_here(steady: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four answers at once instead of methods in processes: two agree, one dissents, one has no ranking; a contrast.

    The verdict names replica-1, whatever they say.
    """
    from methods.running import runner
    from methods.verdict import decide

    def run(incident: Incident, names: object = None, **_: object) -> Iterator[runner.Result]:
        for name, first, level in (("baro", "replica-1", 83.7), ("nsigma", "replica-1", 51.0), ("circa", "head", 4.2)):
            yield runner.Result(name, Family.METRIC, synthetic.ranking(first, level), 0.02)
        words = "[red]no[/] traces \x1b]52;c;aGk=\x07 in this incident."
        yield runner.Result("microrank", Family.TRACE, NoRanking(Reason.NOT_APPLICABLE, words), 0.01)

    def run_contrast(incident: Incident, **_: object) -> runner.Result:
        return runner.Result("contrast", Family.METRIC, synthetic.ranking("replica-1", 0.31), 2.4)

    monkeypatch.setattr(diagnosis, "diagnose", DIAGNOSE)
    monkeypatch.setattr(decide, "decide", lambda *_: verdict())
    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(runner, "run_contrast", run_contrast)


@pytest.fixture
def no_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The onset is where the synthetic incident has it, whatever the detector makes of it."""
    from rca_tui.session import Mark

    answer: Callable[[Incident], Mark] = lambda _: Mark(synthetic.ONSET, by_operator=False)  # noqa: E731
    monkeypatch.setattr(diagnosis, "estimate", answer)
