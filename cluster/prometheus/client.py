"""Range queries to Prometheus, or a server with the same API, on a fixed grid and under one deadline.

Built on prometheus-api-client, without three of its habits: it retries until a short timeout has become a long one, it
rounds times to whole seconds, and its chunks overlap. The result is a grid with one value per step; a query that fails
leaves gaps and a note, and there is an error only when every query fails.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from prometheus_api_client import PrometheusConnect
from requests import Response

from cluster.deployment import DeploymentError
from cluster.http import Adapter, Login, QueryError, Session, checked, printable, without_secrets, wrong_form
from cluster.prometheus.matrix import columns
from cluster.prometheus.promql import Query, quoted
from cluster.text.times import seconds_of, span
from cluster.window import Window

# Prometheus refuses more than 11,000 points a series.
POINTS_PER_QUERY = 10_000
# A parsed point takes some 200 bytes until it is in its array: this limits the memory in use.
POINTS_PER_ANSWER = 100_000
_WORKERS = 4
_NOT_PROMETHEUS = wrong_form("Prometheus")
_AS_STORED = {"nocache": "1", "latency_offset": "1ms"}
"""For VictoriaMetrics, which else moves the grid, and repeats a value of 30 s ago up to now. Others ignore them."""

Series = dict[tuple[str, ...], NDArray[np.float64]]


@dataclass(frozen=True)
class Answer:
    """The results of a set of queries.

    Attributes:
        times: unix seconds of the grid, shape (steps,).
        series: for each query, in order, its series by label values; each of shape (steps,), NaN is a gap.
        notes: a sentence for each query that failed completely or in part.
        partial: for each query, in order, what the server said about an answer that is not whole, or why there is
            none; "" for a whole one. What is not whole is a gap in `series`.
    """

    times: NDArray[np.float64]
    series: tuple[Series, ...]
    notes: tuple[str, ...] = field(default=())
    partial: tuple[str, ...] = field(default=())


def grid(window: Window, step: float) -> NDArray[np.float64]:
    """The multiples of the step in [start, end), so that all windows share one grid. Unix seconds, shape (steps,).

    Raises ValueError for a step that is not positive.
    """
    if not (math.isfinite(step) and step > 0):
        raise ValueError(f"the step must be a positive number of seconds, got {step}")
    # Times near 2e9 have errors of 1e-7 s: a thousandth of a step is far larger, and far smaller than a step.
    first, last = math.ceil(window.start / step - 1e-3), math.ceil(window.end / step - 1e-3)
    return np.round(np.arange(first, last, dtype=np.float64) * step, 6)


class Prometheus:
    """A server, with the login to it; every call ends within `deadline` seconds.

    Use as a context manager, or call `close`.

    Attributes:
        deadline: seconds in which a call ends.
        partial: what the server said of the first answer to `names` or `instant` that was not whole; "" for none.
    """

    def __init__(self, server: str | Login, *, deadline: float = 10.0) -> None:
        login = Login(server) if isinstance(server, str) else server
        url = login.url.rstrip("/")
        self._shown = without_secrets(url)
        self.deadline = deadline
        self._url, self._headers, self._auth = url, dict(login.headers), login.auth
        self.partial = ""
        self._session = session = Session(login)
        self._client = PrometheusConnect(
            url, self._headers, auth=self._auth, proxy=session.proxies, session=session, timeout=deadline
        )
        # In place of the client's own, whose connections know no deadline.
        session.mount(url, Adapter(login.server_name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def names(self, window: Window, selector: str = "") -> frozenset[str]:
        """Names of all metrics that have samples near the window, of the selector's series alone where it is given.

        Raises DeploymentError.
        """
        params = {"start": repr(window.start), "end": repr(window.end)} | ({"match[]": selector} if selector else {})
        try:
            names = self._read("label/__name__/values", params)
            if not isinstance(names, list):
                raise QueryError(_NOT_PROMETHEUS)
        except QueryError as error:
            raise self.error(error) from error
        return frozenset(str(name) for name in names)

    def instant(self, expr: str, at: float | None = None) -> dict[tuple[tuple[str, str], ...], float]:
        """The value of an expression at a time (None: now): sorted label pairs to value. Raises DeploymentError."""
        params = {"query": expr} | ({} if at is None else {"time": repr(at)})
        try:
            data = self._read("query", params)
            return checked(
                lambda: {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in data["result"]}
            )
        except QueryError as error:
            raise self.error(error) from error

    def _read(self, path: str, params: Mapping[str, str]) -> Any:
        """The data of one answer; what the server said of one that is not whole is kept in `partial`."""
        answer: Any = checked(lambda: self._get(path, params, self.deadline).json())
        data = checked(lambda: answer["data"])
        self.partial = self.partial or partial_reason(answer)
        return data

    def _get(self, path: str, params: Mapping[str, str], timeout: float) -> Response:
        return self._session.request(
            "GET",
            f"{self._url}/api/v1/{path}",
            params=params,
            headers=self._headers,
            auth=self._auth,
            verify=self._session.verify,
            cert=self._session.cert,
            timeout=timeout,
        )

    def scalar(self, expr: str, at: float | None = None) -> float | None:
        """The value of an expression with one result; None where there is no finite one. Raises DeploymentError."""
        values = [value for value in self.instant(expr, at).values() if math.isfinite(value)]
        return values[0] if values else None

    def ahead(self) -> float | None:
        """Seconds that the server's clock is ahead of ours; None when it does not answer with a time."""
        before = time.time()
        clock = self.scalar("vector(time())")
        return None if clock is None else clock - (before + time.time()) / 2

    def wrong_clock(self, fresh: float) -> str:
        """Says that the clocks are further apart than data that is fresh may be old: a window then misses its samples.

        Empty where they are not. Raises DeploymentError.
        """
        ahead = self.ahead() or 0.0
        if abs(ahead) <= fresh:
            return ""
        way = "ahead of" if ahead > 0 else "behind"
        return f"the clock of Prometheus is {span(abs(ahead))} {way} this machine's: set both by NTP"

    def pending_since(self, labels: Mapping[str, str], at: float) -> float | None:
        """As `cluster.deployment.HasAlerts`, of the rules that this server evaluates. Raises DeploymentError."""
        states = self.instant(f'ALERTS_FOR_STATE{{alertname="{quoted(labels.get("alertname", ""))}"}}', at)
        # Of another pod's alert by the same rule, a label differs; the Alertmanager may add some.
        own = [
            value
            for series, value in states.items()
            if all(labels.get(name) == text for name, text in series if name != "__name__")
        ]
        return min((value for value in own if math.isfinite(value) and value <= at), default=None)

    def types(self) -> dict[str, str]:
        """Metric family to its type ("counter", "gauge", "histogram", ...); none where the server keeps no types.

        Raises DeploymentError.
        """
        try:
            types: dict[str, str] = checked(
                lambda: {str(m["metric_name"]): str(m["type"]) for m in self._client.get_metric_metadata("")}
            )
            return types
        except QueryError as error:
            if _is_unknown(error):
                return {}
            raise self.error(error) from error

    def intervals(self) -> dict[str, float]:
        """Seconds between two scrapes, by job; none where the server scrapes nothing itself, as Mimir and Cortex do.

        Raises DeploymentError.
        """
        try:
            intervals: dict[str, float] = checked(
                lambda: {
                    str(target["labels"]["job"]): seconds_of(target["scrapeInterval"])
                    for target in self._client.get_targets("active")["activeTargets"]
                }
            )
            return intervals
        except QueryError as error:
            if _is_unknown(error):
                return {}
            raise self.error(error) from error

    def scrape_errors(self, label: str) -> dict[str, str]:
        """Value of a label that names targets -> what the server says of a scrape that failed, hostile text; none
        where the server scrapes nothing itself, as Mimir and Cortex do.

        Raises DeploymentError.
        """
        try:
            errors: dict[str, str] = checked(
                lambda: {
                    str(target["labels"][label]): str(target["lastError"])
                    for target in self._client.get_targets("active")["activeTargets"]
                    if target.get("lastError") and label in target["labels"]
                }
            )
            return errors
        except QueryError as error:
            if _is_unknown(error):
                return {}
            raise self.error(error) from error

    def range(
        self, queries: Sequence[Query], window: Window, step: float, expected: int = 1, within: float | None = None
    ) -> Answer:
        """Every query at every step of the grid, several in parallel. Raises DeploymentError when all of them fail.

        `expected`: how many series one query may return; the more, the fewer steps go into one request. `within`: s,
        in place of the deadline.
        """
        times = grid(window, step)
        series: tuple[Series, ...] = tuple({} for _ in queries)
        if not len(times) or not queries:
            return Answer(times, series, (), ("",) * len(queries))
        ends = time.monotonic() + (self.deadline if within is None else within)
        size = max(1, min(POINTS_PER_QUERY, POINTS_PER_ANSWER // max(1, expected)))
        parts = [slice(i, i + size) for i in range(0, len(times), size)]
        pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="prometheus")
        try:
            jobs: dict[Future[_Part], tuple[int, slice]] = {
                pool.submit(self._part, query, times[part], step, ends): (number, part)
                for part in parts
                for number, query in enumerate(queries)
            }
            # The jobs keep the deadline themselves; the extra time is for their last byte and for parsing.
            wait(jobs, timeout=max(0.0, ends - time.monotonic()) + 0.25)
            failures, partial = _collect(jobs, series, len(times))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if len(failures) == len(jobs):
            raise self.error(next(iter(failures.values())))
        notes = {
            f"{queries[jobs[job][0]].signal}: a query to Prometheus failed, {error}": None
            for job, error in failures.items()
        } | {f"{queries[number].signal}: Prometheus answered in part, {said}": None for number, said in partial.items()}
        failed = {jobs[job][0]: str(error) for job, error in failures.items()}
        reasons = {**failed, **partial}
        return Answer(times, series, tuple(notes), tuple(reasons.get(n, "") for n in range(len(queries))))

    def _part(self, query: Query, times: NDArray[np.float64], step: float, ends: float) -> _Part:
        left = ends - time.monotonic()
        if left <= 0:
            raise QueryError("it took too long")
        first, last = float(times[0]), float(times[-1])
        # The server gives up in time, too.
        limits = {"start": repr(first), "end": repr(last), "step": repr(step), "timeout": f"{math.ceil(left * 1000)}ms"}
        limits |= _AS_STORED
        response = checked(lambda: self._get("query_range", {"query": query.expr, **limits}, left))
        answer, samples = columns(response.content) or (checked(response.json), [])
        matrix = checked(lambda: answer["data"]["result"])
        return _series(matrix, samples, query.labels, first, step, len(times)), partial_reason(answer)

    def error(self, error: QueryError) -> DeploymentError:
        """What the caller is told of a failure."""
        return DeploymentError(f"Prometheus at {self._shown} gives no data: {error}")


def _is_unknown(error: QueryError) -> bool:
    """Whether the server does not have what was asked for, by its status."""
    return str(error).startswith(("HTTP 404", "HTTP 405", "HTTP 501"))


_Part: TypeAlias = tuple[Series, str]
"""The series of one request, and what the server said about an answer that is not whole."""


def partial_reason(answer: Mapping[str, Any]) -> str:
    """Why an answer of the API is not whole, in the server's words; "" for a whole one.

    VictoriaMetrics says `isPartial`; Prometheus, Thanos and Mimir say it in `warnings` and `infos`. Infos about the
    query itself ("PromQL info: metric might not be a counter") say nothing about the data.
    """
    said = [answer.get(key) or [] for key in ("warnings", "infos")]
    remarks = [str(one) for some in said for one in (some if isinstance(some, list) else [some])]
    remarks = [one for one in remarks if not one.startswith("PromQL info:")]
    if remarks:
        return printable(remarks[0])
    return "isPartial" if answer.get("isPartial") is True else ""


def _collect(
    jobs: Mapping[Future[_Part], tuple[int, slice]], series: tuple[Series, ...], steps: int
) -> tuple[dict[Future[_Part], QueryError], dict[int, str]]:
    """Fill the series. Returns the requests that failed, and by query what was said of an answer in part."""
    failures: dict[Future[_Part], QueryError] = {}
    partial: dict[int, str] = {}
    for job, (number, part) in jobs.items():
        if not job.done():
            failures[job] = QueryError("it took too long")
            continue
        try:
            result, reason = job.result()
        except QueryError as error:
            failures[job] = error
            continue
        if reason:
            partial.setdefault(number, reason)
        for labels, values in result.items():
            whole = series[number].setdefault(labels, np.full(steps, np.nan))
            # A sum over some of the shards looks like a fall, and a series that is not there like silence.
            whole[part] = np.nan if reason else values
    return failures, partial


def _series(
    matrix: Any, samples: Sequence[NDArray[np.float64]], labels: Sequence[str], first: float, step: float, steps: int
) -> Series:
    """A matrix that Prometheus returned, on the grid. Values that are not finite become gaps.

    `samples`: as of `columns`, which has put their numbers in place of the values; empty where it has not.
    """
    series: Series = {}
    try:
        for item in matrix:
            key = tuple(str(item["metric"].get(label, "")) for label in labels)
            sampled, measured = samples[item["values"]].T if samples else _parsed(item["values"])
            place = np.rint((sampled - first) / step).astype(np.int64)
            inside = (place >= 0) & (place < steps) & np.isfinite(measured)
            values = series.setdefault(key, np.full(steps, np.nan))
            values[place[inside]] = measured[inside]
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise QueryError(_NOT_PROMETHEUS) from error
    return series


def _parsed(values: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    times, texts = zip(*values, strict=True) if values else ((), ())
    return (
        np.fromiter(map(float, times), np.float64, len(times)),
        np.fromiter(map(float, texts), np.float64, len(texts)),
    )
