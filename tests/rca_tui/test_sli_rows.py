"""Latency against peers: the same as peer by peer, in time that grows with the number of components alone."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.topology import Component, Edge, Kind, Relation, Topology
from rca_tui.draw.sli_rows import _against_peers

KINDS = (Kind.GATEWAY, Kind.HEAD, Kind.REPLICA, Kind.ENGINE, Kind.SERVICE)
parts = st.lists(st.sampled_from(KINDS), min_size=1, max_size=8)


@given(data=st.data(), kinds=parts)
def test_it_is_latency_over_the_median_of_the_peers(data: st.DataObject, kinds: list[Kind]) -> None:
    ids = [f"c{i}" for i in range(len(kinds))]
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(ids), st.sampled_from(ids)), max_size=12, unique=True))
    topology = Topology(
        tuple(map(Component, ids, kinds)), tuple(Edge(source, target, Relation.CALLS) for source, target in pairs)
    )
    latencies = {one: data.draw(st.sampled_from((None, 0.0, 0.1, 0.2, 0.2, 5.0))) for one in ids}
    wanted = {}
    for one, latency in latencies.items():
        usual = [value for peer in topology.peers(one) if (value := latencies[peer])]
        if latency is not None and usual:
            wanted[one] = latency / median(usual)
    assert _against_peers(topology, latencies) == pytest.approx(wanted)


def test_replicas_of_one_gateway_are_asked_for_their_peers_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [f"replica-{i}" for i in range(200)]
    topology = Topology(
        (Component("gateway", Kind.GATEWAY), *(Component(one, Kind.REPLICA) for one in ids)),
        tuple(Edge("gateway", one, Relation.CALLS) for one in ids),
        "gateway",
    )
    asked: list[str] = []
    peers = Topology.peers
    monkeypatch.setattr(Topology, "peers", lambda self, one: asked.append(one) or peers(self, one))
    found = _against_peers(topology, dict.fromkeys(topology.ids, 0.5))
    assert set(found.values()) == {1.0} and len(found) == 200
    assert len(asked) == 2
