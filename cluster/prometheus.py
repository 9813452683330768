"""Range queries to Prometheus, or a server that speaks like it, on a fixed grid and under one deadline.

Built on prometheus-api-client, with three of its habits taken away: it retries until a short timeout has grown long, it
rounds times to whole seconds, and its chunks overlap. What comes back is a grid of one value a step; a query that fails
leaves gaps and a note, and only when nothing can be had at all is there an error.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pandas as pd
import requests
from numpy.typing import NDArray
from prometheus_api_client import PrometheusConnect
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util.retry import Retry

from cluster.deployment import DeploymentError, Samples
from cluster.incident.model import Window
from cluster.promql import Query
from cluster.topology import Topology

# Prometheus refuses more than 11,000 points a series.
POINTS_PER_QUERY = 10_000
# The answer of 1,000 pods × 300 steps takes about 10 MB; this is for what is no sensible answer at all.
LARGEST_ANSWER = 256 << 20
_WORKERS = 4
_NOT_PROMETHEUS = "the answer is not in Prometheus' form; check the address"

Series = dict[tuple[str, ...], NDArray[np.float64]]
_Json = Any


class QueryError(Exception):
    """One query failed; the message is one clause without the address."""


@dataclass(frozen=True)
class Answer:
    """What a set of queries brought.

    Attributes:
        times: unix seconds of the grid, shape (steps,).
        series: for each query, in order, its series by label values; each of shape (steps,), NaN is a gap.
        notes: a sentence for each query that failed in whole or in part.
    """

    times: NDArray[np.float64]
    series: tuple[Series, ...]
    notes: tuple[str, ...] = field(default=())


def grid(window: Window, step: float) -> NDArray[np.float64]:
    """The multiples of the step in [start, end): the same for every query that touches a moment. Shape (steps,).

    Raises ValueError for a step that is not positive.
    """
    if not (math.isfinite(step) and step > 0):
        raise ValueError(f"the step must be a positive number of seconds, got {step}")
    # Times near 2e9 have errors of 1e-7 s; a thousandth of a step is far above them and far below a step.
    first, last = math.ceil(window.start / step - 1e-3), math.ceil(window.end / step - 1e-3)
    return np.round(np.arange(first, last, dtype=np.float64) * step, 6)


def as_samples(topology: Topology, queries: Sequence[Query], answer: Answer, missing: Sequence[str] = ()) -> Samples:
    """The answer as frames: a column for each component (or call edge) that a query speaks of, gaps where it is silent.

    Series of components outside the topology are left out. `missing` are the signals that nothing measures.
    """
    metrics: dict[tuple[str, str], NDArray[np.float64]] = {}
    edges: dict[tuple[str, str, str], NDArray[np.float64]] = {}
    notes = list(answer.notes)
    gap = np.full(len(answer.times), np.nan)
    for query, series in zip(queries, answer.series, strict=True):
        silent = []
        members = [component.id for component in topology.of_kind(*query.kinds)]
        if query.edge:
            for caller, callee in [(c, m) for m in members for c in topology.callers(m)]:
                edges[caller, callee, query.signal] = series.get((caller, callee), gap)
                silent += [] if (caller, callee) in series else [f"{caller} → {callee}"]
        else:
            for member in members:
                metrics[member, query.signal] = series.get((member,), gap)
                silent += [] if (member,) in series else [member]
        if silent:
            notes.append(f"{query.signal}: no samples of {', '.join(silent)}")
    if missing:
        notes.append(f"not measured here: {', '.join(missing)}")
    index = pd.Index(answer.times, name="time")
    return Samples(
        _frame(metrics, index, ["component", "signal"]),
        _frame(edges, index, ["source", "target", "signal"]),
        tuple(notes),
    )


def _frame(columns: Mapping[Any, NDArray[np.float64]], index: pd.Index, levels: list[str]) -> pd.DataFrame:
    labels = pd.MultiIndex.from_tuples(list(columns), names=levels)
    values = np.column_stack(list(columns.values())) if columns else np.empty((len(index), 0))
    return pd.DataFrame(values, index=index, columns=labels, dtype="float64")


class Prometheus:
    """A server and how to log in to it; every call ends within `deadline` seconds.

    Use as a context manager, or call `close`.
    """

    def __init__(
        self,
        url: str,
        *,
        deadline: float = 10.0,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        verify: bool | str = True,
    ) -> None:
        self._shown = _without_secrets(url)
        self._deadline = deadline
        session = _Session()
        session.verify, session.max_redirects = verify, 3
        # A proxy or a .netrc of the environment has no business between us and this machine.
        session.trust_env = urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1")
        self._client = PrometheusConnect(
            url.rstrip("/"),
            dict(headers or {}),
            retry=Retry(0, read=False),
            auth=auth,
            session=session,
            timeout=deadline,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def names(self, window: Window) -> frozenset[str]:
        """Names of all metrics that have samples about that window. Raises DeploymentError."""
        params = {"start": repr(window.start), "end": repr(window.end)}
        try:
            found = _checked(lambda: self._client.get_label_values("__name__", params))
            if not isinstance(found, list):
                raise QueryError(_NOT_PROMETHEUS)
        except QueryError as error:
            raise self._error(error) from error
        return frozenset(str(name) for name in found)

    def range(self, queries: Sequence[Query], window: Window, step: float) -> Answer:
        """Every query at every step of the grid, several at once. Raises DeploymentError when none of them succeeds."""
        times = grid(window, step)
        series: tuple[Series, ...] = tuple({} for _ in queries)
        if not len(times) or not queries:
            return Answer(times, series)
        ends = time.monotonic() + self._deadline
        parts = [slice(i, i + POINTS_PER_QUERY) for i in range(0, len(times), POINTS_PER_QUERY)]
        pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="prometheus")
        try:
            jobs: dict[Future[Series], tuple[int, slice]] = {
                pool.submit(self._part, query, times[part], step, ends): (number, part)
                for part in parts
                for number, query in enumerate(queries)
            }
            # The jobs keep the deadline themselves; the grace is for their last byte and their parsing.
            wait(jobs, timeout=max(0.0, ends - time.monotonic()) + 0.25)
            failures = self._collect(jobs, series, len(times))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if len(failures) == len(jobs):
            raise self._error(next(iter(failures.values())))
        notes = {
            f"{queries[jobs[job][0]].signal}: a query to Prometheus failed, {error}": None
            for job, error in failures.items()
        }
        return Answer(times, series, tuple(notes))

    def _collect(
        self, jobs: Mapping[Future[Series], tuple[int, slice]], series: tuple[Series, ...], steps: int
    ) -> dict[Future[Series], QueryError]:
        failures: dict[Future[Series], QueryError] = {}
        for job, (number, part) in jobs.items():
            if not job.done():
                failures[job] = QueryError("it took too long")
                continue
            try:
                found = job.result()
            except QueryError as error:
                failures[job] = error
                continue
            for labels, values in found.items():
                whole = series[number].setdefault(labels, np.full(steps, np.nan))
                whole[part] = values
        return failures

    def _part(self, query: Query, times: NDArray[np.float64], step: float, ends: float) -> Series:
        left = ends - time.monotonic()
        if left <= 0:
            raise QueryError("it took too long")
        first, last = float(times[0]), float(times[-1])
        found = _checked(
            lambda: self._client.custom_query_range(
                query.expr,
                datetime.fromtimestamp(first, UTC),
                datetime.fromtimestamp(last, UTC),
                repr(step),
                # These win over the client's own, which are rounded to whole seconds. The server gives up in time, too.
                params={"start": repr(first), "end": repr(last), "timeout": f"{math.ceil(left * 1000)}ms"},
                timeout=left,
            )
        )
        return _series(found, query.labels, first, step, len(times))

    def _error(self, error: QueryError) -> DeploymentError:
        return DeploymentError(f"Prometheus at {self._shown} gives no data: {error}")


class _Session(requests.Session):
    """Reads whole answers within the timeout, which for requests alone only limits the wait for each next byte."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        ends = time.monotonic() + kwargs["timeout"]
        kwargs["stream"] = True
        response = super().request(*args, **kwargs)
        try:
            body = bytearray()
            while block := response.raw.read1(1 << 16, decode_content=True):
                body += block
                if time.monotonic() > ends:
                    raise QueryError("it took too long")
                if len(body) > LARGEST_ANSWER:
                    raise QueryError("the answer is too large")
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error) from error
        except HTTPError as error:
            raise requests.ConnectionError(error) from error
        finally:
            response.close()
        response._content = bytes(body)
        if response.status_code != 200:
            raise _refusal(response)
        return response


def _checked(ask: Any) -> _Json:
    """What the call returns; whatever goes wrong on the way becomes a QueryError."""
    try:
        return ask()
    except requests.Timeout as error:
        raise QueryError("it took too long") from error
    except requests.exceptions.SSLError as error:
        raise QueryError("its TLS certificate is not trusted") from error
    except requests.exceptions.JSONDecodeError as error:
        raise QueryError("the answer is not JSON, so this is hardly Prometheus' address") from error
    except (requests.ConnectionError, ConnectionError) as error:
        raise QueryError("the connection failed; check the address and that it runs") from error
    except (requests.RequestException, KeyError, TypeError, ValueError, RecursionError) as error:
        raise QueryError(_NOT_PROMETHEUS) from error


def _refusal(response: requests.Response) -> QueryError:
    """The reason behind a status other than 200."""
    status = response.status_code
    if status in (401, 403):
        return QueryError(f"it refuses the login (HTTP {status}); check the token or password")
    reason = ""
    try:
        answer = json.loads(response.content)
        reason = str(answer["error"]) if isinstance(answer, dict) else ""
    except (ValueError, KeyError, RecursionError):
        pass  # an error page of something in between: its status says all there is
    shown = "".join(c if c.isprintable() else " " for c in reason)[:200].strip()
    return QueryError(f"HTTP {status}" + (f" ({shown})" if shown else ""))


def _series(found: _Json, labels: Sequence[str], first: float, step: float, steps: int) -> Series:
    """A matrix of Prometheus on the grid. Values that are not finite become gaps."""
    series: Series = {}
    try:
        for item in found:
            key = tuple(str(item["metric"].get(label, "")) for label in labels)
            samples = np.array([(float(t), float(v)) for t, v in item["values"]], dtype=np.float64).reshape(-1, 2)
            place = np.rint((samples[:, 0] - first) / step).astype(np.int64)
            inside = (place >= 0) & (place < steps) & np.isfinite(samples[:, 1])
            values = series.setdefault(key, np.full(steps, np.nan))
            values[place[inside]] = samples[inside, 1]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise QueryError(_NOT_PROMETHEUS) from error
    return series


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
