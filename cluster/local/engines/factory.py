"""Creates an engine by name. Only that engine is imported."""

from __future__ import annotations

from cluster.local.engines.base import Engine
from cluster.local.layout import LLAMACPP, VLLM


def create(name: str, model_path: str, metrics_address: tuple[str, int]) -> Engine:
    """The engine of that name, not started. llama.cpp serves its metrics on the address, vLLM exports them through Ray.

    Raises ValueError for an unknown name.
    """
    if name == LLAMACPP:
        from cluster.local.engines.llamacpp import LlamaCpp

        return LlamaCpp(model_path, metrics_address)
    if name == VLLM:
        from cluster.local.engines.vllm import Vllm

        return Vllm(model_path)
    raise ValueError(f"unknown engine {name!r}")
