"""Which component a pod is, while pods come and go."""

from __future__ import annotations

from dataclasses import replace

import mock_stack
import pytest

from cluster.kubernetes.identity import PodHistory
from cluster.kubernetes.objects import Pod, parse_pod


def pod(name: str, created: int, owner: str = "ReplicaSet") -> Pod:
    body = mock_stack.plain_pod(name, {"app": "vllm"}, owner)
    body["metadata"] |= {"uid": f"uid-{name}", "creationTimestamp": f"2026-11-29T10:00:{created:02}Z"}
    return parse_pod(body)


def going(one: Pod) -> Pod:
    return replace(one, deleting=True, ready=False)


class Group:
    """The pods of one group, as the deployment reads them again and again."""

    def __init__(self, *pods: Pod) -> None:
        self.history = PodHistory(None)
        self.read(*pods)

    def read(self, *pods: Pod) -> dict[str, str]:
        assigned = self.history.assign("replica", pods)
        self.history.record({component: (one,) for component, one in assigned.items()})
        return {component: one.name for component, one in assigned.items()}


A, B, C = pod("vllm-7c9d8f-aaaaa", 1), pod("vllm-7c9d8f-bbbbb", 2), pod("vllm-7c9d8f-ccccc", 3)
NEW = pod("vllm-7c9d8f-nnnnn", 9)


def test_a_successor_takes_the_number_of_the_pod_that_is_ending() -> None:
    """A Deployment makes the new pod at once, while the old one serves its last requests."""
    group = Group(A, B, C)
    assert group.read(A, going(B), C)["replica-1"] == B.name, "without a successor it is still there"
    expected = {"replica-0": A.name, "replica-1": NEW.name, "replica-2": C.name}
    assert group.read(A, going(B), C, NEW) == expected
    assert group.read(A, C, NEW) == expected
    assert group.history.names()[B.name] == "replica-1", "its telemetry is the component's"


def test_a_rolling_update_renames_no_living_pod() -> None:
    group = Group(A, B, C)
    new = [pod(f"vllm-5b5b5b-{letter * 5}", 10 + i) for i, letter in enumerate("xyz")]
    surge = group.read(A, B, C, new[0])
    assert surge["replica-3"] == new[0].name, "more pods than before: a further number"
    assert group.read(going(A), B, C, new[0], new[1])["replica-0"] == new[1].name
    assert group.read(going(B), C, *new)["replica-1"] == new[2].name
    assert group.read(going(C), *new)["replica-2"] == C.name
    after = group.read(*new)
    assert after == {"replica-0": new[1].name, "replica-1": new[2].name, "replica-3": new[0].name}


def test_a_stateful_set_keeps_its_numbers_while_one_is_replaced() -> None:
    first, second = pod("vllm-0", 1, "StatefulSet"), pod("vllm-1", 2, "StatefulSet")
    group = Group(first, second)
    assert group.read(going(first), second) == {"replica-0": "vllm-0", "replica-1": "vllm-1"}
    again = replace(first, uid="another", created="2026-11-29T10:00:30Z")
    assert group.read(again, second) == {"replica-0": "vllm-0", "replica-1": "vllm-1"}


@pytest.mark.parametrize("newest", [True, False])
def test_a_pod_that_ends_before_it_was_known_takes_no_number_from_another(newest: bool) -> None:
    unknown = going(replace(NEW, created="2026-11-29T10:00:00Z" if not newest else NEW.created))
    assert Group(A, B).read(A, B, unknown) == {"replica-0": A.name, "replica-1": B.name, "replica-2": unknown.name}


def test_a_group_whose_name_begins_like_another_is_another() -> None:
    history = PodHistory(None)
    history.record({"ray-replicas-head-0": (A,)})
    assert list(history.assign("ray-replicas", [A])) == ["ray-replicas-0"]
