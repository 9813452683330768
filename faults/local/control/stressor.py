"""Base of cpu-stress and memory-stress: stress-ng in the cgroup and namespaces of the target."""

from __future__ import annotations

from abc import abstractmethod

from faults.local.control.process_fault import ProcessFault
from faults.types import P

PROGRAM = "stress-ng"
SCRATCH = "/tmp"  # noqa: S108  stress-ng needs a writable folder; these stressors write nothing to it


def stress_argv(lifetime: int, *options: str) -> tuple[str, ...]:
    """stress-ng with the options of a stressor, for `lifetime` seconds."""
    return (PROGRAM, *options, "--timeout", f"{lifetime}s", "--temp-path", SCRATCH, "--keep-name", "--quiet")


class Stressor(ProcessFault[P]):
    needs = ("a deployment on this machine", f"{PROGRAM} on PATH")
    programs = ((PROGRAM, PROGRAM),)

    @abstractmethod
    def stress(self, parameters: P) -> tuple[str, ...]:
        """The options of stress-ng that make this stressor."""

    def argv(self, target: str, parameters: P, lifetime: int) -> tuple[str, ...]:
        return stress_argv(lifetime, *self.stress(parameters))
