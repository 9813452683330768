"""A real Prometheus 3: native histograms made of classic ones, and names in quotes; skipped on older ones."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from cluster.endpoints.deployment import connect
from cluster.endpoints.watched import Watched
from cluster.provenance import Origin
from cluster.window import Window

SCRAPES = 20.0  # s


def version() -> int:
    """The first number of its version; 0 where it is not installed."""
    if shutil.which("prometheus") is None:
        return 0
    done = subprocess.run(["prometheus", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)", done.stdout + done.stderr)
    return int(found[1]) if found else 0


pytestmark = pytest.mark.skipif(version() < 3, reason="no Prometheus 3 on PATH (Debian forky's package has it)")


def histogram(name: str, count: float) -> Iterator[str]:
    """Half of the events in (0.2, 0.4], the next 40 % in (0.4, 0.8]."""
    for bound, share in (("0.2", 0.0), ("0.4", 0.5), ("0.8", 0.9), ("1.6", 1.0), ("+Inf", 1.0)):
        yield f'{{"{name}_bucket",le="{bound}"}} {share * count}'
    yield f'{{"{name}_count"}} {count}'
    yield f'{{"{name}_sum"}} {0.5 * count}'


class Engine(BaseHTTPRequestHandler):
    """Prints two requests a second."""

    def __init__(self, began: float, *about: object) -> None:
        self._began = began
        super().__init__(*about)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        done = 2.0 * (time.monotonic() - self._began)
        lines = ['# TYPE "vllm.num_requests_waiting" gauge', '{"vllm.num_requests_waiting",model_name="m"} 7']
        for name in ("vllm.time_to_first_token_seconds", "vllm:e2e_request_latency_seconds"):
            lines += [f'# TYPE "{name}" histogram', *histogram(name, done)]
        lines += ['# TYPE "tgi_request_generated_tokens" histogram', *histogram("tgi_request_generated_tokens", done)]
        body = "\n".join([*lines, ""]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """It has scraped one engine for some seconds."""
    folder = tmp_path_factory.mktemp("prometheus-3")
    engine = ThreadingHTTPServer(("127.0.0.1", 0), partial(Engine, time.monotonic()))
    threading.Thread(target=engine.serve_forever, daemon=True).start()
    scraped = {"targets": [f"127.0.0.1:{engine.server_port}"]}
    job = {"job_name": "vllm", "convert_classic_histograms_to_nhcb": True, "static_configs": [scraped]}
    whole = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
    (folder / "prometheus.json").write_text(json.dumps(whole))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    arguments = [f"--config.file={folder / 'prometheus.json'}", f"--storage.tsdb.path={folder / 'data'}"]
    arguments += [f"--web.listen-address={address}", "--enable-feature=native-histograms"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(["prometheus", *arguments], stdout=log, stderr=log)
    try:
        ends = time.monotonic() + 60.0
        while not scraped_for(f"http://{address}", SCRAPES):
            assert time.monotonic() < ends, (folder / "log").read_text()[-1000:]
            time.sleep(0.5)
        yield f"http://{address}"
    finally:
        server.kill()
        server.wait()
        engine.shutdown()


def scraped_for(url: str, seconds: float) -> bool:
    query = f"{url}/api/v1/query?query=count_over_time(up[1m])"
    try:
        with urlopen(query, timeout=2) as answer:
            found = json.load(answer)["data"]["result"]
    except (URLError, OSError):
        return False
    return bool(found) and float(found[0]["value"][1]) >= seconds


def test_22_23_quoted_names_and_native_histograms_are_measured(store: str) -> None:
    deployment = connect(Watched(prometheus=store))
    try:
        (engine,) = (one for one in deployment.topology().ids if one != "front-door")
        now = time.time()
        found = deployment.samples(Window(now - 5, now), 1.0)
        values = {signal: found.metrics[engine, signal].median() for one, signal in found.metrics if one == engine}
        assert values["queue_length"] == 7.0
        assert values["ttft_p50"] == pytest.approx(0.4, rel=0.1)
        assert (values["ttft_p90"], values["latency_p90"]) == pytest.approx((0.8, 0.8), rel=0.1)
        assert values["token_rate"] == pytest.approx(1.0, rel=0.1)
        assert found.metrics["front-door", "latency_p90"].median() == pytest.approx(0.8, rel=0.1)
        told = found.provenance.of(engine, "ttft_p90")
        assert told.origin is Origin.MEASURED and told.metrics == ("vllm.time_to_first_token_seconds",)
        assert '{"vllm.time_to_first_token_seconds",}' in told.query
    finally:
        deployment.close()
