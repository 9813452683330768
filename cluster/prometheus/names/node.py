"""The node exporter, and the local deployment's exporter, which uses the same names for its machine."""

from __future__ import annotations

from cluster.prometheus.promql import EVERYWHERE, Rule, Spelling, gauge, rate
from cluster.topology import Kind

_NODE, _LABELS = frozenset({Kind.NODE}), ("instance", "node")
_TOTAL, _AVAILABLE = (gauge(f"node_memory_Mem{part}_bytes", scope=EVERYWHERE) for part in ("Total", "Available"))
_CPU = rate("node_cpu_seconds_total", 'mode!~"idle|iowait|steal",', scope=EVERYWHERE)

SPELLINGS = (
    Spelling(
        "node exporter",
        (
            Rule("cpu_usage", _CPU, _NODE, labels=_LABELS),
            Rule("memory_used", f"{_TOTAL} - {_AVAILABLE}", _NODE, labels=_LABELS),
        ),
    ),
)
