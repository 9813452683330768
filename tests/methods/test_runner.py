"""Real worker processes; misbehaving methods are put into a catalogue of their own, in a module that workers import."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cluster.incident.container import IncidentError
from methods import catalog
from methods.answer.types import NoRanking, Ranking, Reason
from methods.running import pool, results, runner
from methods.running.pool import Answer, NotStarted, Pool, Task
from methods.running.seeds import generator

BEHAVIOURS = """
import os, time
import numpy as np
from cluster.incident.container import IncidentError
from methods import catalog
from methods.answer.types import Family, Method, NoRanking, Reason

class _Base(Method):
    family = Family.METRIC
    def rank(self, incident, rng):
        return self.act(incident, rng)

class Raises(_Base):
    name = "raises"
    def act(self, incident, rng):
        raise ValueError("no such\\x1b[2J thing")

class Hangs(_Base):
    name = "hangs"
    def act(self, incident, rng):
        while True:
            pass

class Waits(_Base):
    name = "waits"
    def act(self, incident, rng):
        time.sleep(3600)

class Dies(_Base):
    name = "dies"
    def act(self, incident, rng):
        os._exit(3)

class Eats(_Base):
    name = "eats"
    def act(self, incident, rng):
        return NoRanking(Reason.ERROR, str(np.ones(10**12).sum()))

class Hoards(_Base):
    name = "hoards"
    def act(self, incident, rng):
        import mmap
        held = mmap.mmap(-1, 900 << 20)  # shared memory: no limit on data counts it
        for page in range(0, len(held), 4096):
            held[page] = 1
        time.sleep(3600)

class Threads(_Base):
    name = "threads"
    def act(self, incident, rng):
        return NoRanking(Reason.NOT_APPLICABLE, os.environ["OPENBLAS_NUM_THREADS"] + " " + str(os.getpid()))

class Priority(_Base):
    name = "priority"
    def act(self, incident, rng):
        return NoRanking(Reason.NOT_APPLICABLE, str(os.nice(0)))
"""
MISBEHAVING = ("Raises", "Hangs", "Waits", "Dies", "Eats", "Hoards", "Threads", "Priority")


@pytest.fixture
def misbehaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers start with a site hook that adds the misbehaving methods to their catalogue."""
    (tmp_path / "misbehaving.py").write_text(BEHAVIOURS)
    lines = ["import sys, misbehaving", "from methods import catalog"]
    for cls in MISBEHAVING:
        lines.append(f"sys.modules['methods.{cls.lower()}'] = misbehaving")
        lines.append(
            f"catalog._ENTRIES += (catalog.Entry('{cls.lower()}', '{cls}', 'metric', 'seconds', ('metrics',), ''),)"
        )
    (tmp_path / "sitecustomize.py").write_text("\n".join(lines))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))


def answers(incident, names, *, deadline: float = 60.0, workers: int = 1, seed: int = 0) -> dict[str, Answer]:
    tasks = [Task(incident.id, lambda: incident, name, seed, deadline) for name in names]
    with Pool(workers) as processes:
        return {answer.task.method: answer for answer in processes.run(tasks)}


def workers_alive() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [c for c in children if c.status() != psutil.STATUS_ZOMBIE and "methods.running.worker" in c.cmdline()]


@pytest.mark.slow
def test_workers_have_the_priority_of_their_caller_unless_they_are_in_the_background(incident, misbehaving) -> None:
    own, found = os.nice(0), []
    for background in (False, True):
        with Pool(1, background=background) as processes:
            (answer,) = processes.run([Task(incident.id, lambda: incident, "priority", 0, 60.0)])
        found.append(answer.outcome)
    wanted = (own, max(own, pool.BACKGROUND))
    assert found == [NoRanking(Reason.NOT_APPLICABLE, str(niceness)) for niceness in wanted]


@pytest.mark.slow
def test_methods_that_misbehave_are_answered_for(incident, misbehaving) -> None:
    found = answers(incident, ["raises", "dies", "eats", "nsigma", "threads"])
    outcomes = {name: answer.outcome for name, answer in found.items()}
    assert isinstance(outcomes["nsigma"], Ranking)
    for name, words in (("raises", "ValueError"), ("dies", "exit code 3"), ("eats", "memory")):
        outcome = outcomes[name]
        assert isinstance(outcome, NoRanking)
        assert outcome.reason is Reason.ERROR
        assert words in outcome.detail
        assert outcome.detail.isprintable()
    assert outcomes["dies"].detail.startswith("the worker process ended with exit code 3")
    assert outcomes["threads"].detail.startswith("1 ")
    assert not workers_alive()


def test_a_worker_that_holds_too_much_is_killed_where_the_system_does_not_limit_it(incident, misbehaving) -> None:
    task = Task(incident.id, lambda: incident, "hoards", 0, 600.0)
    with Pool(1, memory_limit=800 << 20) as processes:
        (answer,) = processes.run([task])
    assert answer.outcome == NoRanking(Reason.ERROR, "it needed more memory than one worker may have")
    assert not workers_alive()


@pytest.mark.parametrize("cores", [1, 3, None])
def test_where_a_process_cannot_be_bound_to_cores_all_of_them_count(
    monkeypatch: pytest.MonkeyPatch, cores: int | None
) -> None:
    monkeypatch.delattr(psutil.Process, "cpu_affinity")  # as on macOS
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(psutil, "cpu_count", lambda: cores)
    assert pool.default_workers() == (cores or 1)


@pytest.mark.slow
def test_a_deadline_kills_and_the_next_method_runs(incident, misbehaving) -> None:
    found = answers(incident, ["hangs", "nsigma"], deadline=3.0)
    outcome = found["hangs"].outcome
    assert isinstance(outcome, NoRanking)
    assert outcome.reason is Reason.TIMEOUT
    assert isinstance(found["nsigma"].outcome, Ranking)
    assert not workers_alive()


@pytest.mark.slow
def test_a_method_that_waits_is_killed_too(incident, misbehaving) -> None:
    outcome = answers(incident, ["waits"], deadline=0.1)["waits"].outcome
    assert isinstance(outcome, NoRanking)
    assert outcome.reason is Reason.TIMEOUT
    assert not workers_alive()


def without_a_core(monkeypatch: pytest.MonkeyPatch, patience: float) -> None:
    """Other work takes all cores: the clock goes on, and a worker that starts has used no CPU time yet."""
    monkeypatch.setattr(pool, "START_LIMIT", 0.001)
    monkeypatch.setattr(pool, "PATIENCE", patience)
    monkeypatch.setattr(pool._Worker, "_cpu", lambda self: 0.0)


def test_a_worker_that_waits_for_a_core_is_not_given_up(incident, monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_core(monkeypatch, patience=1e6)
    assert isinstance(answers(incident, ["nsigma"])["nsigma"].outcome, Ranking)


def test_a_worker_that_never_starts_is_an_error_of_one_sentence(incident, monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_core(monkeypatch, patience=1.0)
    with pytest.raises(NotStarted) as caught:
        answers(incident, ["nsigma"])
    waited = "no method could run, as the worker process did not start within 0.001 s, most of which it waited"
    assert str(caught.value) == f"{waited}: free memory and CPU, then try again"
    assert not workers_alive()


def test_a_process_that_was_started_ahead_takes_the_first_task_and_ends_with_the_pool(incident) -> None:
    with Pool(1) as processes:
        processes.start()
        (ahead,) = workers_alive()
        assert [found.method for found in runner.run(incident, ["nsigma"], pool=processes)] == ["nsigma"]
        assert workers_alive() == [ahead]
    assert not workers_alive()


def test_cancelling_stops_what_runs(incident, misbehaving) -> None:
    cancelled = threading.Event()
    tasks = [Task(incident.id, lambda: incident, name, 0, 60.0) for name in ("nsigma", "hangs")]
    with Pool(1) as processes:
        seen = []
        for answer in processes.run(tasks, cancelled):
            seen.append(answer.task.method)
            cancelled.set()
        assert seen == ["nsigma"]
    assert not workers_alive()


def test_the_next_incident_is_made_ready_while_the_last_one_is_ranked(incident, misbehaving) -> None:
    ready = threading.Event()

    def following():
        ready.set()
        return incident

    tasks = [Task("first", lambda: incident, "hangs", 0, 20.0), Task("second", following, "nsigma", 0, 20.0)]
    with Pool(1) as processes:
        assert list(processes.run(tasks, cancelled=ready)) == []


def test_an_incident_that_cannot_be_loaded_is_the_callers_error(incident) -> None:
    def fails():
        raise IncidentError("it is cut off")

    tasks = [Task("first", lambda: incident, "nsigma", 0, 60.0), Task("second", fails, "nsigma", 0, 60.0)]
    with Pool(1) as processes, pytest.raises(IncidentError, match="it is cut off"):
        list(processes.run(tasks))
    assert not workers_alive()


def test_closing_the_iterator_leaves_no_process(incident) -> None:
    found: Iterator[runner.Result] = runner.run(incident, ["nsigma", "baro"], workers=1)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert not workers_alive()


def test_results_come_cheap_first_with_an_estimated_onset_and_as_json(incident) -> None:
    found = list(runner.run(incident.at(None), ["baro", "nsigma", "dummy"], workers=1))
    assert [r.method for r in found] == [e.name for e in catalog.entries() if e.name in ("baro", "nsigma", "dummy")]
    plain = json.loads(json.dumps(results.as_json(incident.onset, found), allow_nan=False))
    assert plain["onset"] == incident.onset.time
    nsigma = next(r for r in plain["results"] if r["method"] == "nsigma")
    assert set(nsigma) == {"method", "family", "status", "reason", "seconds", "components", "signals"}
    assert nsigma["status"] == "ranked"
    assert nsigma["components"][0]["component"] == "replica-1"
    assert nsigma["signals"][0]["component"] == "replica-1"


def test_no_ranking_as_json() -> None:
    found = runner.Result("nsigma", catalog.load("nsigma").family, NoRanking(Reason.TIMEOUT, "no answer"), 60.0)
    plain = results.as_json(None, [found])
    assert plain["onset"] is None
    assert plain["results"][0]["status"] == "no_ranking"
    assert plain["results"][0]["reason"] == "timeout: no answer"
    assert plain["results"][0]["components"] == []


def test_an_unknown_method_is_refused_before_anything_starts(incident) -> None:
    with pytest.raises(catalog.UnknownMethod, match="there are: "):
        runner.run(incident, ["nsigma", "oracle"])
    assert not workers_alive()


def test_every_method_draws_from_a_generator_of_its_own() -> None:
    draws = {(seed, name): generator(seed, name).integers(2**60) for seed in (0, 1) for name in ("dummy", "rcd")}
    assert len(set(draws.values())) == 4
    assert draws[0, "dummy"] == generator(0, "dummy").integers(2**60)
