from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.incident import envelope, rcaeval_tables, store
from cluster.incident.container import IncidentError
from cluster.incident.rcaeval import is_case, read_case
from cluster.topology import Edge, Kind, Relation
from methods.telemetry.onset import estimate

DATA = Path(os.environ.get("RCA_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
CASES = sorted(path.parent for path in DATA.glob("*/*/inject_time.txt"))
START = 1_700_000_000

METRICS = f"""time,front-end_cpu,front-end_latency-90,my_db_cpu,my_db_latency-90,constant_mem
{START},0.1,0.2,,0.4,5
{START + 5},0.1,0.2,0.3,0.4,5
{START + 20},0.1,0.2,0.3,,5
"""
TRACES = f"""traceID,spanID,parentSpanID,serviceName,methodName,operationName,startTime,duration,statusCode
001,a,,front-end,GET,GET /,{START * 1_000_000 + 250_000},1500000,200
001,b,a,my_db,SELECT,SELECT,{START * 1_000_000},500000,500
"""
LOGS = f"""time,timestamp,container_name,message
x,{START * 10**9 + 500_000_000},my_db,second
x,{START * 10**9},front-end,2023-01-01 ERROR a [bold]line[/bold]
"""


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "my_db_cpu-stress_3"
    folder.mkdir()
    (folder / "data.csv").write_text(METRICS)
    (folder / "traces.csv").write_text(TRACES)
    (folder / "logs.csv").write_text(LOGS)
    (folder / "mpg.csv").write_text("source,destination\nfront-end,my_db\nmy_db,10.0.0.7:9100\nmy_db,my_db\n")
    (folder / "latency_merged_90.csv").write_text(f"time,front-end_my_db,un_known\n{START},0.5,1\n{START + 5},,1\n")
    (folder / "inject_time.txt").write_text(f"{START + 7}\n")
    return folder


def test_every_table_is_read_in_our_units(case: Path) -> None:
    incident, truth = read_case(case)
    telemetry = incident.telemetry
    assert set(telemetry.metrics.columns) == {
        ("front-end", "cpu"),
        ("front-end", "latency_p90"),
        ("my_db", "cpu"),
        ("my_db", "latency_p90"),
        ("constant", "mem"),
    }
    assert list(telemetry.metrics.index) == [START, START + 5.0, START + 20.0]
    assert np.isnan(telemetry.series("my_db", "cpu").iloc[0])
    assert list(telemetry.edge_metrics.columns) == [("front-end", "my_db", "latency_p90")]
    assert incident.topology.edges == (Edge("front-end", "my_db"), Edge("my_db", "10.0.0.7:9100", Relation.RUNS_ON))
    assert incident.topology.component("10.0.0.7:9100").kind is Kind.NODE
    assert incident.topology.component("my_db").kind is Kind.SERVICE
    assert incident.topology.front_door == "front-end"
    first, second = telemetry.spans.to_dict("records")
    assert (first["trace_id"], first["component"], first["start"], first["duration"]) == ("001", "my_db", START, 0.5)
    assert (first["parent_id"], first["error"]) == ("a", True)
    assert pd.isna(second["parent_id"])
    assert not second["error"]
    assert list(telemetry.logs["message"]) == ["2023-01-01 ERROR a [bold]line[/bold]", "second"]
    assert list(telemetry.logs["time"]) == [START, START + 0.5]
    assert telemetry.logs["severity"].iloc[0] == "ERROR"
    assert telemetry.logs["severity"].isna().iloc[1]
    assert (incident.window.start, incident.window.end) == (START, START + 30.0)
    assert incident.onset is None
    assert truth is not None
    assert (truth.components, truth.fault, truth.injected_at) == (("my_db",), "cpu-stress", START + 7)


def test_the_incident_does_not_depend_on_the_truth(case: Path, tmp_path: Path) -> None:
    told, _ = read_case(case)
    (case / "inject_time.txt").unlink()
    silent = case.rename(tmp_path / "anything")
    kept, truth = read_case(silent)
    assert truth is None
    assert store.save(told, tmp_path / "a.zip").read_bytes() == store.save(kept, tmp_path / "b.zip").read_bytes()


def test_parquet_and_csv_give_the_same_incident(case: Path, tmp_path: Path) -> None:
    other = tmp_path / "parquet"
    other.mkdir()
    pd.read_csv(case / "data.csv").to_parquet(other / "metrics.parquet")
    pd.read_csv(case / "traces.csv", dtype={"traceID": "string"}).to_parquet(other / "traces.parquet")
    pd.read_csv(case / "logs.csv").to_parquet(other / "logs.parquet")
    pd.read_csv(case / "mpg.csv").to_parquet(other / "edges.parquet")
    pd.read_csv(case / "latency_merged_90.csv").to_parquet(other / "edge_latency.parquet")
    a, b = read_case(case)[0], read_case(other)[0]
    assert store.save(a, tmp_path / "a.zip").read_bytes() == store.save(b, tmp_path / "b.zip").read_bytes()


def test_calls_come_from_edge_latency_or_spans_where_there_are_no_edges(case: Path) -> None:
    (case / "mpg.csv").unlink()
    assert read_case(case)[0].topology.edges == (Edge("front-end", "my_db"),)
    (case / "latency_merged_90.csv").unlink()
    assert read_case(case)[0].topology.edges == (Edge("front-end", "my_db"),)
    (case / "traces.csv").unlink()
    incident, _ = read_case(case)
    assert incident.topology.edges == ()
    assert incident.topology.front_door == "front-end"


def test_one_status_everywhere_says_nothing(case: Path) -> None:
    (case / "traces.csv").write_text(TRACES.replace(",500\n", ",200\n"))
    incident, _ = read_case(case)
    assert incident.telemetry.spans["error"].isna().all()
    assert any("same status" in note for note in incident.notes)


def test_the_entrance_is_folded_into_the_service_that_it_shows(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(
        f"time,entry_latency,entry_success,ui_latency,b_latency\n{START},1.5,100,1.5,2\n{START + 1},,100,,3\n"
    )
    (tmp_path / "edges.csv").write_text("source,destination\ngateway-service,b\n")
    incident, _ = read_case(tmp_path)
    assert incident.topology.front_door == "ui"
    assert "entry" not in incident.topology
    assert incident.telemetry.signals_of("ui") == ("entry_latency", "entry_success", "latency")
    assert Edge("ui", "gateway-service") in incident.topology.edges


@pytest.mark.parametrize(
    ("columns", "known", "expected"),
    [
        (["a_cpu"], (), ("a", "cpu")),
        (["a_b_cpu"], ("a_b",), ("a_b", "cpu")),
        (["a_b_cpu"], ("a", "a_b"), ("a_b", "cpu")),
        (["a_net_rx"], ("a",), ("a", "net_rx")),
        (["a_b_cpu", "c_cpu"], (), ("a_b", "cpu")),
        (["a_net_rx", "a_cpu"], (), ("a", "net_rx")),
        (["a_b_c"], (), ("a_b", "c")),
        (["ts-order-service_cpu"], ("ts-order",), ("ts-order-service", "cpu")),
        (["a_latency-50"], (), ("a", "latency_p50")),
    ],
)
def test_names_are_taken_apart(columns: list[str], known: tuple[str, ...], expected: tuple[str, str]) -> None:
    assert rcaeval_tables.split(columns, known)[columns[0]] == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("ab_-", min_size=3, max_size=9), min_size=1, max_size=6, unique=True), st.sets(st.text("ab_")))
def test_no_name_gets_lost(columns: list[str], known: set[str]) -> None:
    try:
        found = rcaeval_tables.split(columns, known)
    except ValueError as error:
        assert "is not <service>_<metric>" in str(error)
    else:
        assert {f"{service}_{signal}" for service, signal in found.values()} == set(columns)


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_times_in_any_unit(unit: int) -> None:
    assert list(rcaeval_tables.seconds(pd.Series([START * unit, (START + 60) * unit]))) == [START, START + 60]


def test_dates_are_utc() -> None:
    assert list(rcaeval_tables.seconds(pd.Series(["2023-11-14 22:13:20.5"]))) == [START + 0.5]


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("data.csv", "", "not a table"),
        ("data.csv", "time,a_cpu\n", "one row"),
        ("data.csv", "a_cpu\n1\n", "column time"),
        ("data.csv", "time,cpu\n1,2\n", "column"),
        ("data.csv", "time,a_cpu\n1,much\n", "text where numbers"),
        ("data.csv", "time,a_cpu\nsoon,1\n", "'soon' in time is no time: unix seconds, or as in ISO 8601$"),
        ("data.csv", "time,a_cpu\n1,1\n\0\0,2\n", "is no time"),
        ("data.csv", "time,a_cpu\n,1\n", "no time"),
        ("traces.csv", "traceID\nx\n", "traces lack"),
        ("logs.csv", "message\nx\n", "logs lack"),
        ("mpg.csv", "a,b\nx,y\n", "source and destination"),
        ("inject_time.txt", "noon", "unix seconds"),
        ("inject_time.txt", "nan", "unix seconds"),
        ("truth.json", "[]", "truth.json"),
        ("truth.json", "{", "cannot be read"),
        ("metrics.parquet", "PAR1", "not a table"),
        ("data.csv", f"time,{'_' * 60_000}\n1,1\n", "longer than 1024"),
        ("data.csv", f"time,a{'_' * 900}b\n1,1\n", "underscores"),
        ("data.csv", "time,a_cpu,a_cpu\n1,1,1\n", "'a_cpu' twice"),
        ("inject_time.txt", "1" * 100_000, "larger than"),
        ("inject_time.txt", "1e300", "unix seconds"),
        ("truth.json", " " * 100_000, "larger than"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(case: Path, file: str, content: str, says: str) -> None:
    (case / file).write_text(content)
    with pytest.raises(IncidentError, match=says) as raised:
        read_case(case)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["data.csv", "inject_time.txt", "truth.json"])
def test_links_are_not_followed(case: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    if (case / name).exists():
        (case / name).rename(elsewhere)
    else:
        elsewhere.write_text("{}")
    (case / name).symlink_to(elsewhere)
    with pytest.raises(IncidentError, match=f"{name} is a link"):
        read_case(case)


def test_a_folder_without_a_label_has_no_truth_to_guess(case: Path, tmp_path: Path) -> None:
    with pytest.raises(IncidentError, match="its truth is unknown"):
        read_case(case.rename(tmp_path / "case"))


@pytest.mark.parametrize("folder", ["cart_cpu/1", "cart_cpu_2", "cart_cpu"])
def test_labels_of_folders(case: Path, tmp_path: Path, folder: str) -> None:
    target = tmp_path / "set" / folder
    target.parent.mkdir(parents=True)
    _, truth = read_case(case.rename(target))
    assert truth is not None
    assert (truth.components, truth.fault) == (("cart",), "cpu")


def test_what_is_a_case(case: Path, tmp_path: Path) -> None:
    assert is_case(case)
    assert not is_case(tmp_path)
    assert not is_case(store.save(read_case(case)[0], tmp_path / "saved"))
    with pytest.raises(IncidentError, match="not a folder"):
        read_case(tmp_path / "nowhere")


@pytest.mark.skipif(not CASES, reason=f"no recorded cases in {DATA}")
@pytest.mark.slow
@pytest.mark.parametrize("name", ["petshop", "nezha-ob", "nezha-ts"])
def test_every_recorded_case_imports(name: str) -> None:
    door = {"petshop": "PetSite", "nezha-ob": "frontend", "nezha-ts": "ts-ui-dashboard"}[name]
    candidates = {"petshop": {42, 44}, "nezha-ob": {10}, "nezha-ts": {46}}[name]
    cases = [case for case in CASES if case.parent.name == name]
    assert cases
    for folder in cases:
        incident, truth = read_case(folder)
        label = json.loads((folder / "truth.json").read_text())
        assert truth is not None
        assert (truth.components, truth.fault) == ((label["service"],), label["fault"])
        assert truth.components[0] in incident.topology
        assert truth.injected_at in incident.window
        assert incident.topology.front_door == door
        assert len(incident.topology.ids) in candidates
        assert incident.onset is None
        assert incident.telemetry.metrics.shape == (label["rows"], label["cols"])
        assert len(incident.telemetry.spans) == label.get("trace_spans", 0)
        assert len(incident.telemetry.logs) == label.get("log_lines", 0)


@pytest.mark.skipif(not CASES, reason=f"no recorded cases in {DATA}")
@pytest.mark.slow
def test_a_recorded_case_survives_saving(tmp_path: Path) -> None:
    folder = next(case for case in CASES if (case / "logs.parquet").exists())
    incident, truth = read_case(folder)
    path = store.save(incident, tmp_path / "x.zip", truth)
    assert envelope.load_truth(path) == truth
    for name in ("metrics", "edge_metrics", "spans", "logs"):
        pd.testing.assert_frame_equal(
            getattr(store.load(path).telemetry, name), getattr(incident.telemetry, name), check_exact=True
        )


def test_30_re1_has_data_csv_or_simple_data_csv(case: Path) -> None:
    whole, _ = read_case(case)
    (case / "data.csv").rename(case / "simple_data.csv")
    assert is_case(case)
    assert read_case(case)[0].id == whole.id


def test_30_re2_has_a_folder_a_run_with_tables_derived_from_others(case: Path, tmp_path: Path) -> None:
    run = tmp_path / "re2" / "my_db_delay" / "2"
    shutil.copytree(case, run)
    for name in ("mpg.csv", "latency_merged_90.csv"):
        (run / name).unlink()
    (run / "data.csv").rename(run / "metrics.csv")
    (run / "simple_metrics.csv").write_text("time,other_cpu\n1,1\n")
    for name in ("logts.csv", "tracets_err.csv", "tracets_lat.csv"):
        (run / name).write_text("time,my_db_x\n1,1\n")
    (run / "cluster_info.json").write_text("{}")
    incident, truth = read_case(run)
    assert truth is not None and (truth.components, truth.fault) == (("my_db",), "delay")
    assert "other" not in incident.topology and len(incident.telemetry.spans) == 2 and len(incident.telemetry.logs) == 2
    assert [(edge.source, edge.target) for edge in incident.topology.edges] == [("front-end", "my_db")]


@pytest.mark.filterwarnings("error")
def test_values_that_nobody_measured_are_gaps_and_raise_no_warning(tmp_path: Path) -> None:
    folder = tmp_path / "a_cpu_1"
    folder.mkdir()
    rows = [f"{START + n},{n % 7},{value},1" for n, value in enumerate(["1e300", "-1e300", "inf", "2", ""] * 60)]
    (folder / "data.csv").write_text("\n".join(["time,a_cpu,b_cpu,b_latency-90", *rows]))
    incident, _ = read_case(folder)
    assert set(incident.telemetry.series("b", "cpu").dropna()) == {2.0}
    assert "180 values are infinite or beyond 1e+100, and are gaps" in incident.notes
    estimate(incident)


def test_an_injection_outside_of_what_was_recorded_leaves_the_telemetry_without_its_truth(case: Path) -> None:
    incident, truth = read_case(case)
    (case / "inject_time.txt").write_text("86400")
    again, nothing = read_case(case)
    assert truth is not None and nothing is None
    assert (again.id, again.window) == (incident.id, incident.window)
    assert "inject_time.txt holds a time at which nothing was recorded, so no truth is sealed" in again.notes
