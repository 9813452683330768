"""What was measured at one rate with one degree of data parallelism, and the file that keeps it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cluster.deployment import DeploymentError

LARGEST = 256 << 20
"""Bytes of a file of measurements that is still read."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request. Times in seconds.

    Attributes:
        at: since the begin of the measurement.
        ttft: sent to first token, None where none came.
        itl: mean time between its tokens, None for fewer than two.
        latency: sent to last token, or to its failure.
        tokens: that came.
        ok: answered with all tokens that were asked for.
    """

    at: float
    ttft: float | None
    itl: float | None
    latency: float
    tokens: int
    ok: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """What has to be the same for a measurement to be used again. `rate` in requests/s, `seconds` of sending."""

    replicas: int
    rate: float
    seconds: float
    max_tokens: int
    pod_cpus: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """The requests of one setting in the order of sending; `skipped` were not sent, for too many were in flight."""

    setting: Setting
    requests: tuple[Sent, ...]
    skipped: int = 0


class Kept:
    """Measurements in a file, one JSON object a line. A line that a crash cut short is measured again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = {each.setting: each for each in _read(path)}

    def get(self, setting: Setting) -> Measurement | None:
        return self._known.get(setting)

    def forget(self, settings: Iterable[Setting]) -> None:
        """As if they had not been measured yet; the last measurement of a setting counts."""
        for setting in settings:
            self._known.pop(setting, None)

    def add(self, measurement: Measurement) -> None:
        """Append it durably. Raises DeploymentError where it cannot be written."""
        line = json.dumps(asdict(measurement), separators=(",", ":"))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+b") as file:
                cut = file.seek(0, os.SEEK_END) > 0 and not _ends_line(file)
                file.write((b"\n" if cut else b"") + line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DeploymentError(f"{self._path} cannot be written: {error.strerror}") from None
        self._known[measurement.setting] = measurement


def _ends_line(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")


def _read(path: Path) -> Iterable[Measurement]:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DeploymentError(f"{path} cannot be read ({error.strerror}): name another file with --out") from None
    for line in text.splitlines():
        try:
            fields = json.loads(line)
            requests = tuple(Sent(**sent) for sent in fields["requests"])
            yield Measurement(Setting(**fields["setting"]), requests, int(fields["skipped"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
