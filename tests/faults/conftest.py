"""A deployment that is a folder and a fault that is a set: what most tests of the engine stand on."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_deployment import FakeDeployment
from fake_fault import Backend


@pytest.fixture
def deployment(tmp_path: Path) -> FakeDeployment:
    return FakeDeployment.start(tmp_path)


@pytest.fixture
def backend() -> Backend:
    return Backend()
