"""Which operations a set of traces covers, and MicroRank's PageRank between operations and traces.

Traces that cover the same operations are one *kind*: they are found by a hash of their coverage, without comparing
pairs. All of a kind have the same preference and the same rank, so the walk is over kinds: its matrices stay small
however many traces there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from methods.telemetry.matrix import Floats
from methods.telemetry.spans import NO_PARENT, Codes, Flags, SpanTable

TOLERANCE = 1e-10
ITERATIONS = 1000


@dataclass(frozen=True, eq=False)
class Coverage:
    """What R traces of K kinds cover of O operations.

    Attributes:
        traces: R.
        covering: (O,) number of traces that cover each operation.
        kinds: (O, K) sparse, 1 where a kind covers an operation.
        size: (K,) traces of each kind.
        calls: (O, O) sparse, calls[callee, caller] = 1 where a trace shows that call.
    """

    traces: int
    covering: Floats
    kinds: sparse.csr_array
    size: Floats
    calls: sparse.csr_array


def coverage(table: SpanTable, chosen: Flags) -> Coverage:
    """Coverage of the `chosen` (R,) traces; at least one must be chosen and have a span."""
    operations = len(table.operations)
    within = chosen[table.trace]
    pairs = np.unique(table.trace[within] * operations + table.operation[within])
    of_trace, operation = pairs // operations, pairs % operations
    ids, trace = np.unique(of_trace, return_inverse=True)
    covering = np.bincount(operation, minlength=operations).astype(np.float64)

    _, first, kind, size = np.unique(
        _digests(trace, operation, len(ids)), return_index=True, return_inverse=True, return_counts=True
    )
    shown = np.isin(trace, first)
    kinds = sparse.csr_array(
        (np.ones(int(shown.sum())), (operation[shown], kind[trace[shown]])), shape=(operations, len(size))
    )
    child = within & (table.parent != NO_PARENT)
    calls = np.unique(table.operation[table.parent[child]] * operations + table.operation[child])
    matrix = sparse.csr_array((np.ones(len(calls)), (calls % operations, calls // operations)), shape=(operations,) * 2)
    return Coverage(len(ids), covering, kinds, size.astype(np.float64), matrix)


def weights(covered: Coverage, *, rare: float, damping: float, call_weight: float) -> Floats | None:
    """(O,) PageRank weight of each operation in one partition of the traces; None when it does not converge.

    Args:
        covered: the partition.
        rare: share of the preference for rare kinds of traces; the rest goes to traces with few operations.
        damping: d of PageRank.
        call_weight: ω, weight of an operation's callers beside its traces.
    """
    # One trace of a kind gives each operation it covers 1 / n; one operation gives each of its traces 1 / c.
    length = np.maximum(np.asarray(covered.kinds.sum(axis=0), dtype=np.float64), 1.0)
    from_traces = covered.kinds @ sparse.diags_array(covered.size / length)
    to_traces = covered.kinds.T @ sparse.diags_array(_inverse(covered.covering))
    from_callers = covered.calls @ sparse.diags_array(_inverse(np.asarray(covered.calls.sum(axis=0), dtype=np.float64)))

    few = 1.0 / length
    preference = rare * (1.0 / covered.size) / len(covered.size) + (1.0 - rare) * few / float(few @ covered.size)
    rank = np.ones(len(covered.covering))
    trace = np.ones(len(length))
    for _ in range(ITERATIONS):
        new_rank = damping * (from_traces @ trace + call_weight * (from_callers @ rank))
        new_trace = damping * (to_traces @ rank) + (1.0 - damping) * preference
        new_rank, new_trace = new_rank / new_rank.max(), new_trace / new_trace.max()
        change = max(float(np.abs(new_rank - rank).max()), float(np.abs(new_trace - trace).max()))
        rank, trace = new_rank, new_trace
        if change < TOLERANCE:
            present = covered.covering > 0
            return np.asarray(np.where(present, rank * rank[present].mean(), 0.0), dtype=np.float64)
    return None


def _digests(trace: Codes, operation: Codes, traces: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """(R,) equal for traces that cover the same operations: the sum of a 64-bit mix of each operation's code."""
    mixed = (operation.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    digests = np.zeros(traces, dtype=np.uint64)
    np.add.at(digests, trace, mixed)
    return digests


def _inverse(values: Floats) -> Floats:
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)
