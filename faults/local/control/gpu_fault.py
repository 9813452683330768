"""Base of faults on a GPU of this machine, found through NVML and named by its uuid from then on."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

from pydantic import Field

from cluster.deployment import DeploymentError
from cluster.local import layout
from cluster.topology import Kind
from faults.local.control import nvml
from faults.local.control.nvml import Gpu
from faults.local.control.pod_fault import PodFault
from faults.local.control.process_fault import ProcessFault, script
from faults.types import Availability, Parameters

if TYPE_CHECKING:
    from cluster.deployment import Deployment


class GpuParameters(Parameters):
    gpu: int = Field(default=0, ge=0, le=63, description="which GPU of this machine, as nvidia-smi counts [1]")


G = TypeVar("G", bound=GpuParameters)


class GpuFault(PodFault[G]):
    """The target is the machine: its deployment does not say which component computes on which GPU."""

    needs = ("a deployment on this machine", "an NVIDIA GPU with its driver", "the Python package nvidia-ml-py")
    targets = frozenset({Kind.NODE})

    def available(self, deployment: Deployment) -> Availability:
        found = super().available(deployment)
        if found.ok:
            try:
                nvml.gpu(0)
            except DeploymentError as error:
                return Availability(False, str(error))
        return found


class GpuProcess(GpuFault[G], ProcessFault[G]):
    """A process of `faults.local.control.gpu_load` on the GPU."""

    @abstractmethod
    def load(self, gpu: Gpu, parameters: G) -> tuple[str, ...]:
        """The options of `faults.local.control.gpu_load` that make this fault. Raises DeploymentError."""

    def runs_in(self, target: str) -> str:
        return layout.NODE

    def argv(self, target: str, parameters: G, lifetime: int) -> tuple[str, ...]:
        gpu = nvml.gpu(parameters.gpu)
        return (*script("gpu_load"), *self.load(gpu, parameters), "--uuid", gpu.uuid, "--seconds", str(lifetime))
