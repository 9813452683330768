"""The components behind targets."""

from __future__ import annotations

import pytest

from cluster.deployment import DeploymentError
from cluster.endpoints.fleet import FRONT_DOOR, Member, fleet_of
from cluster.topology import Kind, Relation


def test_without_labels_each_target_is_a_replica_behind_a_virtual_front_door() -> None:
    found = fleet_of([Member("a:1"), Member("b:1")])
    assert found.ids == ("replica-1", "replica-2")
    assert found.topology.front_door == FRONT_DOOR
    assert found.topology.callees(FRONT_DOOR) == found.ids
    assert found.topology.peers("replica-1") == ("replica-2",)


def test_labels_name_components_roles_and_gateways() -> None:
    found = fleet_of(
        [
            Member("g:1", {"role": "gateway", "component": "edge"}),
            Member("a:1", {"component": "alpha"}),
            Member("a:2", {"component": "alpha"}),
            Member("b:1", {"gateway": "router"}),
            Member("r:1", {"component": "router", "role": "router", "gateway": "edge"}),
            Member("a:9100", {"role": "node"}),
        ]
    )
    assert found.ids == ("edge", "alpha", "alpha", "replica-1", "router", "node")
    assert found.topology.front_door == "edge"
    assert set(found.topology.callees("edge")) == {"alpha", "router"}
    assert found.topology.callees("router") == ("replica-1",)
    assert found.topology.hosts("alpha") == ("node",)
    assert {edge.relation for edge in found.topology.edges} == {Relation.CALLS, Relation.RUNS_ON}


def test_a_gateway_that_is_not_scraped_is_a_virtual_one() -> None:
    found = fleet_of([Member("a:1", {"gateway": "proxy"}), Member("b:1", {"gateway": "proxy"})])
    assert found.topology.front_door == "proxy"
    assert found.topology.component("proxy").kind is Kind.GATEWAY


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([Member("a:1", {"role": "gateway"})], "no target is a replica"),
        ([Member("g:1", {"role": "gateway"}), Member("h:1", {"role": "gateway"}), Member("a:1")], "at the front"),
        ([Member("a:1", {"component": "x"}), Member("b:1", {"component": "x", "role": "node"})], "one role"),
        ([Member("a:1", {"component": "x", "gateway": "y"}), Member("b:1", {"component": "y"})], "one role"),
    ],
)
def test_what_cannot_be_is_one_sentence(members: list[Member], said: str) -> None:
    with pytest.raises(DeploymentError, match=said):
        fleet_of(members)


def test_hostile_labels_make_harmless_ids() -> None:
    found = fleet_of([Member("a:1", {"component": "\x1b[31mred\n"}), Member("b:1", {"component": "///"})])
    assert found.ids == ("[31mred", "replica-1")
