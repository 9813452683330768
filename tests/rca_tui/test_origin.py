"""The line about where a signal comes from: what can be mended first, and nothing hostile in it."""

from __future__ import annotations

from cluster.provenance import Builder, Origin, Provenance
from rca_tui.draw.origin import origin_of


def provenance() -> Provenance:
    found = Builder()
    found.add("replica-1", "queue_length", Origin.MEASURED, metrics=("vllm:num_requests_waiting",), interval=5.0)
    found.add("replica-1", "preemption_rate", Origin.NOT_EXPORTED)
    found.add("replica-1", "kv_usage", Origin.UNKNOWN_NAME, metrics=("acme_\x1b[31mkv",))
    found.add("replica-2", "queue_length", Origin.PARTIAL, reason="isPartial")
    return found.build()


def test_the_signal_first_then_what_can_be_mended() -> None:
    line = origin_of(provenance(), "replica-1", "queue_length").plain
    assert line.startswith("measured as vllm:num_requests_waiting, every 5 s · known under no name: kv_usage (acme_")
    assert line.endswith(" · not exported: preemption_rate")
    assert "\x1b" not in line


def test_of_a_partial_signal_the_reason() -> None:
    assert origin_of(provenance(), "replica-2", "queue_length").plain == "partial: isPartial"


def test_nothing_is_said_of_telemetry_that_says_nothing() -> None:
    assert not origin_of(Provenance(), "replica-1", "queue_length")
