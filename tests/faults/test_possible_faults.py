"""The faults that can be named in a guess: those of a kind of deployment, whatever is wrong in it."""

from __future__ import annotations

import dataclasses

import pytest

from cluster.deployment import Deployment
from cluster.incident import library
from cluster.playback import PlayedDeployment
from cluster.topology import Component, Kind, Topology
from faults import catalog, possible
from faults.types import Availability


def test_a_deployment_without_a_gpu_has_none_of_its_faults() -> None:
    local = possible.in_kind("local", gpus=False)
    assert "cpu-throttle" in local and not [name for name in local if name.startswith("gpu-")]
    assert set(possible.in_kind("local", gpus=True)) - set(local) == {"gpu-contention", "gpu-memory", "gpu-power-cap"}
    assert "hot-replica" not in possible.in_kind("kubernetes", gpus=True)
    assert "freeze" in possible.in_kind("rcaeval", gpus=False)


@pytest.mark.slow
def test_all_recordings_of_one_kind_offer_the_same() -> None:
    shipped = [listing.name for listing in library.listings() if listing.shipped][::8]
    offered = {possible.in_deployment(PlayedDeployment(library.load(name), "x")) for name in shipped}
    assert offered == {possible.in_incident(library.load(shipped[0]))} == {possible.in_kind("local", gpus=False)}
    truths = filter(None, map(library.load_truth, shipped))
    assert {truth.fault for truth in truths} <= {*offered.pop(), "none"}


def test_a_gpu_is_one_of_the_topology_or_one_that_was_measured() -> None:
    incident = library.load("drill-05")
    gpu = Topology((*incident.topology.components, Component("gpu-0", Kind.GPU)))
    metrics = incident.telemetry.metrics.copy()
    metrics["node", "gpu_power"] = 1.0
    measured = dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, metrics=metrics))
    assert not incident.has_gpus
    assert measured.has_gpus and dataclasses.replace(incident, topology=gpu).has_gpus


@pytest.mark.parametrize("there", [True, False])
def test_a_live_deployment_says_whether_it_has_one(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Here:
        kind = "local"

        def topology(self) -> Topology:
            return Topology(())

    monkeypatch.setattr(catalog, "availability", lambda name, deployment: Availability(there, ""))
    deployment: Deployment = Here()  # type: ignore[assignment]
    assert ("gpu-memory" in possible.in_deployment(deployment)) is there
