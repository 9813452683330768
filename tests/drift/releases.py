"""What releases export, kept beside the tests, and what the tables make of it.

A fixture has the names as they stand in the source; `exported` gives them as a server prints them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.prometheus.names import lmdeploy, ray, ray_serve, sglang, vllm
from cluster.prometheus.promql import Source, Spelling, resolve
from cluster.prometheus.variants import known_names
from cluster.signals import SIGNALS
from tests.drift.packages import Release
from tests.drift.reading import Metric

FOLDER = Path(__file__).parents[1] / "cluster" / "prometheus" / "releases"
TABLES: Mapping[str, tuple[Spelling, ...]] = {
    "vllm": vllm.SPELLINGS,
    "sglang": sglang.SPELLINGS,
    "lmdeploy": lmdeploy.SPELLINGS,
    "ray": (*ray_serve.SPELLINGS, *ray.SPELLINGS),
}
GAUGES_FOR_COUNTERS = frozenset({"2.52.0"})
"""Releases of Ray that export counters as gauges without `_total` (ray 59072)."""


@dataclass(frozen=True)
class Exported:
    """The metrics that one release defines, by name."""

    release: Release
    metrics: Mapping[str, Metric]

    def series(self) -> frozenset[str]:
        """Names of the series that a Prometheus has of it."""
        return frozenset(name for metric in self.metrics.values() for name in self._series(metric))

    def _series(self, metric: Metric) -> Iterator[str]:
        if metric.kind == "histogram":
            yield from (f"{metric.name}_{part}" for part in ("bucket", "count", "sum"))
        elif metric.kind == "summary":
            yield from (metric.name, f"{metric.name}_count", f"{metric.name}_sum")
        elif metric.kind == "counter" and self.release.version not in GAUGES_FOR_COUNTERS:
            yield metric.name.removesuffix("_total") + "_total"
        else:
            yield metric.name

    def measured(self) -> dict[str, tuple[str, ...]]:
        """Signal -> the series that it is read from."""
        queries, _ = resolve(None, Source(TABLES[self.release.package]), self.series())
        return {query.signal: query.metrics for query in queries}

    def unknown(self) -> tuple[str, ...]:
        """Names that the table does not know."""
        names = frozenset(self.metrics)
        return tuple(sorted(names - known_names(TABLES[self.release.package], names)))


def write(found: Exported) -> None:
    """Keep the names as a fixture."""
    FOLDER.mkdir(exist_ok=True)
    content = {**asdict(found.release), "metrics": {n: [m.kind, *m.labels] for n, m in found.metrics.items()}}
    lines = json.dumps(content, indent=1).replace("[\n   ", "[").replace("\n  ]", "]").replace('",\n   "', '", "')
    path(found.release).write_text(lines + "\n")


def read(file: Path) -> Exported:
    content = json.loads(file.read_text())
    metrics = {name: Metric(name, kind, tuple(labels)) for name, (kind, *labels) in content["metrics"].items()}
    return Exported(Release(content["package"], content["version"]), metrics)


def path(release: Release) -> Path:
    return FOLDER / f"{release.package}-{release.version}.json"


def page(releases: list[Exported]) -> str:
    """docs/measured/drift.md: of each release, under which name each signal is read."""
    lines = [
        "# Names over releases",
        "",
        "Which metric each signal is read from, release by release. `python -m tests.drift` fetches the published",
        "wheels, reads their sources (nothing is installed or run), compares the names that they define with the",
        "tables in `cluster/prometheus/names`, and writes this page. “–”: the release has no such metric; “=”: as",
        "in the one before. The names are kept in `tests/cluster/prometheus/releases`, and every change of a table",
        "is tested against them. [Add an engine](../how-to/engines.md) tells how tables are made.",
        "",
    ]
    for package in dict.fromkeys(one.release.package for one in releases):
        own = [one for one in releases if one.release.package == package]
        tables = [one.measured() for one in own]
        signals = [name for name in SIGNALS if any(name in table for table in tables)]
        lines += [f"## {package}", "", f"| signal | {' | '.join(one.release.version for one in own)} |"]
        lines += [f"|---|{'---|' * len(own)}"]
        for signal in signals:
            if signal.endswith("_p50"):
                continue  # as its p90
            cells = []
            for table in tables:
                names = sorted({_short(name) for name in table.get(signal, ())})
                cells.append("<br>".join(f"`{name}`" for name in names) or "–")
            lines.append(f"| {signal} | {' | '.join(_ditto(cells))} |")
        counted = [str(len(one.metrics)) for one in own]
        unknown = [", ".join(f"`{name}`" for name in one.unknown()) or "0" for one in own]
        lines += [
            f"| *metrics defined* | {' | '.join(counted)} |",
            f"| *known to no table* | {' | '.join(unknown)} |",
            "",
        ]
    return "\n".join(lines)


def _short(name: str) -> str:
    return name.removesuffix("_bucket").partition(":")[2] or name.removesuffix("_bucket")


def _ditto(cells: list[str]) -> list[str]:
    """A cell that repeats the one before it, as a sign."""
    return [cell if not n or cell != cells[n - 1] or cell == "–" else "=" for n, cell in enumerate(cells)]
