"""Each stack from its pods and series to a ranking that blames the disturbed part, by the command line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import prometheus_data
import pytest
import stacks
from mock_api import MockApi
from prometheus_data import Exposition
from stack_series import StackSeries
from stacks import Pod
from typer.testing import CliRunner

from rca_tui.__main__ import app

pytestmark = pytest.mark.slow

PAST, SINCE, AHEAD = 900, 240, 600
METHODS = ("baro", "nsigma", "serving")


@dataclass(frozen=True)
class Case:
    """A stack in a namespace of its own, with a part in trouble.

    Attributes:
        pods: its pods; those with a name in `silent` export no engine's metrics.
        hurt: names of the pods that are slow: the one in trouble, and who waits for it.
        blamed: the components that may be named.
        busy: the pod whose CPU shows it, "" for none.
        sees: signals of what routes requests that must be measured.
    """

    pods: list[Pod]
    hurt: tuple[str, ...]
    blamed: frozenset[str]
    prefix: str = "vllm:"
    busy: str = ""
    silent: frozenset[str] = frozenset()
    sees: frozenset[tuple[str, str]] = frozenset()

    @property
    def engines(self) -> list[Pod]:
        fronts = ("gateway", "router-container", "epp", "nginx", "istio-proxy")
        return [
            pod
            for pod in self.pods
            if pod["spec"]["containers"][0]["name"] not in fronts
            and "router-scheduler" not in pod["metadata"]["name"]
            and pod["metadata"]["name"] not in self.silent
        ]


def _addressed(pods: list[Pod]) -> list[Pod]:
    """Each with an address of its own."""
    return [
        {**pod, "status": {**pod["status"], "podIP": f"10.7.{i // 200}.{1 + i % 200}"}} for i, pod in enumerate(pods)
    ]


WORKERS = frozenset(f"deepseek-{group}-{worker}" for group in (0, 1, 2) for worker in (1, 2, 3))
LWS = [*stacks.groups(count=3), stacks.nginx()]
CASES = {
    "plain": Case(
        [p for p in stacks.plain() if p["metadata"]["name"].startswith(("vllm", "nginx"))],
        ("vllm-7c9d8f-bbbbb",),
        frozenset({"replica-1"}),
        busy="vllm-7c9d8f-bbbbb",
    ),
    "production-stack": Case(
        [
            *stacks.production_stack(),
            stacks.pod(
                "vllm-llama3-deployment-vllm-7c9d8f-ccccc",
                "vllm-llama3-deployment-vllm",
                stacks.production_stack()[0]["metadata"]["labels"],
            ),
        ],
        ("vllm-llama3-deployment-vllm-7c9d8f-aaaaa",),
        frozenset({"replica-0"}),
        sees=frozenset({("router", "latency_p90"), ("router", "request_rate")}),
    ),
    "llm-d": Case(
        [*stacks.llm_d()[:4]],
        ("qwen3-both-7c9d8f-ccccc",),
        frozenset({"replica-2"}),
        sees=frozenset({("endpoint-picker", "latency_p90"), ("endpoint-picker", "request_rate")}),
    ),
    "kserve": Case(
        stacks.kserve(),
        ("llama-kserve-7c9d8f-aaaaa",),
        frozenset({"replica-0"}),
        prefix="kserve_vllm:",
        sees=frozenset({("endpoint-picker", "latency_p90")}),
    ),
    # The leader waits for its worker, and alone exports metrics: the group is to blame.
    "leader-worker-set": Case(LWS, ("deepseek-1",), frozenset({"replica-1"}), silent=WORKERS),
    "leader-worker-set-that-tells": Case(
        LWS, ("deepseek-1",), frozenset({"replica-1", "replica-1-worker-2"}), silent=WORKERS, busy="deepseek-1-2"
    ),
}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if missing := prometheus_data.missing_binaries():
        pytest.skip(f"not installed here: {', '.join(missing)} (Debian's package prometheus has both)")
    start = int(time.time()) - PAST
    out = Exposition(start, PAST + AHEAD)
    for namespace, case in CASES.items():
        hurt = {*case.hurt, case.busy}
        series = StackSeries(out, namespace, lambda pod, s, hurt=hurt: pod in hurt and s >= PAST - SINCE)
        pods = _addressed(case.pods)
        serving = {one["metadata"]["name"] for one in case.engines}
        engines = [pod for pod in pods if pod["metadata"]["name"] in serving]
        for pod in pods:
            name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]["name"]
            series.container(pod, name if name == case.busy else "nobody")
            if name in serving:
                series.engine(pod, case.prefix)
            elif container == "router-container":
                series.router(pod, engines)
            elif container == "nginx":
                series.nginx(pod)
            elif name not in case.silent:
                series.picker(pod, engines)
    with prometheus_data.prometheus(tmp_path_factory.mktemp("shapes"), out) as url:
        yield url


@pytest.fixture
def put(api: MockApi, prometheus: str, configure: Callable[[str], None]) -> Callable[[str], None]:
    def run(name: str) -> None:
        stacks.put(api, *_addressed(CASES[name].pods), namespace=name)
        configure(f'[contexts.mock]\nnamespace = "{name}"\n[contexts.mock.prometheus]\nurl = "{prometheus}"\n')

    return run


def run(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"}, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr + result.stdout
    return json.loads(result.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", CASES)
def test_the_disturbed_part_is_blamed(name: str, put: Callable[[str], None]) -> None:
    put(name)
    answer = run("--context", "mock", "diagnose", "--seconds", "700", *(f"--method={m}" for m in METHODS), "--json")
    results = answer["results"]
    assert isinstance(results, list) and len(results) == len(METHODS)
    for result in results:
        if not CASES[name].sees and result["method"] != "serving":
            assert "the onset is not known" in result["reason"], "NGINX's exporter times nothing: there is no SLI"
            continue
        first = {one["component"] for one in result["components"] if one["rank"] == 1}
        assert first and first <= CASES[name].blamed, (result["method"], first)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.sees])
def test_what_routes_requests_is_measured_by_its_own_metrics(name: str, put: Callable[[str], None]) -> None:
    put(name)
    status = run("--context", "mock", "status", "--json")
    provenance = status["provenance"]
    assert isinstance(provenance, list)
    measured = {(one["component"], one["signal"]) for one in provenance if one["origin"] == "measured"}
    assert measured >= CASES[name].sees
    running = [one for one in provenance if (one["component"], one["signal"]) == ("replica-0", "running_requests")]
    assert running[0]["origin"] == "measured"
