"""A drill from its baseline to its incident, on a deployment whose latency rises while the fault is in."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fake_deployment import FakeDeployment
from fake_fault import UNDO, Backend, FakeFault, Keeper

from cluster import signals
from cluster.capture import capture
from cluster.incident import store
from cluster.window import Window
from faults import catalog, drill, effects, record, recover, steady, watchdog
from faults.drill import Phase, Progress
from faults.effects import Landing
from faults.engine import Engine
from faults.errors import FaultError, ReadOnly, Refused, UnknownFault
from faults.states import State
from faults.steady import Level
from faults.types import Direction, Effect, Plan, Role


class Slow(FakeFault):
    """Raises every latency of the fake deployment while it is in."""

    effects = (
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 2.0),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 2.0),
    )
    lands = True

    def inject(self, deployment: Any, plan: Plan) -> None:
        super().inject(deployment, plan)
        if self.lands:
            deployment.set(raised=[(time.time(), None)])

    def revert(self, deployment: Any, plan: Plan) -> None:
        super().revert(deployment, plan)
        if self.lands:
            deployment.set(raised=[(start, end or time.time()) for start, end in _raised(deployment)])


def _raised(deployment: FakeDeployment) -> list[tuple[float, float | None]]:
    state = json.loads((deployment.folder / "deployment.json").read_text())
    return [tuple(pair) for pair in state.get("raised", [])]


class Drills:
    def __init__(self, folder: Path, fault: FakeFault) -> None:
        self.folder = folder
        self.deployment = FakeDeployment.start(folder, step=0.1)
        self.fault = fault
        undo = dataclasses.replace(UNDO, load=lambda name, kind: fault)
        self.engine = Engine(self.deployment, armed=True, folder=folder / "journal", undo=undo)
        self.said: list[Progress] = []

    @property
    def phase(self) -> Phase | None:
        return self.said[-1].phase if self.said else None

    def run(self, **named: Any) -> drill.DrillReport:
        times = {"baseline": 1.0, "seconds": 1.0, "aftermath": 1.0} | named
        return drill.run(
            self.deployment, self.fault, "replica-1", armed=True, progress=self.said.append, engine=self.engine, **times
        )


@pytest.fixture
def drills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drills:
    monkeypatch.setattr(watchdog, "start", lambda journal, command: Keeper())
    monkeypatch.setattr(drill, "LAG", 0.0)
    monkeypatch.setattr(drill, "_become_steady", lambda *arguments: None)
    monkeypatch.setattr(steady, "level", lambda deployment: Level(0.5, 0.6, 0.0))
    return Drills(tmp_path, Slow(Backend()))


def test_the_whole_of_it(drills: Drills) -> None:
    report = drills.run(save=drills.folder / "x.zip")
    assert report.whole
    assert (report.state, report.landing, report.aborted) == (State.RECOVERED, Landing.LANDED, "")
    assert [one.component for one in report.sli] == ["gateway", "gateway"]
    json.dumps(report.as_json())
    assert not drills.fault.backend.injected

    assert report.saved == drills.folder / "x.zip"
    incident, truth = store.load(report.saved), store.load_truth(report.saved)
    assert truth is not None
    assert (truth.components, truth.fault, dict(truth.parameters)) == (("replica-1",), "fake-fault", {"size": 1})
    assert truth.reverted_at is not None
    assert truth.injected_at == pytest.approx(incident.window.start + 1.0)
    assert truth.reverted_at == pytest.approx(incident.window.end - 1.0)
    assert truth.reverted_at - truth.injected_at >= 1.0
    assert incident.onset is None

    phases = list(dict.fromkeys(one.phase for one in drills.said))
    assert phases == [
        Phase.BASELINE, Phase.INJECTING, Phase.ACTIVE, Phase.REVERTING, Phase.AFTERMATH, Phase.SAVING,
    ]  # fmt: skip
    told = " ".join(f"{one.phase} {one.message}" for one in drills.said)
    assert "replica" not in told
    assert "fake-fault" not in told


def test_cancelled_before_the_fault_touches_nothing(drills: Drills) -> None:
    with pytest.raises(Refused, match="cancelled before"):
        drills.run(cancelled=lambda: True)
    assert recover.pending(drills.folder / "journal") == []
    assert not (drills.folder / "journal").exists()


def test_cancelled_while_active_is_undone_and_not_saved(drills: Drills) -> None:
    report = drills.run(seconds=60, save=drills.folder / "x", cancelled=lambda: drills.phase is Phase.ACTIVE)
    assert (report.aborted, report.state, report.saved) == ("cancelled", State.RECOVERED, None)
    assert not report.whole
    assert not (drills.folder / "x").exists()
    assert not drills.fault.backend.injected


def test_cancelled_in_the_aftermath_is_not_saved(drills: Drills) -> None:
    report = drills.run(aftermath=60, save=drills.folder / "x", cancelled=lambda: drills.phase is Phase.AFTERMATH)
    assert (report.aborted, report.saved) == ("cancelled", None)


def test_interrupted_is_undone(drills: Drills) -> None:
    def interrupt() -> bool:
        if drills.phase is Phase.ACTIVE:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        drills.run(seconds=60, cancelled=interrupt)
    assert not drills.fault.backend.injected
    assert recover.pending(drills.folder / "journal") == []


def test_a_fault_that_changes_nothing_is_absent(drills: Drills) -> None:
    drills.fault.lands = False  # type: ignore[attr-defined]
    assert drills.run().landing is Landing.ABSENT


def test_what_can_be_refused_is_refused_before_the_baseline(drills: Drills) -> None:
    (drills.folder / "there.zip").touch()
    for named, reason in (
        ({"save": drills.folder / "there.zip"}, "exists already"),
        ({"save": drills.folder / "no" / "where.zip"}, "not a folder"),
        ({"baseline": 0.0}, "baseline"),
        ({"aftermath": 1e9}, "aftermath"),
        ({"seconds": 1e9}, "lasts"),
        ({"parameters": {"size": 99}}, "size"),
    ):
        with pytest.raises(FaultError, match=reason):
            drills.run(**named)
    assert drills.said == []
    read_only = Engine(drills.deployment, armed=False, folder=drills.folder / "journal")
    with pytest.raises(ReadOnly):
        drill.run(drills.deployment, drills.fault, "head", armed=False, engine=read_only)
    with pytest.raises(UnknownFault, match="cpu-stress"):
        drill.run(drills.deployment, "nonsense", "head", armed=True)


def test_a_baseline_with_another_fault_in_it_starts_again(drills: Drills) -> None:
    other = drills.engine.inject(drills.fault, "head", {}, 5)
    drills.engine.revert(other)
    ended = time.time()
    report = drills.run()
    assert report.injected_at is not None
    assert report.injected_at - 1.0 >= ended - 0.1


@pytest.mark.parametrize(
    ("direction", "before", "during", "expected"),
    [
        (Direction.UP, [1, 1, 1, 2], [3, 3, 3], Landing.LANDED),
        (Direction.UP, [1, 1, 1, 1], [1.4, 1.4, 1.4], Landing.WEAK),
        (Direction.UP, [1, 1, 1, 5], [1.9, 1.9, 1.9], Landing.ABSENT),
        (Direction.UP, [0, 0, 0], [0, 0, 0], Landing.ABSENT),
        (Direction.UP, [0, 0, 0], [1, 1, 1], Landing.LANDED),
        (Direction.DOWN, [4, 4, 4], [1, 1, 1], Landing.LANDED),
        (Direction.DOWN, [4, 4, 4], [3, 3, 3], Landing.WEAK),
        (Direction.DOWN, [4, 4, 4], [5, 5, 5], Landing.ABSENT),
        (Direction.UP, [1, 1], [3, 3, 3], Landing.UNKNOWN),
        (Direction.UP, [1, 1, 1], [], Landing.UNKNOWN),
    ],
)
def test_landed_weak_absent(direction: Direction, before: list[float], during: list[float], expected: Landing) -> None:
    effect = Effect(Role.TARGET, "latency_p90", direction, 2.0)
    assert effects._landing(effect, before, during) is expected


def test_the_catalogue_and_what_it_names_agree() -> None:
    for entry in catalog.entries():
        assert catalog.load(entry.name, entry.deployments[0]).summary == entry.summary
        for kind in entry.deployments:
            fault = catalog.load(entry.name, kind)
            assert (fault.name, fault.deployments) == (entry.name, {kind})
            assert fault.summary and fault.targets
            assert fault.effects or entry.name == "two-at-once"  # which has those of its two
            assert {effect.signal for effect in fault.effects} <= signals.SIGNALS.keys()
            assert fault.parse({}) == fault.parameters()
            for name, field in fault.parameters.model_fields.items():
                assert field.description and field.description.endswith("]"), f"{entry.name}: {name} has no unit"
        assert not catalog.availability(entry.name, None).ok
    with pytest.raises(UnknownFault, match=r"there is no fault 'x'; there are: .*cpu-stress, "):
        catalog.load("x")


@pytest.mark.slow
def test_record_goes_on_where_it_stopped(drills: Drills, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "load", lambda name, kind: drills.fault)
    monkeypatch.setattr(record, "_become_steady", lambda *arguments: None)
    folder = tmp_path / "out"
    times = record.Times(1.0, 1.0, 1.0)
    lines: list[str] = []

    def run(jobs: dict[tuple[str, str], int]) -> int:
        return record.record(drills.deployment, Counter(jobs), folder, times, log=lines.append, engine=drills.engine)

    head, replica = ("fake-fault", "head"), ("fake-fault", "replica-1")
    assert run({head: 1}) == 0
    first = (folder / "drill-01.zip").read_bytes()
    assert run({head: 1, replica: 1}) == 0
    assert (folder / "drill-01.zip").read_bytes() == first
    assert sorted(path.name for path in folder.iterdir()) == ["drill-01.zip", "drill-02.zip", "manifest.json"]
    assert json.loads((folder / "manifest.json").read_text())["drills"] == 2
    assert record._recorded(folder) == Counter({head: 1, replica: 1})
    (folder / "drill-01.zip").unlink()
    assert record._next_name(folder).name == "drill-01.zip"
    assert not any(word in line for line in lines for word in ("head", "replica", "fake-fault"))


def test_record_puts_off_what_fails_and_gives_up_in_the_end(
    drills: Drills, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def run(deployment: object, fault: str, target: str, *, save: Path, **named: object) -> drill.DrillReport:
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
        out, quiet = tmp_path / folder, lambda line: None
        return record.record(drills.deployment, jobs, out, record.Times(), seed=1, log=quiet, engine=drills.engine)

    fails = 1
    assert (begin("once", 1), len(tried), tried[-1]) == (0, 4, "head")
    fails = 1000
    assert (begin("always", 1), tried.count("head")) == (1, record.MAX_ATTEMPTS)
    assert len(list((tmp_path / "always").glob("drill-*.zip"))) == 2
    assert begin("nothing", 100) >= 100
    assert len(tried) <= record.MAX_IN_A_ROW + 2 * (record.MAX_IN_A_ROW + 1)


def test_record_counts_what_was_asked_for(tmp_path: Path) -> None:
    from cluster.incident.truth import Truth

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
