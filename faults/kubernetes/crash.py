"""Crash: Chaos Mesh's PodChaos kills the pod at once; its controller creates another one.

Nothing can be reverted: undoing it deletes the experiment. Until the new pod has loaded its model, which may take
minutes, its peers carry the load.
"""

from __future__ import annotations

from typing import Any

from faults.kubernetes.control.chaos_mesh import POD, ChaosFault
from faults.types import Direction, Effect, Parameters, Role


class CrashParameters(Parameters):
    """None: it is killed once."""


class Crash(ChaosFault[CrashParameters]):
    name = "crash"
    summary = "The pod is killed: its requests fail, until its successor has loaded the model."
    transient = True
    effects = (
        Effect(Role.TARGET, "token_rate", Direction.DOWN, 2.0),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.2),
    )
    resource = POD

    @property
    def parameters(self) -> type[CrashParameters]:
        return CrashParameters

    def spec(self, parameters: CrashParameters, container: str) -> dict[str, Any]:
        return {"action": "pod-kill", "gracePeriod": 0}
