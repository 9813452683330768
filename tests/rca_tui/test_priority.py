"""Whose methods leave the processor to everything else on the machine: those of the app, not those of a command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import synthetic
from commands import run
from driving import NOW

from cluster.window import Onset, OnsetSource
from methods.answer.types import NoRanking, Reason
from methods.running import pool, runner
from methods.running.pool import Answer, Pool, Task
from rca_tui import triage
from rca_tui.session import Session
from rca_tui.work.diagnosis import Diagnoser
from rca_tui.work.polling import Poller


@pytest.fixture
def priorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each pool: whether its workers run in the background. None of them starts any."""
    asked: list[bool] = []

    class Recorded(Pool):
        def __init__(self, *arguments: Any, background: bool = False) -> None:
            asked.append(background)
            super().__init__(*arguments, background=background)

        def start(self) -> None:
            pass

        def run(self, tasks: Iterable[Task], cancelled: object = None) -> Iterator[Answer]:
            for task in tasks:
                yield Answer(task, NoRanking(Reason.NOT_APPLICABLE, "not asked"), 0.0)

    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for module in (pool, runner):
        monkeypatch.setattr(module, "Pool", Recorded)
    return asked


@pytest.mark.parametrize(
    "command",
    [
        ("diagnose", "drill-05", "--method", "nsigma"),
        ("report", "drill-05", "--method", "nsigma"),
        ("explain", "drill-05", "--method", "consensus"),
    ],
)
def test_a_person_waits_for_a_command(priorities: list[bool], command: tuple[str, ...]) -> None:
    run(*command)
    assert priorities
    assert not any(priorities)


def test_of_the_first_answer_to_an_alert_the_caller_says_who_waits(priorities: list[bool]) -> None:
    incident = synthetic.incident().searched(Onset(synthetic.ONSET, OnsetSource.ESTIMATED))
    first = triage.first_answer(incident)
    list(triage.refine(first))
    list(triage.refine(first, background=True))
    assert priorities == [False, True]


@pytest.mark.parametrize("prepared", [False, True])
def test_the_app_stays_quick_while_its_methods_run(priorities: list[bool], prepared: bool) -> None:
    deployment = synthetic.Replay(synthetic.incident())
    diagnoser = Diagnoser(Session("a"), lambda _: None)
    if prepared:
        diagnoser.prepare()
    work, _ = diagnoser.begin(Poller(lambda: deployment, lambda: NOW).poll(), deployment, quick=True)
    work()
    assert priorities == [True]
