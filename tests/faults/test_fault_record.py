"""Recording a set of drills: what is drawn from a seed, what is tried again, what the load does meanwhile."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_deployment import FakeDeployment, wait_for
from fake_drills import Drills
from fake_fault import Backend, FakeFault

from cluster.capture import capture
from cluster.incident import envelope, store
from cluster.incident.truth import NO_FAULT, Truth
from cluster.window import Window
from faults import catalog, drill, record
from faults.effects import Landing
from faults.engine import Engine
from faults.errors import FaultError, Refused
from faults.record import Task
from faults.recording import recipe
from faults.recording.conditions import DRAINING, Conditions, Following, Shape
from faults.recording.recipe import Recording
from faults.states import State


@pytest.mark.slow
def test_record_goes_on_where_it_stopped(drills: Drills, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "load", lambda name, kind: drills.fault)
    monkeypatch.setattr(record, "_become_steady", lambda *arguments: None)
    folder = tmp_path / "out"
    folder.mkdir()
    times = record.Times(1.0, 1.0, 1.0)
    lines: list[str] = []

    def run(jobs: dict[tuple[str, str], int]) -> int:
        tasks = record.of_plans(folder, Counter(jobs))
        return record.record(drills.deployment, tasks, times, log=lines.append, engine=drills.engine)

    head, replica = ("fake-fault", "head"), ("fake-fault", "replica-1")
    assert run({head: 1}) == 0
    first = (folder / "drill-01.zip").read_bytes()
    assert run({head: 1, replica: 1}) == 0
    assert (folder / "drill-01.zip").read_bytes() == first
    assert sorted(path.name for path in folder.iterdir()) == ["drill-01.zip", "drill-02.zip", "manifest.json"]
    assert json.loads((folder / "manifest.json").read_text())["drills"] == 2
    assert record._recorded(folder) == Counter({head: 1, replica: 1})
    (folder / "drill-01.zip").unlink()
    assert record.of_plans(folder, Counter({head: 2, replica: 1}))[0].path.name == "drill-01.zip"
    assert not any(word in line for line in lines for word in ("head", "replica", "fake-fault"))


def test_record_puts_off_what_fails_and_gives_up_in_the_end(
    drills: Drills, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def run(
        deployment: object, fault: str, target: str, parameters: object, *, save: Path, **named: object
    ) -> drill.DrillReport:
        tried.append(target)
        if target == "head" and tried.count("head") <= fails:
            raise Refused("not now")
        save.touch()
        state, landing = State.RECOVERED, Landing.LANDED
        return drill.DrillReport("x", fault, target, {}, state, True, "", "", "", landing, (), (), 1.0, 2.0, save)

    monkeypatch.setattr(drill, "run", run)
    monkeypatch.setattr(record, "_become_steady", lambda *arguments: None)

    def begin(folder: str, heads: int) -> int:
        tried.clear()
        jobs = Counter({("fake-fault", "head"): heads, ("fake-fault", "replica-0"): 1, ("fake-fault", "replica-1"): 1})
        (tmp_path / folder).mkdir()
        tasks, quiet = record.of_plans(tmp_path / folder, jobs, seed=1), lambda line: None
        return record.record(drills.deployment, tasks, record.Times(), log=quiet, engine=drills.engine)

    fails = 1
    assert (begin("once", 1), len(tried), tried[-1]) == (0, 4, "head")
    fails = 1000
    assert (begin("always", 1), tried.count("head")) == (1, record.MAX_ATTEMPTS)
    assert len(list((tmp_path / "always").glob("drill-*.zip"))) == 2
    assert begin("nothing", 100) >= 100
    assert len(tried) <= record.MAX_IN_A_ROW + 2 * (record.MAX_IN_A_ROW + 1)


def test_what_is_left_over_is_undone_before_the_next_drill_and_in_the_end(
    drills: Drills, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def run(*drawn: object, save: Path, **named: object) -> drill.DrillReport:
        """Undone, but the service is not healthy when patience ends."""
        done.append(save.stem)
        save.touch()
        landed, stuck = Landing.LANDED, State.STUCK
        return drill.DrillReport("x", "fake-fault", "head", {}, stuck, True, "", "", "", landed, (), (), 1.0, 2.0, save)

    monkeypatch.setattr(drill, "run", run)
    monkeypatch.setattr(record, "_become_steady", lambda *arguments: None)
    monkeypatch.setattr(record.recover, "recover", lambda folder: done.append("recover") or [])
    tasks = record.of_plans(tmp_path, Counter({("fake-fault", "head"): 2}))
    assert record.record(drills.deployment, tasks, record.Times(), log=lambda line: None, engine=drills.engine) == 0
    assert done == ["recover", "drill-01", "recover", "drill-02", "recover"]


def test_record_counts_what_was_asked_for(tmp_path: Path) -> None:

    deployment = FakeDeployment.start(tmp_path)
    window = Window(1000.0, 1010.0)
    for number, truth in enumerate(
        (
            Truth((), "load-surge", 1004.0, 1006.0, target="gateway"),
            Truth(("replica-0", "replica-1"), "two-at-once", 1004.0, 1006.0, target="replica-1"),
            Truth(("head",), "cpu-stress", 1004.0, 1006.0),
        ),
        start=1,
    ):
        store.save(capture(deployment, window, 1.0), tmp_path / f"drill-0{number}.zip", truth)
    asked = {("load-surge", "gateway"): 1, ("two-at-once", "replica-1"): 1, ("cpu-stress", "head"): 1}
    assert record._recorded(tmp_path) == asked


@pytest.mark.parametrize(
    "plan", ["", "cpu-stress", "cpu-stress:head", "cpu-stress:head:0", "cpu-stress:head:x", "a:b:1"]
)
def test_a_plan_that_is_none_is_refused(plan: str) -> None:
    with pytest.raises(FaultError):
        record.parse_plans([plan])


def test_plans_add_up() -> None:
    assert record.parse_plans(["cpu-stress:head:2", "cpu-stress:head:1"]) == {("cpu-stress", "head"): 3}


def test_a_seed_draws_every_fault_twice_half_of_it_only_scored() -> None:
    drawn = recipe.draw(7)
    assert drawn == recipe.draw(7) != recipe.draw(8)
    kinds = Counter(one.fault for one in drawn)
    assert kinds.pop(NO_FAULT) == 2 * recipe.QUIET
    assert min(kinds.values()) == recipe.EACH
    assert kinds.total() == recipe.EACH * len(kinds) + recipe.MORE
    for kind in kinds:
        parts = Counter(one.scored for one in drawn if one.fault == kind)
        assert abs(parts[True] - parts[False]) <= 1
    for scored in (False, True):
        loads = Counter(c.conditions.shape is Shape.STEADY for c in drawn if c.fault != NO_FAULT and c.scored == scored)
        assert abs(loads[True] - loads[False]) <= 1
    assert all(one.conditions.rate <= recipe.STEADY for one in drawn)
    shapes = Counter(one.conditions.shape is Shape.STEADY for one in drawn if one.fault == NO_FAULT)
    assert shapes[True] == shapes[False] == recipe.QUIET


def test_a_slower_machine_is_drawn_the_same_drills_under_less_load() -> None:
    for usual, slow in zip(recipe.draw(7), recipe.draw(7, holds=2.5), strict=True):
        assert dataclasses.replace(slow, conditions=usual.conditions) == usual
        assert slow.conditions.rate == min(usual.conditions.rate, 2.5)
        growth = [one.conditions.to / one.conditions.rate for one in (usual, slow)]
        assert growth[1] == pytest.approx(growth[0], abs=0.01)


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "1e3"])
def test_a_machine_holds_a_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: str) -> None:
    with pytest.raises(SystemExit) as ended:
        record.main(["--out", str(tmp_path), "--seed", "7", "--holds", rate])
    assert ended.value.code == 2 and "no rate from 0.1 to 100 requests/s" in capsys.readouterr().err


def test_what_is_drawn_can_be_injected() -> None:
    for one in recipe.draw(3):
        if one.fault != NO_FAULT:
            fault = catalog.load(one.fault, "local")
            fault.parse(one.parameters)


def test_the_load_goes_as_its_shape_says() -> None:
    step = Conditions(Shape.STEP, 2.0, 5.0, after=10.0)
    assert [step.rate_at(100, since) for since in (None, 9.0, 10.0)] == [2.0, 2.0, 5.0]
    ramp = Conditions(Shape.RAMP, 2.0, 5.0, after=10.0)
    assert [ramp.rate_at(100, since) for since in (None, 10.0, 10.0 + 45.0 / 3, 1000.0)] == [2.0, 2.0, 3.0, 5.0]
    bursts = Conditions(Shape.BURSTS, 2.0, 5.0)
    assert [bursts.rate_at(elapsed, None) for elapsed in (0.0, 15.0, 30.0, 45.0)] == [2.0, 5.0, 2.0, 5.0]


class Loaded(FakeDeployment):
    """Keeps the rates that it was given."""

    rates: list[float | None]

    def set_rate(self, rate: float | None) -> None:
        self.rates.append(rate)


def test_the_deployment_follows_the_load(tmp_path: Path) -> None:
    FakeDeployment.start(tmp_path)
    deployment = Loaded(tmp_path)
    deployment.rates = []
    with Following(deployment, Conditions(Shape.STEP, 2.0, 5.0)) as load:
        assert deployment.rates == [2.0]
        load.baseline_ended()
        assert wait_for(lambda: deployment.rates[-1] == 5.0)
        load.fault_ended(0.0)
        assert wait_for(lambda: deployment.rates[-1] == DRAINING)
    assert deployment.rates[-1] is None


@pytest.mark.slow
def test_a_stretch_without_a_fault_has_nobody_to_blame(
    drills: Drills, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "_become_steady", lambda *arguments: None)
    conditions = Conditions(Shape.RAMP, 3.0, 6.0, after=1.0)
    task = Task(tmp_path / "drill-67.zip", Recording(NO_FAULT, "", conditions=conditions))
    assert record.record(drills.deployment, [task], record.Times(1.0, 1.0, 1.0), engine=drills.engine) == 0
    truth = envelope.load_truth(task.path)
    assert truth is not None
    assert (truth.components, truth.fault, truth.target) == ((), NO_FAULT, "")
    assert truth.conditions == conditions.as_json()


def test_the_split_is_written_before_the_first_drill(tmp_path: Path) -> None:
    tasks = record.of_seed(tmp_path, 7, 67)
    split = json.loads((tmp_path / "split.json").read_text())
    assert split["scored"] == [task.path.stem for task in tasks if task.recording.scored]
    assert split["developed"] == [task.path.stem for task in tasks if not task.recording.scored]
    tasks[0].path.touch()
    assert record.of_seed(tmp_path, 7, 67) == tasks[1:]


@pytest.mark.parametrize("fault", ["fake-fault", NO_FAULT])
def test_what_it_waits_for_is_told_once(
    deployment: FakeDeployment, engine: Engine, backend: Backend, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    later, waits = [20.0, 20.0, 0.2], list[str]()

    def pause(seconds: float) -> None:
        deployment.set(latency=later.pop(0))

    monkeypatch.setattr(catalog, "load", lambda name, kind: FakeFault(backend))
    monkeypatch.setattr(record, "time", SimpleNamespace(sleep=pause))
    deployment.set(latency=20.0)
    record._become_steady(engine, Recording(fault, "" if fault == NO_FAULT else "head"), waits.append)
    assert waits == ["the service is not steady: the p90 latency reached 20 s; at most 10 s is steady"]
    assert not later
