"""Cases of RCAEval and days of OpenRCA say of each signal what live incidents do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster import imports
from cluster.incident import store
from cluster.incident.model import Incident
from cluster.provenance import Origin, Record
from cluster.replay import ReplayDeployment
from cluster.window import Window
from rca_tui.draw.origin import origin_of

T0 = 1_700_000_000
STEP = 5
Columns = dict[str, list[object]]


def case(folder: Path, file: str, columns: Columns, edges: str = "frontend,cart\ncart,10.0.0.7\n") -> Incident:
    """A case of RCAEval with a row each 5 s; a short column has gaps at its end."""
    rows = max(map(len, columns.values()))
    lines = [",".join(("time", *columns))]
    for n in range(rows):
        cells = (str(values[n]) if n < len(values) else "" for values in columns.values())
        lines.append(",".join((str(T0 + STEP * n), *cells)))
    (folder / file).write_text("\n".join(lines) + "\n")
    (folder / "mpg.csv").write_text(f"source,destination\n{edges}")
    return imports.read(folder)[0]


def told(incident: Incident, component: str, signal: str) -> Record:
    found = incident.provenance.of(component, signal)
    assert found is not None
    return found


FULL: list[object] = [0.5] * 30


@pytest.mark.parametrize("file", ["data.csv", "simple_data.csv", "metrics.csv", "simple_metrics.csv"])
def test_each_column_of_a_case_has_its_state(tmp_path: Path, file: str) -> None:
    incident = case(
        tmp_path,
        file,
        {
            "frontend_latency-90": FULL,
            "frontend_latency-50": [0.5, *[""] * 29],
            "frontend_cpu": FULL,
            "cart_cpu": FULL[:10],
            "cart_mem": ["1e300", *FULL[1:]],
            "cart_diskio": ["", *[""] * 29],
            "cart_load": FULL,
            "10.0.0.7_uptime": FULL,
        },
    )
    latency = told(incident, "frontend", "latency_p90")
    assert (latency.origin, latency.metrics, latency.interval) == (Origin.MEASURED, ("latency-90",), STEP)
    assert told(incident, "frontend", "latency_p50").origin is Origin.MEASURED  # no request is a gap
    assert told(incident, "frontend", "cpu").origin is Origin.MEASURED
    assert told(incident, "cart", "cpu").origin is Origin.STALE
    assert told(incident, "cart", "diskio").origin is Origin.STALE
    partial = told(incident, "cart", "mem")
    assert (partial.origin, partial.reason) == (Origin.PARTIAL, "1 value is no number, infinite or beyond 1e+100")
    assert incident.provenance.withheld("cart") == {"mem"}
    near = told(incident, "cart", "request_rate")
    assert (near.origin, near.metrics) == (Origin.UNKNOWN_NAME, ("load",))
    absent = told(incident, "10.0.0.7", "memory_used")
    assert (absent.origin, absent.reason) == (Origin.NOT_EXPORTED, "it is not in these files")
    assert told(incident, "frontend", "error_ratio").origin is Origin.NOT_EXPORTED
    assert incident.provenance.of("cart", "ttft_p90") is None


def test_names_of_an_exporter_in_a_case_are_told_as_near(tmp_path: Path) -> None:
    incident = case(
        tmp_path, "metrics.csv", {"frontend_latency-90": FULL, "cart_container-cpu-usage-seconds-total": FULL}
    )
    assert told(incident, "cart", "container-cpu-usage-seconds-total").origin is Origin.MEASURED
    assert told(incident, "cart", "cpu_usage").metrics == ("container-cpu-usage-seconds-total",)


def test_what_users_see_keeps_its_state_at_the_front_door(tmp_path: Path) -> None:
    columns: Columns = {"frontend_latency": FULL, "entry_latency": FULL, "entry_errors": FULL[:9], "cart_cpu": FULL}
    incident = case(tmp_path, "data.csv", columns)
    assert incident.topology.front_door == "frontend"
    assert told(incident, "frontend", "entry_latency").metrics == ("latency",)
    assert told(incident, "frontend", "entry_errors").origin is Origin.STALE


def test_the_state_is_saved_and_shown(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    incident = case(tmp_path / "case", "data.csv", {"frontend_latency-90": FULL, "cart_cpu": FULL[:10]})
    store.save(incident, tmp_path / "case.zip")
    loaded = store.load(tmp_path / "case.zip")
    assert loaded.provenance == incident.provenance
    samples = ReplayDeployment(loaded, "case").samples(Window(T0, T0 + 60), 1.0)
    rows = [row for row in samples.provenance.rows() if row["component"] == "cart" and row["signal"] == "cpu"]
    assert json.loads(json.dumps(rows))[0]["origin"] == "stale"
    assert origin_of(loaded.provenance, "frontend", "latency_p90").plain.startswith("measured as latency-90, every 5 s")
    assert "cpu_usage (cpu?)" in origin_of(loaded.provenance, "cart", "cpu").plain


def day(folder: Path, **tables: list[str]) -> Incident:
    inside = folder / "Bank" / "telemetry" / "2021_03_04"
    for name, lines in tables.items():
        kind, _, file = name.partition("_")
        (inside / kind).mkdir(parents=True, exist_ok=True)
        (inside / kind / f"{file}.csv").write_text("\n".join(lines) + "\n")
    return imports.read(inside)[0]


def test_each_signal_of_a_day_has_its_state(tmp_path: Path) -> None:
    minutes = [T0 + 60 * n for n in range(10)]
    container = ["timestamp,cmdb_id,kpi_name,value"]
    container += [f"{at},Tomcat01,OSLinux-CPU_CPUUtil,{n}" for n, at in enumerate(minutes)]
    container += [f"{at},Tomcat02,OSLinux-CPU_CPUUtil,{n}" for n, at in enumerate(minutes[:4])]
    container += [f"{at},Tomcat02,cpu_used,{'broken' if n == 3 else n}" for n, at in enumerate(minutes)]
    container += [f"{at},Tomcat02,threads,1e200" for at in minutes]
    app = ["timestamp,rr,sr,cnt,mrt,tc", *(f"{at},100,100,30,{20 + n},ServiceTest1" for n, at in enumerate(minutes))]
    incident = day(tmp_path, metric_container=container, metric_app=app)
    cpu = told(incident, "Tomcat01", "OSLinux-CPU_CPUUtil")
    assert (cpu.origin, cpu.metrics, cpu.interval) == (Origin.MEASURED, ("OSLinux-CPU_CPUUtil",), 60.0)
    assert told(incident, "Tomcat02", "OSLinux-CPU_CPUUtil").origin is Origin.STALE
    broken = told(incident, "Tomcat02", "cpu_used")
    assert (broken.origin, broken.reason) == (Origin.PARTIAL, "1 value is no number, infinite or beyond 1e+100")
    assert told(incident, "Tomcat02", "threads").origin is Origin.PARTIAL
    assert any(note.startswith("11 values are no numbers") for note in incident.notes)
    latency = told(incident, "front-door", "latency_avg")
    assert (latency.origin, latency.metrics, latency.reason) == (Origin.MEASURED, ("mrt", "cnt"), "of its services")
    assert told(incident, "front-door", "request_rate").metrics == ("cnt",)
    assert told(incident, "Tomcat02", "cpu_usage").origin is Origin.UNKNOWN_NAME
    assert {"cpu_used", "threads"} == incident.provenance.withheld("Tomcat02")


def test_a_front_door_of_spans_says_so(tmp_path: Path) -> None:
    minutes = [T0 + 60 * n for n in range(6)]
    container = ["timestamp,cmdb_id,kpi_name,value", *(f"{at},Tomcat01,cpu,{n}" for n, at in enumerate(minutes))]
    spans = ["timestamp,cmdb_id,parent_id,span_id,trace_id,duration"]
    for n, at in enumerate(minutes):
        spans += [f"{at * 1000},apache01,None,a{n},t{n},40", f"{at * 1000 + 1},Tomcat01,a{n},b{n},t{n},20"]
    incident = day(tmp_path, metric_container=container, trace_span=spans)
    latency = told(incident, "apache01", "latency_p90")
    assert (latency.origin, latency.metrics) == (Origin.MEASURED, ())
    assert latency.reason == "of the spans that nobody calls"
