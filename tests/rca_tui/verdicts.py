"""Verdicts on the synthetic incident: somebody, nobody, cannot tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import synthetic

from methods.answer.types import SeriesPointer
from methods.verdict.types import Action, Answer, Evidence, Hop, Suspect, Trouble, Verdict


def verdict(**changes: Any) -> Verdict:
    """replica-1 starves, surely; the head might be at fault instead."""
    after = SeriesPointer("replica-1", "latency_p90", synthetic.ONSET, synthetic.ONSET + 60)
    blamed = Verdict(
        Answer.COMPONENTS,
        ("replica-1",),
        (Suspect("replica-1", 0.97), Suspect("head", 0.021), Suspect("replica-0", 1e-6)),
        0.002,
        Trouble.CPU,
        synthetic.ONSET,
        "replica-1, strong: latency p90 600 ms → 2.2 s, queue 0.4 → 5.4, CPU 0.35 → 0.95 cores since 22:15:20 UTC, "
        "peers unchanged.",
        path=(Hop("replica-1", "gateway", synthetic.ONSET + 4),),
        supporting=(Evidence("replica-1: latency p90 600 ms → 2.2 s.", after), Evidence("replica-1: queue 0.4 → 5.4.")),
        opposing=(Evidence("circa blames head first: head rose to 2.2 s."),),
        unknown=("No traces: which phase of a request is slow.",),
        next=("the CPU of what runs beside replica-1 on node", "the engine's log"),
        actions=(
            Action("See what uses the CPU", "kubectl top pod --containers replica-1"),
            Action("Take it out of the pool", "kubectl label pod replica-1 serve-"),
        ),
    )
    return replace(blamed, **changes)


NOBODY = verdict(
    answer=Answer.NOBODY,
    named=(),
    nobody=0.93,
    suspects=(Suspect("replica-1", 0.07),),
    kind=Trouble.OVERLOAD,
    headline="Nobody is at fault, strong: requests 4 → 9 /s since 22:15:20 UTC, all replicas slow alike.",
)
UNKNOWN = Verdict(
    Answer.UNKNOWN, (), (), 0.0, Trouble.UNKNOWN, None, "Cannot tell: no metrics.", unknown=("Who is at fault.",)
)
