"""The checks on the real deployment on this machine."""

from __future__ import annotations

import time

import pytest

from cluster.local.deployment import LocalDeployment
from guidelines import checkup, survey
from guidelines.types import Verdict

pytestmark = pytest.mark.live

PASS = {
    "engine-per-replica",
    "metric-names",
    "edge-latency",
    "trace-depth",
    "logs-per-replica",
    "metric-types",
    "hygiene",
}
FAIL = {"head-apart"}
UNKNOWN = {"gpu-to-pod", "gpu-throttling", "violation-units", "gpu-xid", "gpu-work"}


def test_what_a_live_deployment_tells_of_itself(live_deployment: LocalDeployment) -> None:
    found, deadline = {}, time.monotonic() + 120
    while time.monotonic() < deadline:
        # Traces and traffic need requests, which the load generator sends a few of each second.
        report = checkup.run(survey.of_deployment(live_deployment))
        found = {each.guideline.name: each.finding for each in report.checked}
        if all(found[name].verdict is Verdict.PASS for name in PASS):
            break
        time.sleep(1)
    assert {name: found[name].saw for name in PASS if found[name].verdict is not Verdict.PASS} == {}
    assert all(found[name].verdict is Verdict.FAIL for name in FAIL)
    assert all(found[name].verdict is Verdict.UNKNOWN for name in UNKNOWN)
    assert report.live and report.blind_faults
