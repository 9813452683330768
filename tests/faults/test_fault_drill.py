"""A drill from its baseline to its incident, on a deployment whose latency rises while the fault is in."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

import pandas as pd
import pytest
from fake_drills import Drills
from fake_fault import FakeFault

from cluster import signals
from cluster.deployment import Samples
from cluster.incident import envelope, store
from cluster.incident.truth import NO_FAULT
from cluster.topology import Component, Kind, Topology
from cluster.window import Window
from faults import catalog, drill, effects, recover, scenario, scenario_drill, scenario_library
from faults.effects import Landing, Periods
from faults.engine import Engine
from faults.errors import FaultError, ReadOnly, Refused, UnknownFault
from faults.scenario import Cause
from faults.states import Phase, State
from faults.types import Availability, Direction, Effect, Role

pytestmark = pytest.mark.slow


def test_the_whole_of_it(drills: Drills) -> None:
    report = drills.run(save=drills.folder / "x.zip")
    assert report.whole
    assert (report.state, report.landing, report.aborted) == (State.RECOVERED, Landing.LANDED, "")
    assert [one.component for one in report.sli] == ["gateway", "gateway"]
    json.dumps(report.as_json())
    assert not drills.fault.backend.injected

    assert report.saved == drills.folder / "x.zip"
    incident, truth = store.load(report.saved), envelope.load_truth(report.saved)
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
    found = _landing_of(direction, dict(enumerate(before)), dict(enumerate(during, start=101)), 4, 4)
    assert found is expected


HIGH, SAME = dict.fromkeys(range(100, 160), 3.0), dict.fromkeys(range(100, 160), 1.0)


@pytest.mark.parametrize(("during", "whole"), [(HIGH, Landing.LANDED), (SAME, Landing.ABSENT)])
@pytest.mark.parametrize(
    ("before", "kept", "told"),
    [
        (range(100), range(100, 160), True),
        (range(100), range(115, 160, 2), True),
        (range(50), range(130, 160), True),
        (range(100), range(157, 160), False),
        (range(100), range(115, 160, 15), False),
        (range(100), range(115), False),  # only the stretch in which the effect may still build up
        (range(100), range(100, 116), False),
        (range(97, 100), range(100, 160), False),
        (range(0, 100, 25), range(100, 160), False),
        (range(0, 100, 25), range(115, 160, 15), False),
    ],
)
def test_what_is_nearly_all_missing_cannot_be_told(
    before: range, kept: range, told: bool, during: dict[int, float], whole: Landing
) -> None:
    left = {time: value for time, value in during.items() if time in kept}
    found = _landing_of(Direction.UP, dict.fromkeys(before, 1.0), left, 100, 60)
    assert found is (whole if told else Landing.UNKNOWN)


def _landing_of(
    direction: Direction, before: dict[int, float], during: dict[int, float], usual: int, active: int
) -> Landing:
    """Of an effect of factor 2 with these samples on a grid of 1 s: `usual` s from 0 on, `active` s from 100 s on."""
    end = 100 + active
    periods = Periods(Window(0, usual), Window(100, end), Window(end, end + 10))
    series = pd.Series({**before, **during}, dtype="float64").reindex(pd.RangeIndex(end + 10))
    topology = Topology((Component("head", Kind.HEAD),), (), "head")
    effect = Effect(Role.TARGET, "latency_p90", direction, 2.0)
    samples = Samples(pd.DataFrame({("head", "latency_p90"): series}), pd.DataFrame())
    (found,) = effects.look_in(samples, topology, [("head", effect)], periods)
    return found.landing


@pytest.mark.parametrize(
    ("before", "during", "expected"),
    [
        (range(100), (), Landing.LANDED),
        (range(100), range(100, 114), Landing.LANDED),  # what the rate's window still holds: no part of "during"
        (range(100), range(100, 160, 2), Landing.LANDED),
        (range(100), (t for t in range(100, 160) if t % 10 < 7), Landing.WEAK),
        (range(100), range(100, 160), Landing.ABSENT),
        (range(2), (), Landing.UNKNOWN),
    ],
)
def test_a_signal_that_should_stop(before: Iterable[int], during: Iterable[int], expected: Landing) -> None:
    times = [*before, *during]
    series = pd.Series(1.0, index=pd.Index(times, dtype="float64"))
    metrics = pd.DataFrame({("head", "token_rate"): series})
    periods = Periods(Window(0, 100), Window(100, 160), Window(160, 200))
    topology = Topology((Component("head", Kind.HEAD),), (), "head")
    wanted = [("head", Effect(Role.TARGET, "token_rate", Direction.LOST, 2.0))]
    (found,) = effects.look_in(Samples(metrics, pd.DataFrame()), topology, wanted, periods)
    assert found.landing is expected


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


def test_a_fault_whose_time_is_over_early_is_reverted_and_saved(drills: Drills) -> None:
    report = drills.run(save=drills.folder / "x.zip", seconds=60.0, over=lambda: drills.phase is Phase.ACTIVE)
    assert (report.whole, report.aborted) == (True, "")
    assert report.saved is not None
    assert not drills.fault.backend.injected


def test_a_drill_without_a_fault_looks_like_one(drills: Drills) -> None:
    said: list[Phase] = []
    report = drill.without_fault(
        drills.deployment,
        baseline=1.0,
        seconds=1.0,
        aftermath=1.0,
        save=drills.folder / "x.zip",
        progress=lambda progress: said.append(progress.phase),
    )
    assert report.whole
    truth = envelope.load_truth(drills.folder / "x.zip")
    assert truth is not None
    assert (truth.components, truth.fault) == ((), NO_FAULT)
    assert list(dict.fromkeys(said)) == [
        Phase.BASELINE, Phase.INJECTING, Phase.ACTIVE, Phase.REVERTING, Phase.AFTERMATH, Phase.SAVING,
    ]  # fmt: skip


def test_a_drill_without_a_fault_that_is_cancelled_saves_nothing(drills: Drills) -> None:
    said: list[Phase] = []
    report = drill.without_fault(
        drills.deployment,
        baseline=0.5,
        seconds=60.0,
        aftermath=1.0,
        save=drills.folder / "x.zip",
        progress=lambda progress: said.append(progress.phase),
        cancelled=lambda: Phase.ACTIVE in said,
    )
    assert (report.whole, report.aborted, report.saved) == (False, "cancelled", None)
    assert not (drills.folder / "x.zip").exists()


def test_a_scenario_applies_what_it_says(drills: Drills, monkeypatch: pytest.MonkeyPatch) -> None:
    read = scenario_library.find("false-alarm")[1]
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(drill, "run", lambda *_, **options: asked.append(options))
    monkeypatch.setattr(drill, "without_fault", lambda *_, **options: asked.append(options))
    monkeypatch.setattr(FakeFault, "available", lambda self, deployment: Availability(True))
    monkeypatch.setattr(scenario.catalog, "load", lambda name, kind="local": drills.fault)
    for name in ("cpu-stress", NO_FAULT):
        chosen = read.model_copy(update={"may": (Cause.model_construct(fault=name, targets=(), parameters={}),)})
        scenario_drill.run(drills.deployment, chosen, armed=True, save=drills.folder / "x.zip")
    for options in asked:
        assert (options["baseline"], options["seconds"]) == (read.baseline, read.longest)
        assert options["conditions"] == {"load": read.load}
    with pytest.raises(ReadOnly):
        scenario_drill.run(drills.deployment, read, armed=False, save=drills.folder / "x.zip")
