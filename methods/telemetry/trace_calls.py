"""Calls between components out of spans, with the latency that the caller measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from methods.telemetry.matrix import Floats
from methods.telemetry.spans import NO_PARENT, Codes, Flags, SpanTable

USERS = "users"
"""The caller of a call that comes from outside the deployment."""


@dataclass(frozen=True, eq=False)
class TraceCalls:
    """K calls, one for each span by which a trace enters a component.

    Attributes:
        row: (K,) row of that span in the table.
        trace: (K,) trace code.
        caller: (K,) component code of the caller, C where it is a user.
        callee: (K,) component code.
        kind: (K,) code of the triple caller, callee, operation, 0..kinds-1.
        kinds: how many of these triples there are.
        kind_codes: (kinds,) caller and operation of each, see `name`.
        latency: (K,) seconds, the caller's measurement where there is one, else the callee's.
        late: (K,) the trace begins at or after the onset.
    """

    row: Codes
    trace: Codes
    caller: Codes
    callee: Codes
    kind: Codes
    kinds: int
    kind_codes: Codes
    latency: Floats
    late: Flags

    @classmethod
    def of(cls, table: SpanTable) -> TraceCalls:
        entry = table.is_entry
        row = np.flatnonzero(entry).astype(np.int64)
        component, parent = table.component, table.parent[row]
        inside = parent != NO_PARENT
        caller = np.where(inside, component[parent], len(table.components)).astype(np.int64)
        children = np.bincount(table.parent[table.parent != NO_PARENT], minlength=table.spans)
        # A span with one child, a call, is the caller's own measurement of that call.
        around = inside & ~entry[parent] & (children[parent] == 1)
        latency = np.where(around, table.duration[parent], table.duration[row])
        codes, kind = np.unique(caller * len(table.operations) + table.operation[row], return_inverse=True)
        trace = table.trace[row]
        return cls(
            row, trace, caller, component[row], kind.astype(np.int64), len(codes), codes, latency, table.late[trace]
        )

    def name(self, table: SpanTable, kind: int) -> tuple[str, str, str]:
        """Caller, callee and operation of a kind of calls."""
        caller, operation = divmod(int(self.kind_codes[kind]), len(table.operations))
        return (USERS if caller == len(table.components) else table.components[caller], *table.operations[operation])
