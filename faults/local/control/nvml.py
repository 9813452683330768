"""The interface of the NVIDIA driver: GPUs, their power limits and memory.

Each call opens NVML and closes it again, because another process may revert. Raises DeploymentError.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cluster.deployment import DeploymentError


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU. Its index may change at a reboot, its uuid does not."""

    index: int
    uuid: str
    name: str


@dataclass(frozen=True, slots=True)
class PowerLimit:
    """All in W: the limit in force, and the bounds of what may be set."""

    now: float
    lowest: float
    highest: float


def gpus() -> tuple[Gpu, ...]:
    with _nvml() as nvml:
        handles = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount()))
        return tuple(
            Gpu(index, nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle))
            for index, handle in enumerate(handles)
        )


def gpu(index: int) -> Gpu:
    found = gpus()
    if index >= len(found):
        raise DeploymentError(f"there is no GPU {index} on this machine; it has {len(found)}, counted from 0")
    return found[index]


def power_limit(uuid: str) -> PowerLimit:
    with _nvml() as nvml:
        handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
        lowest, highest = nvml.nvmlDeviceGetPowerManagementLimitConstraints(handle)
        return PowerLimit(nvml.nvmlDeviceGetPowerManagementLimit(handle) / 1e3, lowest / 1e3, highest / 1e3)


def set_power_limit(uuid: str, watts: float) -> None:
    with _nvml() as nvml:
        nvml.nvmlDeviceSetPowerManagementLimit(nvml.nvmlDeviceGetHandleByUUID(uuid), round(1e3 * watts))


def free_memory(uuid: str) -> int:
    """Bytes."""
    with _nvml() as nvml:
        return int(nvml.nvmlDeviceGetMemoryInfo(nvml.nvmlDeviceGetHandleByUUID(uuid)).free)


@contextmanager
def _nvml() -> Iterator[Any]:
    try:
        import pynvml
    except ImportError:
        raise DeploymentError("the package nvidia-ml-py is missing: `pip install 'rca-tui[gpu]'`") from None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise DeploymentError(f"no NVIDIA driver answers on this machine: {error}") from None
    try:
        yield pynvml
    except pynvml.NVMLError as error:
        raise DeploymentError(f"the NVIDIA driver refuses: {error}") from None
    finally:
        pynvml.nvmlShutdown()
