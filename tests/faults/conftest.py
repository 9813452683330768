"""A deployment that is a folder and a fault that is a set: what most tests of the engine stand on."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_deployment import FakeDeployment, connect
from fake_drills import Drills, Slow
from fake_fault import Backend, FakeFault, Keeper

from faults import drill, steady, watchdog
from faults.engine import Engine
from faults.steady import Level
from faults.undo import Undo


@pytest.fixture
def deployment(tmp_path: Path) -> FakeDeployment:
    return FakeDeployment.start(tmp_path)


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def undo(backend: Backend) -> Undo:
    """The way back without waiting, for faults in one process."""
    return Undo(
        connect=connect,
        load=lambda name, kind: FakeFault(backend),
        sleep=lambda seconds: None,
        end_orphans=lambda header: "",
        lock_patience=0.0,
    )


@pytest.fixture
def engine(deployment: FakeDeployment, undo: Undo, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine whose watchdog is no process."""
    monkeypatch.setattr(watchdog, "start", lambda journal, command: Keeper())
    return Engine(deployment, armed=True, folder=deployment.folder / "journal", undo=undo)


@pytest.fixture
def drills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drills:
    monkeypatch.setattr(watchdog, "start", lambda journal, command: Keeper())
    monkeypatch.setattr(drill, "LAG", 0.0)
    monkeypatch.setattr(drill, "become_steady", lambda *arguments: None)
    monkeypatch.setattr(steady, "level", lambda deployment: Level(0.5, 0.6, 0.0))
    return Drills(tmp_path, Slow(Backend()))
