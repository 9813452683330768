from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from cluster.deployment import DeploymentError
from cluster.local import configs, layout, preflight
from cluster.local.configs import Routing
from cluster.local.layout import RunDir
from cluster.local.options import Options

USUAL = layout.serving(layout.LLAMACPP)


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    run = RunDir(tmp_path / "a folder")
    for folder in run.folders():
        folder.mkdir(parents=True, exist_ok=True)
    return run


@pytest.mark.parametrize("name", ["gateway", "management"])
def test_nginx_accepts_its_configuration(run: RunDir, name: str) -> None:
    nginx = shutil.which("nginx", path=preflight.search_path())
    if nginx is None:
        pytest.skip("nginx is not installed here")
    text = configs.gateway(run, 0, USUAL) if name == "gateway" else configs.management(run, 0)
    path = run.root / "nginx" / "test.conf"
    # The pods' addresses exist only in the sandbox; the rest of the file is tested as it is.
    path.write_text(text.replace("listen 10.7", "listen 127.7").replace(":0;", ":18099;"))
    done = subprocess.run([nginx, "-t", "-c", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_pod_is_an_upstream_and_no_request_is_tried_elsewhere(run: RunDir) -> None:
    text = configs.gateway(run, 18000, USUAL)
    for address, pod in layout.upstreams(USUAL).items():
        assert f"server {address} weight=1 max_fails=0;" in text
        assert f"{address} {pod};" in text
    assert "proxy_next_upstream off;" in text
    assert "proxy_buffering off;" in text


def test_another_routing_changes_shares_and_addresses_and_says_its_name(run: RunDir) -> None:
    detour = "10.77.0.10:8100"
    text = configs.gateway(run, 18000, USUAL, Routing("hot", {"replica-1": 5}, {"replica-2": detour}))
    own = {pod: address for address, pod in layout.upstreams(USUAL).items()}
    assert f"server {own['head']} weight=1 max_fails=0;" in text
    assert f"server {own['replica-1']} weight=5 max_fails=0;" in text
    assert f"server {detour} weight=1 max_fails=0;" in text
    assert f"{detour} replica-2;" in text
    assert own["replica-2"] not in text
    assert 'return 200 "hot";' in text


@pytest.mark.parametrize("engine", [layout.LLAMACPP, layout.VLLM])
def test_prometheus_scrapes_over_the_management_network_only(engine: str) -> None:
    jobs = json.loads(configs.prometheus(engine, layout.serving(engine)))["scrape_configs"]
    targets = [static for job in jobs for static in job["static_configs"]]
    assert len(targets) == configs.targets(engine, layout.serving(engine))
    assert all(static["targets"][0].startswith("10.78.0.") for static in targets)
    assert {static["labels"]["component"] for static in targets} == {
        *layout.serving(engine),
        layout.NODE,
        layout.CLIENT,
    }


def test_names_of_links_fit_the_kernel() -> None:
    names = [layout.host_link(pod, link) for pod in layout.PODS for link in (layout.DATA_LINK, layout.MANAGEMENT_LINK)]
    assert len(set(names)) == 2 * len(layout.PODS)
    assert max(map(len, names)) <= 15


def test_fewer_replicas_are_neither_served_to_nor_scraped(run: RunDir) -> None:
    two = layout.serving(layout.LLAMACPP, 2)
    assert two == ("head", "replica-0")
    text = configs.gateway(run, 18000, two)
    assert [pod for pod in layout.SERVING if layout.data_ip(pod) in text] == [*two]
    assert configs.targets(layout.LLAMACPP, two) == 6


def test_replicas_beyond_the_machine_are_refused_with_what_fits() -> None:
    enough = 64 << 30
    assert preflight.too_many_replicas(Options(replicas=4), 1, 0) == ""
    assert preflight.too_many_replicas(Options(replicas=5), 2, enough) == ""
    assert "hold 5" in preflight.too_many_replicas(Options(replicas=6), 2, enough)
    assert preflight.too_many_replicas(Options(replicas=8, pod_cpus=0.3), 2, enough) == ""
    assert "3.0 GiB of free memory hold 4" in preflight.too_many_replicas(Options(replicas=5), 8, 3 << 30)


def test_the_number_of_replicas_has_bounds() -> None:
    with pytest.raises(DeploymentError, match="1 to 8 replicas"):
        Options(replicas=9)
