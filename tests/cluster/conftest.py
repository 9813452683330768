from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import prometheus_data

from cluster.topology import Component, Edge, Kind, Relation, Topology, calls


@pytest.fixture(scope="session")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus with two minutes of every source's series."""
    if missing := prometheus_data.missing_binaries():
        pytest.skip(f"not installed here: {', '.join(missing)} (Debian's package prometheus has both)")
    with prometheus_data.prometheus(tmp_path_factory.mktemp("prometheus"), prometheus_data.everything()) as url:
        yield url


@pytest.fixture
def topology() -> Topology:
    """The components of the local deployment."""
    serving = prometheus_data.PODS
    kinds = {"head": Kind.HEAD, "gateway": Kind.GATEWAY, "node": Kind.NODE}
    components = tuple(Component(name, kinds.get(name, Kind.REPLICA)) for name in ("gateway", *serving, "node"))
    runs_on = tuple(Edge(name, "node", Relation.RUNS_ON) for name in ("gateway", *serving))
    return Topology(components, calls("gateway", serving) + runs_on, front_door="gateway")
