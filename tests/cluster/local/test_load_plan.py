"""Loads over time, and the schedule that follows a file which changes while it runs."""

from __future__ import annotations

import itertools
import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from cluster.deployment import DeploymentError
from cluster.local import load_plan
from cluster.local.deployment import LocalDeployment
from cluster.local.layout import RunDir
from cluster.local.load import Schedule, prompt
from cluster.local.load_plan import NAMED, Arrival, LoadPlan, Shape
from cluster.local.settings import write_json
from rca_tui.__main__ import app


def until(plan: LoadPlan, seconds: float, seed: int = 1) -> list[Arrival]:
    requests = load_plan.requests(plan, random.Random(seed))
    return list(itertools.takewhile(lambda one: one.at < seconds, requests))


def per(plan: LoadPlan, seconds: float, stretch: float) -> list[int]:
    """Requests in each stretch."""
    counts = [0] * int(seconds / stretch)
    for one in until(plan, seconds):
        counts[int(one.at / stretch)] += 1
    return counts


@pytest.mark.parametrize("shape", NAMED)
@pytest.mark.parametrize("rate", [0.5, 4.0])
def test_every_shape_has_the_mean_rate(shape: Shape, rate: float) -> None:
    seconds = 10 * load_plan.DAY
    requests = until(LoadPlan(shape, rate, 12), seconds)
    assert len(requests) / seconds == pytest.approx(rate, rel=0.08)
    assert [one.at for one in requests] == sorted(one.at for one in requests)
    assert {(one.words, one.max_tokens) for one in requests} == {(0, 12)}


def test_shapes_differ_in_how_much_they_vary() -> None:
    constant, bursty, diurnal = (per(LoadPlan(shape), 6000, 10) for shape in NAMED)
    assert statistics.pstdev(constant) < 1 < statistics.pstdev(bursty)
    assert max(diurnal) == pytest.approx(64, abs=3) and min(diurnal) == pytest.approx(16, abs=3)
    assert diurnal[:60] == pytest.approx(diurnal[60:120], abs=3)


def test_a_trace_is_sent_again_and_again() -> None:
    plan = LoadPlan(Shape.TRACE, 2.0, 8, "x.csv", 3.0, (Arrival(0.0, 5, 9), Arrival(1.0, 6, 8)))
    assert [(one.at, one.words, one.max_tokens) for one in until(plan, 5)] == [
        (0.0, 5, 9),
        (1.0, 6, 8),
        (3.0, 5, 9),
        (4.0, 6, 8),
    ]


@pytest.mark.parametrize("shape", NAMED)
def test_none_is_none(shape: Shape) -> None:
    plan = LoadPlan(shape, 0.0)
    assert until(plan, 10) == [] and plan.sentence() == "no requests"


@pytest.mark.parametrize(
    "wrong", [{"rate": -1}, {"rate": float("nan")}, {"rate": 101}, {"max_tokens": 0}, {"shape": Shape.TRACE}]
)
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(DeploymentError, match=r"must be from|needs"):
        LoadPlan(**wrong)  # type: ignore[arg-type]


def test_a_plan_crosses_into_the_sandbox_whole(tmp_path: Path) -> None:
    plan = LoadPlan(Shape.TRACE, 2.0, 8, "x.csv", 3.0, (Arrival(0.0, 5, 9),), ("a note",))
    load_plan.write(tmp_path / "load.json", plan)
    assert load_plan.read(tmp_path / "load.json") == plan


@pytest.mark.parametrize("text", ["", "{", "[]", '{"rate": 1e9}', '{"shape": "x"}', '{"arrivals": [{"at": "x"}]}'])
def test_a_damaged_plan_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "load.json").write_text(text)
    with pytest.raises(DeploymentError, match="load"):
        load_plan.read(tmp_path / "load.json")


class Clock:
    now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def sent(schedule: Schedule, clock: Clock, seconds: float, step: float = 0.05) -> list[float]:
    """When the requests of the next seconds are sent, if it is looked at the files twice a second."""
    found = []
    for tick in range(round(seconds / step)):
        clock.now += step
        if tick % 10 == 0:
            schedule.look()
        while schedule.wait() <= 0:
            schedule.take()
            found.append(round(clock.now, 2))
    return found


def test_the_schedule_follows_a_new_plan_and_a_rate_that_is_set(tmp_path: Path, clock: Clock) -> None:
    plan_file, rate_file = tmp_path / "load.json", tmp_path / "rate"
    load_plan.write(plan_file, LoadPlan(rate=2.0))
    schedule = Schedule(plan_file, rate_file, random.Random(0))
    assert len(sent(schedule, clock, 10)) == pytest.approx(20, abs=1)
    load_plan.write(plan_file, LoadPlan(rate=4.0, max_tokens=3))
    assert len(sent(schedule, clock, 10)) == pytest.approx(40, abs=2)
    rate_file.write_text("1.0")
    assert len(sent(schedule, clock, 10)) == pytest.approx(10, abs=1)
    plan_file.write_text("damaged")
    assert len(sent(schedule, clock, 10)) == pytest.approx(10, abs=1)
    write_json(plan_file, {"rate": 0})
    rate_file.unlink()
    assert sent(schedule, clock, 10) == []


def test_a_rate_that_is_set_each_second_sends_fewer_than_one_a_second(tmp_path: Path, clock: Clock) -> None:
    plan_file, rate_file = tmp_path / "load.json", tmp_path / "rate"
    load_plan.write(plan_file, LoadPlan())
    schedule = Schedule(plan_file, rate_file, random.Random(0))
    found = []
    for second in range(20):
        rate_file.write_text(f"0.{5 + second % 2}")
        found += sent(schedule, clock, 1)
    assert len(found) == pytest.approx(11, abs=2)


def test_a_stall_is_no_burst(tmp_path: Path, clock: Clock) -> None:
    load_plan.write(tmp_path / "load.json", LoadPlan(rate=10.0))
    schedule = Schedule(tmp_path / "load.json", tmp_path / "rate", random.Random(0))
    sent(schedule, clock, 1)
    clock.now += 60
    assert len(sent(schedule, clock, 1)) <= 12


def test_prompts_have_the_words_that_a_trace_asks_for() -> None:
    rng = random.Random(0)
    assert [len(prompt(rng, words).split()) for words in (1, 5, 64)] == [1, 5, 64]
    assert 4 <= len(prompt(rng).split()) <= 9


def test_without_a_deployment_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    said = CliRunner().invoke(app, ["load", "bursty"])
    assert said.exit_code == 2 and "`rca-tui up` starts one" in said.stderr
    said = CliRunner().invoke(app, ["up", "--load", "nonsense"])
    assert said.exit_code == 2 and "one of constant, bursty, diurnal, or a file that exists" in said.stderr


def test_a_lent_load_comes_back_also_when_another_process_returns_it(tmp_path: Path) -> None:
    deployment = LocalDeployment(SimpleNamespace(run_dir=RunDir(tmp_path)))  # type: ignore[arg-type]
    usual, bursty, diurnal = LoadPlan(rate=3.0), LoadPlan(Shape.BURSTY), LoadPlan(Shape.DIURNAL)
    deployment.set_load(usual)
    assert not deployment.return_load()
    deployment.lend_load(bursty)  # cut off
    deployment.lend_load(diurnal)
    assert deployment.load() == diurnal
    assert deployment.return_load()
    assert deployment.load() == usual
    assert not deployment.return_load()
    deployment.lend_load(bursty)
    deployment.set_load(diurnal)  # a person's choice stays
    assert not deployment.return_load()
    assert deployment.load() == diurnal
