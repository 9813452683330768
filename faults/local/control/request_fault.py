"""Base of faults that are requests: `faults.local.control.traffic` in the pod of the clients."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from cluster.local import layout
from faults.local.control.process_fault import ProcessFault, script
from faults.types import P


@dataclass(frozen=True, slots=True)
class Retries:
    """Each request is tried up to `attempts` times, `patience` seconds apart, until an attempt is answered in time.

    `trigger` seconds long, at first, a request is sent every `burst` seconds.
    """

    attempts: int
    patience: float
    burst: float
    trigger: float


@dataclass(frozen=True, slots=True)
class Stream:
    """Prompts of `words` words, sent at an interval (s) or, where it is 0, whenever a request has ended.

    Attributes:
        concurrency: requests in flight at most.
        ramp: seconds after which one more may be in flight, from one on; 0: all at once.
        retries: what clients do that do not wait; None for clients that do.
    """

    words: int
    max_tokens: int
    concurrency: int
    interval: float = 0.0
    ramp: float = 0.0
    retries: Retries | None = None


class RequestFault(ProcessFault[P]):
    """Real requests to the target, from where the users of the deployment send theirs."""

    needs = ("a deployment on this machine",)

    @abstractmethod
    def stream(self, parameters: P) -> Stream: ...

    def runs_in(self, target: str) -> str:
        return layout.CLIENT

    def argv(self, target: str, parameters: P, lifetime: int) -> tuple[str, ...]:
        stream = self.stream(parameters)
        retries = stream.retries
        impatient = (
            ()
            if retries is None
            else (
                *("--attempts", str(retries.attempts), "--patience", f"{retries.patience:g}"),
                *("--burst", f"{retries.burst:g}", "--trigger", f"{retries.trigger:g}"),
            )
        )
        return (
            *script("traffic"),
            *("--url", f"http://{layout.data_ip(target)}:{layout.SERVE_PORT}"),
            *("--words", str(stream.words), "--max-tokens", str(stream.max_tokens)),
            *("--interval", f"{stream.interval:g}", "--concurrency", str(stream.concurrency)),
            *(("--ramp", f"{stream.ramp:g}") if stream.ramp else ()),
            *impatient,
            *("--seconds", str(lifetime)),
        )
