"""What chance draws for a blind drill can run, and can hit what it was drawn for."""

from __future__ import annotations

import random
from pathlib import Path
from unittest import mock

import pytest
from fake_deployment import FakeDeployment

from faults import blind, catalog
from faults.errors import Refused
from faults.types import Availability


def test_draws_every_fault_that_can_run_and_only_what_it_can_hit(tmp_path: Path) -> None:
    deployment = FakeDeployment.start(tmp_path)
    able = {entry.name for entry in catalog.entries() if catalog.load(entry.name).available(deployment).ok}
    drawn = {blind.draw(deployment, random.Random(seed)) for seed in range(60 * len(able))}
    assert {fault for fault, _ in drawn} <= able
    assert "cpu-stress" in able
    for fault, target in drawn:
        assert deployment.topology().component(target).kind in catalog.load(fault).targets
    assert len({target for _, target in drawn}) > 1
    assert all(blind.draw(deployment)[0] in able for _ in range(5))


def test_nothing_to_draw_refuses(tmp_path: Path) -> None:
    deployment = FakeDeployment.start(tmp_path)
    none = mock.patch("faults.local.cpu_stress.CpuStress.available", return_value=Availability(False, "no"))
    row = catalog.entry("cpu-stress")
    only = mock.patch.object(catalog, "entries", lambda: (row,))
    with none, only, pytest.raises(Refused, match="no fault can run"):
        blind.draw(deployment)
