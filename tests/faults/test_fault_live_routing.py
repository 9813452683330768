"""The real gateway: requests go another way while the fault is in, and the configuration is the old one afterwards."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_deployment import wait_for

from cluster.local.access_log import Tail, parse
from faults import catalog
from faults.engine import Engine
from faults.states import State

if TYPE_CHECKING:
    from cluster.local.deployment import LocalDeployment

pytestmark = pytest.mark.live


def test_the_gateway_follows_another_routing_and_then_the_old_one(
    live_deployment: LocalDeployment, live_state_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(live_state_home))
    gateway = live_deployment.gateway()
    before = (gateway.config(), gateway.routing())
    engine = Engine(live_deployment, armed=True)
    fault = catalog.load("hot-replica")
    assert wait_for(lambda: engine.check(fault, "replica-0").ok, 120)
    injection = engine.inject(fault, "replica-0", {"weight": 4}, 90)
    since = time.time()
    try:
        assert gateway.routing() == injection.plan.injection
        log = Tail(live_deployment.state.run_dir.access_log)
        list(log.lines())
        served: Counter[str] = Counter()

        def hot() -> bool:
            # Only what was sent since: what waited on a pod before it may end in any number now.
            found = [access for line in log.lines() if (access := parse(line)) is not None]
            served.update(access.upstream for access in found if access.time - access.request_time >= since)
            peers = max((count for pod, count in served.items() if pod != "replica-0"), default=0)
            return served.total() >= 24 and served["replica-0"] >= 1.5 * peers

        # Four for one are sent to it; fewer end, because a hot replica answers late.
        assert wait_for(hot, 75), served
    finally:
        undone = engine.revert(injection)
    assert (undone.state, undone.clean) == (State.RECOVERED, True), undone
    assert (gateway.config(), gateway.routing()) == before
