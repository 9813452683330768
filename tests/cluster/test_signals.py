from __future__ import annotations

import subprocess
import sys

import pytest

from cluster import signals
from cluster.signals import Hurts, Quantity
from cluster.topology import Kind

UNITS = {"1", "1/s", "s", "bytes", "bytes/s", "cores", "Hz", "W", "°C"}
SPOKEN_OF = {
    Kind.HEAD: "cpu_usage cpu_throttled memory_working_set network_receive network_transmit request_rate error_rate "
    "latency_p50 latency_p90 ttft_p50 ttft_p90 tpot_p50 tpot_p90 token_rate queue_length running_requests slots_busy",
    Kind.GATEWAY: "request_rate error_rate error_ratio latency_p50 latency_p90 ttft_p50 ttft_p90 tpot_p50 tpot_p90 "
    "connections cpu_usage memory_working_set network_receive network_transmit",
    Kind.NODE: "cpu_usage memory_used",
}


@pytest.mark.parametrize("kind", SPOKEN_OF)
def test_every_kind_carries_what_the_other_rooms_rely_on(kind: Kind) -> None:
    assert set(SPOKEN_OF[kind].split()) <= {signal.name for signal in signals.carried_by(kind)}


def test_replicas_carry_what_the_head_does_except_the_cluster_s_control() -> None:
    head, replica = ({s.name for s in signals.carried_by(kind)} for kind in (Kind.HEAD, Kind.REPLICA))
    assert head - replica == {"gcs_memory"}
    assert not replica - head


def test_units_are_base_units_and_fit_the_kind_of_quantity() -> None:
    for signal in signals.SIGNALS.values():
        assert signal.unit in UNITS, signal.name
        if signal.quantity is Quantity.RATIO:
            assert signal.unit == "1", signal.name
        if signal.unit == "s":
            assert signal.quantity is Quantity.QUANTILE, signal.name
            assert signal.hurts is Hurts.UP, signal.name
    assert signals.UNITS["latency_p90"] == "s"


def test_edges_have_the_signals_of_calls() -> None:
    names = {signal.name for signal in signals.SIGNALS.values() if signal.on_edges}
    assert {"request_rate", "error_rate", "latency_p50", "latency_p90"} <= names
    assert all(signal.kinds or signal.on_edges for signal in signals.SIGNALS.values())


def test_an_unknown_name_is_answered_with_those_that_exist() -> None:
    with pytest.raises(KeyError, match=r"no signal latency; there are: .*latency_p90"):
        signals.signal("latency")


def test_the_vocabulary_loads_without_heavy_packages() -> None:
    code = "import sys, cluster.signals; print([m for m in ('pandas', 'numpy', 'requests') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"
