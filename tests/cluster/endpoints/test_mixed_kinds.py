"""A virtual front door before engines of several kinds has the latency of the slowest, and says so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import prometheus_data
import pytest
from prometheus_data import SECONDS, T0, Exposition, level, steady

from cluster.deployment import DeploymentError
from cluster.endpoints import doctor
from cluster.endpoints.deployment import EndpointsDeployment
from cluster.endpoints.fleet import FRONT_DOOR, Member, fleet_of
from cluster.endpoints.reading import View
from cluster.endpoints.watched import Watched
from cluster.http import Login
from cluster.prometheus.client import Prometheus
from cluster.window import Window

WINDOW = Window(T0 + 60, T0 + SECONDS - 10)
VLLM, TGI = "vllm:e2e_request_latency_seconds", "tgi_request_duration"


class Watching(EndpointsDeployment):
    def __init__(self, url: str, members: int) -> None:
        super().__init__(Watched(("http://a:1/metrics",)))
        self._url, self._fleet = url, fleet_of([Member(f"h:{n}") for n in range(members)])

    def login(self) -> Login:
        return Login(self._url)

    def look(self, server: Prometheus, window: Window) -> View:
        return View(self._fleet, "component", {own: own for own in self._fleet.ids}, "", server.names(WINDOW), 1.0)


def fleet(*engines: tuple[str, tuple[tuple[float, float], ...]]) -> Exposition:
    """One replica for each (histogram, ((bound in s, share of the requests up to it), …)), two requests a second."""
    out = Exposition()
    for number, (name, shares) in enumerate(engines, 1):
        labels = {"component": f"replica-{number}"}
        out.add("up", labels, level(1.0))
        for bound, share in (*shares, (float("inf"), 1.0)):
            le = "+Inf" if bound == float("inf") else repr(bound)
            out.add(f"{name}_bucket", {**labels, "le": le}, steady(2.0 * share))
    return out


@pytest.fixture
def latency(tmp_path: Path):
    if missing := prometheus_data.missing_binaries():
        pytest.skip(f"not installed here: {', '.join(missing)} (Debian's package prometheus has both)")

    def read(out: Exposition, members: int) -> tuple[dict[str, float], tuple[str, ...]]:
        with prometheus_data.prometheus(tmp_path, out) as url:
            found = Watching(url, members).samples(WINDOW, 1.0, ["latency_p50", "latency_p90"])
        values = {
            f"{component} {signal}": float(np.nanmedian(found.metrics[component, signal]))
            for component, signal in found.metrics.columns
        }
        return values, found.notes

    return read


def test_of_several_kinds_the_slowest_is_read_and_the_others_are_told(latency) -> None:
    # The second kind's buckets have other bounds and another unit of names; it is the slower one.
    vllm, tgi = ((0.5, 0.5), (1.0, 1.0)), ((3.0, 0.0), (7.0, 1.0))
    values, notes = latency(fleet((VLLM, vllm), (TGI, tgi), (VLLM, vllm)), 3)
    assert values[f"{FRONT_DOOR} latency_p90"] == pytest.approx(6.6)
    assert values["replica-1 latency_p90"] == pytest.approx(0.9)
    assert values["replica-2 latency_p90"] == pytest.approx(6.6)
    (note,) = [note for note in notes if FRONT_DOOR in note]
    assert (
        "slowest of vllm:e2e_request_latency_seconds_bucket, tgi_request_duration_bucket" in note
        and "cannot be added" in note
    )


def test_one_kind_is_merged_by_bucket(latency) -> None:
    fast, slow = ((0.5, 0.5), (1.0, 1.0), (4.0, 1.0)), ((0.5, 0.0), (1.0, 0.0), (4.0, 1.0))
    values, notes = latency(fleet((VLLM, fast), (VLLM, slow)), 2)
    assert values[f"{FRONT_DOOR} latency_p50"] == pytest.approx(1.0)
    assert values[f"{FRONT_DOOR} latency_p90"] == pytest.approx(1.0 + 3.0 * 0.8)
    assert not [note for note in notes if FRONT_DOOR in note]


def test_doctor_lists_the_names_that_no_table_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing := prometheus_data.missing_binaries():
        pytest.skip(f"not installed here: {', '.join(missing)} (Debian's package prometheus has both)")
    out = Exposition()
    exported = {"replica-1": ("vllm:num_requests_waiting", "python_info"), "replica-2": ("habanalabs_power_mW",)}
    for own, names in exported.items():
        out.add("up", {"component": own}, level(1.0))
        for name in names:
            out.add(name, {"component": own}, level(1.0))
    out.histogram("acme_seats", {"component": "replica-2"}, steady(1.0))
    monkeypatch.setattr(doctor, "time", SimpleNamespace(time=lambda: T0 + 100.0))
    with prometheus_data.prometheus(tmp_path, out) as url:
        checks = {check.name: check for check in doctor._signals(Watching(url, 2))}
    assert checks["replica-1"].found == "1 signals: queue_length"
    assert checks["replica-2"].found == "no signal; in no table: acme_seats, habanalabs_power_mW"


def test_a_store_that_refuses_to_list_all_names_leaves_doctor_its_signals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Watching, window: Window) -> dict[str, frozenset[str]]:
        raise DeploymentError("too many series")

    if missing := prometheus_data.missing_binaries():
        pytest.skip(f"not installed here: {', '.join(missing)} (Debian's package prometheus has both)")
    monkeypatch.setattr(Watching, "names", refused)
    monkeypatch.setattr(doctor, "time", SimpleNamespace(time=lambda: T0 + 100.0))
    out = Exposition()
    out.add("vllm:num_requests_waiting", {"component": "replica-1"}, level(1.0))
    with prometheus_data.prometheus(tmp_path, out) as url:
        checks = {check.name: check for check in doctor._signals(Watching(url, 1))}
    assert checks["replica-1"].found == "1 signals: queue_length"
