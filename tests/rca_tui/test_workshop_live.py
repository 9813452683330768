"""A live drill of a workshop: when the page comes, and how it ends; over a deployment that is made up."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.deployment import DeploymentError
from cluster.incident.tiny import slow_replica
from cluster.incident.truth import Truth
from faults import scenario_library
from faults.drill import Progress
from faults.errors import Refused
from faults.states import Phase
from rca_tui.commands import connection, workshop
from rca_tui.room import live, pages
from rca_tui.room.lesson import Workshop
from rca_tui.room.live import Live

TRUTH = Truth(("replica-1",), "cpu-stress", 0.0)


class Deployment:
    """It cannot be read: the page comes at the latest time that the scenario says."""

    step = 1.0

    def samples(self, *_: object) -> None:
        raise DeploymentError("no telemetry")


def drill(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Callable[..., Any], loads: list[str]) -> Live:
    @contextmanager
    def connected() -> Iterator[Any]:
        yield Deployment()

    @contextmanager
    def loaded(_: object, load: str) -> Iterator[None]:
        loads.append(load)
        yield
        loads.append("usual")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(live.scenario_drill, "run", run)
    monkeypatch.setattr(live.library, "load_truth", lambda name: TRUTH)
    monkeypatch.setattr(live, "LOOK", 0.0)
    scenario = scenario_library.find("one-replica-starves")[1]
    soon = scenario.model_copy(update={"page": scenario.page.model_copy(update={"latest": 0.05})})
    return Live("starves", soon, connected, loaded, ("replica-1",), ("--context", "lab"))


def until(happened: Callable[[], object]) -> None:
    while not happened():
        time.sleep(0.01)


def test_the_page_comes_while_the_fault_is_in_and_the_reveal_ends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Any] = []

    def run(deployment: Any, scenario: Any, **options: Any) -> Any:
        assert options["armed"]
        options["progress"](Progress(Phase.BASELINE, 1.0))
        seen.append(one.paged)
        while not options["over"]():
            options["progress"](Progress(Phase.ACTIVE, 1.0))
            time.sleep(0.01)
        return SimpleNamespace(saved=options["save"])

    loads: list[str] = []
    one = drill(monkeypatch, tmp_path, run, loads)
    one.begin(1234.5678)
    until(lambda: one.paged is not None)
    assert seen == [None], "no page in the baseline"
    assert not one.ended
    assert one.truth is None
    one.end()
    until(lambda: one.ended)
    assert one.truth is TRUTH
    assert one.incident == "workshop-01"
    assert loads == ["constant", "usual"]
    assert one.arguments == ("--context", "lab", "--drill", "--began", "1234.568")


def test_the_room_is_told_what_a_drill_waits_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(deployment: Any, scenario: Any, **options: Any) -> Any:
        options["progress"](Progress(Phase.STEADY, 90.0, "the service is not steady: p90 <swings>"))
        until(options["cancelled"])
        raise Refused("cancelled")

    one = drill(monkeypatch, tmp_path, run, [])
    room = Workshop([one], None)
    key = room.join("Ada")
    room.start()
    until(lambda: one.waits)
    said = "The baseline is over, but the service is not steady: p90 &lt;swings&gt;. The drill waits for that"
    for page in (pages.bar(room, room.players[key], ()), pages.board_now(room), pages.instructor_now(room)):
        assert said in page
    one.close()


def test_closing_gives_it_up_and_waits_for_the_way_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    undone: list[bool] = []

    def run(deployment: Any, scenario: Any, **options: Any) -> Any:
        until(options["cancelled"])
        undone.append(True)
        return SimpleNamespace(saved=None, aborted="cancelled", command="", state="RECOVERED", detail="")

    one = drill(monkeypatch, tmp_path, run, [])
    one.begin(time.time())
    one.close()
    assert undone == [True]
    assert (one.ended, one.truth, one.problem) == (True, None, "cancelled")


def test_what_is_refused_is_said_and_a_fault_that_sticks_comes_with_its_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(deployment: Any, scenario: Any, **options: Any) -> Any:
        raise Refused("refused, nothing was touched: not steady")

    one = drill(monkeypatch, tmp_path, refuse, [])
    one.begin(time.time())
    until(lambda: one.ended)
    assert "not steady" in one.problem

    def stick(deployment: Any, scenario: Any, **options: Any) -> Any:
        return SimpleNamespace(saved=None, aborted="", command="kill -CONT 1", state="STUCK", detail="no answer")

    monkeypatch.setattr(live.scenario_drill, "run", stick)
    one.begin(time.time())
    until(lambda: one.ended)
    assert one.problem == "STUCK, no answer: kill -CONT 1"


def test_the_thread_of_a_drill_connects_to_what_the_command_line_named(monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[object] = []

    class Lab(Deployment):
        def topology(self) -> Any:
            return slow_replica().topology

        def close(self) -> None:
            pass

    def connect(named: object) -> Any:
        connected.append(named)
        return Lab()

    def run() -> None:
        connection.choose("lab")
        drills.extend(workshop._live(["false-alarm"], yes=True))

    drills: list[Any] = []
    monkeypatch.setattr(workshop, "connect", connect)
    monkeypatch.setattr("faults.possible.in_deployment", lambda deployment: ("cpu-stress",))
    monkeypatch.setattr("faults.scenario.Scenario.draw", lambda scenario, deployment: None)
    contextvars.Context().run(run)
    (one,) = drills
    with one._connect():  # in another context, as in a thread
        pass
    assert connected == ["lab", "lab"]
    assert one.arguments == ("--context", "lab", "--drill", "--began", "0.000")
