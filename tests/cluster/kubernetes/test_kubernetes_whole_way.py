"""From a mock API server, a real Prometheus and servers of logs and traces to a ranking, by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mock_api import TOKEN, MockApi
from mock_stack import COMPONENTS, NODE_ADDRESSES, NODES, SECRET, WORKER_PODS
from typer.testing import CliRunner

from guidelines import catalog
from rca_tui.__main__ import app

pytestmark = pytest.mark.slow

METHODS = ("baro", "nsigma", "mmbaro", "tracerca")


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"}, catch_exceptions=False)
    assert result.exit_code == code, result.stderr + result.stdout
    return result.stdout if code != 2 else result.stderr


def test_diagnose_blames_the_component_whose_series_were_disturbed(whole: MockApi) -> None:
    methods = [f"--method={name}" for name in METHODS]
    told = json.loads(run("--context", "mock", "diagnose", "--seconds", "700", *methods, "--json"))
    blamed = {r["method"]: [c["component"] for c in r["components"] if c["rank"] == 1] for r in told["results"]}
    for name in METHODS:
        # Its GPU was disturbed as well.
        assert set(blamed[name]) <= {"ray-replicas-1", "ray-replicas-1-gpu-0"} and blamed[name], (name, told["results"])


def test_triage_around_an_alert_blames_it_too_and_saves_the_incident(whole: MockApi, tmp_path: Path) -> None:
    fired = datetime.fromtimestamp(time.time() - 30, UTC).isoformat()
    labels = {"alertname": "Queue", "pod": WORKER_PODS[1], "for": "2m"}
    (tmp_path / "page.json").write_text(json.dumps([{"labels": labels, "startsAt": fired}]))
    told = json.loads(run("--context", "mock", "triage", "--alert", "page.json", "--json"))
    named = {one["component"] for one in told["verdict"]["components"]}
    assert named and named <= {"ray-replicas-1", "ray-replicas-1-gpu-0"}
    assert "The alert Queue is about ray-replicas-1." in [*told["verdict"]["for"], *told["verdict"]["against"]]
    shown = json.loads(run("replay", told["incident"], "--json"))
    assert shown["deployment"] == "kubernetes"


def test_a_recording_is_an_incident_like_any_other_and_holds_no_secret(whole: MockApi, tmp_path: Path) -> None:
    told = json.loads(run("--context", "mock", "record", "live", "--seconds", "300", "--json"))
    assert told["seconds"] == pytest.approx(300)
    shown = json.loads(run("replay", "live", "--json"))
    assert shown["deployment"] == "kubernetes"
    assert shown["front_door"] == "gateway"
    assert shown["spans"] and shown["logs"] and 55 <= shown["samples"] <= 61
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "kubeconfig"]
    assert any(path.suffix == ".parquet" for path in written)
    assert not [path for path in written for secret in (SECRET, TOKEN) if secret.encode() in path.read_bytes()]


def test_status_and_faults_name_the_cluster(whole: MockApi) -> None:
    told = json.loads(run("--context", "mock", "status", "--json"))
    assert told["liveness"] == "LIVE"
    assert set(COMPONENTS) <= {one["component"] for one in told["components"]}
    origins = {(one["component"], one["signal"]): one for one in told["provenance"]}
    waiting = origins["ray-replicas-0", "queue_length"]
    assert (waiting["origin"], waiting["metrics"]) == ("measured", ["ray_vllm_num_requests_waiting"])
    assert waiting["interval"] == pytest.approx(5, rel=0.3)
    assert origins["ray-replicas-0", "tpot_p90"]["origin"] == "not comparable"
    assert origins["ray-replicas-0", "slots_busy"]["origin"] == "not exported"
    assert json.loads(run("--context", "mock", "faults", "--json"))


def test_doctor_passes_and_its_report_is_redacted(whole: MockApi, tmp_path: Path) -> None:
    told = json.loads(run("--context", "mock", "doctor", "--json", "--report", "report.md"))
    assert told["ok"], [check for check in told["checks"] if check["verdict"] == "fail"]
    values = {(s["component"], s["signal"]): s["value"] for s in told["samples"]}
    assert values["gateway", "latency_p90"] == pytest.approx(4.0, rel=0.2)  # a quarter of the calls are slow
    assert values["ray-replicas-0", "queue_length"] is not None
    assert values["ray-head-gpu-0", "gpu_xid_errors"] is None
    report = (tmp_path / "report.md").read_text()
    assert "| signals of ray-replicas-1 |" in report
    hidden = (SECRET, TOKEN, "mock", "falcon", "127.0.0.1", *NODES, *NODE_ADDRESSES.values(), *COMPONENTS.values())
    assert not [name for name in hidden if name in report]
    assert "report.md exists" in run("--context", "mock", "doctor", "--report", "report.md", code=2)


def test_doctor_names_what_fails_and_the_repair(whole: MockApi, configure: Callable[[str], None]) -> None:
    whole.forbid("list", "nodes")
    whole.forbid("create", "stresschaos")
    whole.skew = 120.0
    configure("[contexts.mock]\n")
    text = run("--context", "mock", "doctor", code=1)
    assert "✗ right to list nodes of the cluster: no" in text
    assert "– right to create stresschaos.chaos-mesh.org in llm: no" in text
    assert text.count("only to inject faults") == 1
    assert "not all faults can be injected: 1 of " in text
    assert "1 gateway, 1 head, 3 replicas" in text
    assert "120 s ahead of ours" in text or "119 s ahead of ours" in text
    assert "✗ prometheus: none is configured" in text and "set prometheus in kubernetes.toml" in text
    assert "without metrics these methods have no answer: " in text
    assert "without spans these methods have no answer: " in text and "tracerca" in text


def test_a_viewer_without_the_right_to_drill_passes(whole: MockApi) -> None:
    for verb in ("create", "delete"):
        whole.forbid(verb, "*")
    whole.forbidden = {("create", kind) for kind in ("stresschaos", "networkchaos", "podchaos", "pods/exec", "jobs")}
    assert json.loads(run("--context", "mock", "doctor", "--json"))["ok"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--context", "prod", "diagnose"], "no context 'prod'; it has: mock"),
        (["--context", "prod", "record"], "no context 'prod'"),
        (["--context", "mock", "up"], "up is not for a cluster; --context goes with: campaign, check, diagnose"),
        (["--context", "mock"], "needs a terminal"),
        (["diagnose"], "no deployment runs on this machine"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(whole: MockApi, arguments: list[str], says: str) -> None:
    sentence = run(*arguments, code=2)
    assert says in sentence
    assert sentence.count("\n") == 1


def test_a_real_process_with_an_expired_token_says_one_sentence(whole: MockApi) -> None:
    whole.tokens = {"another"}
    done = subprocess.run(
        [sys.executable, "-m", "rca_tui", "--context", "mock", "diagnose"],
        capture_output=True, text=True, timeout=300, cwd=Path(__file__).parents[3], env=dict(os.environ),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rca-tui: the API server of mock refuses the login (HTTP 401)")
    assert done.stderr.count("\n") == 1


def test_a_dry_run_says_what_would_be_created_in_the_cluster(whole: MockApi) -> None:
    told = run("--context", "mock", "drill", "cpu-stress", "--target", "ray-replicas-1", "--dry-run")
    assert "StressChaos" in told and WORKER_PODS[1] in told
    assert "kubectl --context mock" in told


def test_check_runs_all_checks_on_a_cluster(whole: MockApi) -> None:
    told = json.loads(run("--context", "mock", "check", "--json"))
    verdicts = {check["name"]: check["verdict"] for check in told["results"]}
    assert tuple(verdicts) == catalog.names()
    assert (verdicts["engine-per-replica"], verdicts["gpu-to-pod"]) == ("pass", "pass")
    assert verdicts["head-apart"] == "fail"  # the head serves as well, as in the study
