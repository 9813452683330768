"""The numbers of a smoke test, under GuideLLM's names: TTFT, ITL, request latency, throughput, goodput under an SLO.

The queue is the number of requests in flight. At a rate that the deployment can serve it stays level; beyond it, it
grows by the difference. A rate saturates a deployment when its queue grows by more than `GROWTH` of the rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cluster.local.smoke.measurement import Measurement, Sent

GROWTH = 0.05
"""Share of the arriving requests that remain in the queue, above which it grows."""
SETTLED = 0.25
"""Share of the measurement that is left out of the queue's growth: it starts with an empty queue."""
QUANTILES = {"p50": 50, "p90": 90, "p99": 99}


@dataclass(frozen=True, slots=True)
class Slo:
    """What a good request keeps: time to first token and mean time between its tokens, in seconds."""

    ttft: float = 1.0
    itl: float = 0.1

    def kept_by(self, request: Sent) -> bool:
        """Whether the request is complete and as fast."""
        if not request.ok or request.ttft is None:
            return False
        return request.ttft <= self.ttft and (request.itl is None or request.itl <= self.itl)


def row(measurement: Measurement, slo: Slo) -> dict[str, Any]:
    """Figures of one measurement.

    `processed` and `in_flight` have one number for each whole second from 0 to the last: requests completed so far, and
    requests without an end. `throughput` and `goodput` are in requests/s while requests were sent, times in seconds,
    `queue_growth` in requests/s.
    """
    setting, requests = measurement.setting, measurement.requests
    seconds = np.arange(int(setting.seconds) + 1)
    sent = np.array([r.at for r in requests])
    ended = np.array([r.at + r.latency for r in requests])
    good = np.array([r.ok for r in requests], dtype=bool)
    kept = np.array([slo.kept_by(r) for r in requests], dtype=bool)
    in_time = ended <= setting.seconds
    processed = [int((ended[good] <= second).sum()) for second in seconds]
    in_flight = [int((sent <= second).sum() - (ended <= second).sum()) for second in seconds]
    growth = queue_growth(in_flight)
    return {
        "replicas": setting.replicas,
        "rate": setting.rate,
        "seconds": setting.seconds,
        "sent": len(requests),
        "skipped": measurement.skipped,
        "completed": int(good.sum()),
        "failed": int((~good).sum()),
        "throughput": float((good & in_time).sum() / setting.seconds),
        "tokens_per_second": float(sum(r.tokens for r in requests) / max(setting.seconds, float(ended.max(initial=0)))),
        "goodput": float((kept & in_time).sum() / setting.seconds),
        "ttft": _quantiles([r.ttft for r in requests if r.ttft is not None]),
        "itl": _quantiles([r.itl for r in requests if r.itl is not None]),
        "request_latency": _quantiles([r.latency for r in requests if r.ok]),
        "queue_growth": growth,
        "saturated": bool(measurement.skipped or (growth is not None and growth > GROWTH * setting.rate)),
        "processed": processed,
        "in_flight": in_flight,
    }


def queue_growth(in_flight: Sequence[int]) -> float | None:
    """Slope of the queue in requests/s, one number a second; None for fewer than four seconds.

    >>> queue_growth([0, 1, 2, 3, 4, 5, 6, 7])
    1.0
    >>> queue_growth([0, 2, 2, 2, 2, 2, 2, 2])
    0.0
    """
    settled = in_flight[int(len(in_flight) * SETTLED) :]
    if len(settled) < 3:
        return None
    return round(float(np.polyfit(np.arange(len(settled)), settled, 1)[0]), 4) + 0.0


def table(measurements: Sequence[Measurement], slo: Slo) -> dict[str, Any]:
    """All rows, and for each degree of data parallelism the lowest rate whose queue grows (None: none of them)."""
    rows = sorted((row(each, slo) for each in measurements), key=lambda r: (r["replicas"], r["rate"]))
    saturation = []
    for replicas in dict.fromkeys(r["replicas"] for r in rows):
        of = [r for r in rows if r["replicas"] == replicas]
        grows = [r["rate"] for r in of if r["saturated"]]
        level = [r["rate"] for r in of if not r["saturated"] and (not grows or r["rate"] < grows[0])]
        best = max(r["throughput"] for r in of)
        saturation.append(
            {"replicas": replicas, "rate": min(grows, default=None), "level_at": max(level, default=None), "best": best}
        )
    return {"slo": {"ttft": slo.ttft, "itl": slo.itl}, "saturation": saturation, "runs": rows}


def _quantiles(values: Sequence[float]) -> dict[str, float | None]:
    found = {name: float(np.percentile(values, q)) if values else None for name, q in QUANTILES.items()}
    return {"mean": float(np.mean(values)) if values else None, **found}
