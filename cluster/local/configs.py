"""Configuration files of NGINX and Prometheus, rendered from the layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from cluster.local import layout
from cluster.local.layout import RunDir

_ACCESS_FIELDS = {
    "time": "$msec",
    "component": layout.GATEWAY,
    "request_id": "$request_id",
    "method": "$request_method",
    "uri": "$uri",
    "status": "$status",
    "request_time": "$request_time",
    "bytes_sent": "$bytes_sent",
    "request_length": "$request_length",
    "upstream": "$upstream",
    "upstream_addr": "$upstream_addr",
    "upstream_status": "$upstream_status",
    "upstream_connect_time": "$upstream_connect_time",
    "upstream_header_time": "$upstream_header_time",
    "upstream_response_time": "$upstream_response_time",
    "client": "$remote_addr",
}


def _nginx(run: RunDir, name: str, events: str, http: str) -> str:
    folder = run.root / "nginx"
    temporary = "\n".join(
        f'  {kind}_temp_path "{folder}/{name}-{kind}";' for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # `user root root` keeps the workers from switching to a user that a user namespace does not have.
    return f"""user root root;
daemon off;
worker_processes 1;
pid "{folder}/{name}.pid";
error_log "{run.root / layout.GATEWAY / "error.log" if name == layout.GATEWAY else folder / f"{name}.log"}" warn;
events {{ {events} }}
http {{
{temporary}
{http}
}}
"""


@dataclass(frozen=True)
class Routing:
    """Where the gateway sends requests.

    Attributes:
        name: what the running gateway reports as its routing; letters, digits and dashes.
        weights: pod -> its weight; 1 for those that are missing.
        detours: pod -> `address:port` to which its requests go instead.
    """

    name: str = "even"
    weights: Mapping[str, int] = field(default_factory=dict)
    detours: Mapping[str, str] = field(default_factory=dict)


EVEN = Routing()


def gateway(run: RunDir, port: int, serving: tuple[str, ...], routing: Routing = EVEN) -> str:
    """The gateway: round robin over the pods' Serve proxies, no retry elsewhere, so that a faulty pod stays visible.

    `traceparent` makes the request id the trace id and its first half the gateway's span id.
    """
    fields = ",".join(f'"{name}":"{value}"' for name, value in _ACCESS_FIELDS.items())
    pods = {routing.detours.get(pod, address): pod for address, pod in layout.upstreams(serving).items()}
    servers = "\n".join(
        f"    server {address} weight={routing.weights.get(pod, 1)} max_fails=0;" for address, pod in pods.items()
    )
    names = "\n".join(f"    {address} {pod};" for address, pod in pods.items())
    http = f"""  log_format rca escape=json '{{{fields}}}';
  access_log "{run.access_log}" rca;
  map $request_id $parent_span {{ default 0000000000000001; "~^(?<half>[0-9a-f]{{16}})" $half; }}
  map $upstream_addr $upstream {{
    default "";
{names}
  }}
  upstream pods {{
{servers}
  }}
  server {{
    listen 127.0.0.1:{port};
    listen {layout.data_ip(layout.GATEWAY)}:{layout.SERVE_PORT};
    client_max_body_size 1m;
    location / {{
      proxy_pass http://pods;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_next_upstream off;
      proxy_connect_timeout 10s;
      proxy_read_timeout 60s;
      proxy_set_header Host $host;
      proxy_set_header X-Request-ID $request_id;
      proxy_set_header traceparent "00-$request_id-$parent_span-01";
      proxy_hide_header X-Request-ID;
      add_header X-RCA-Upstream $upstream always;
      add_header X-Request-ID $request_id always;
    }}
  }}
  server {{
    listen {layout.management_ip(layout.GATEWAY)}:{layout.GATEWAY_STATUS_PORT};
    access_log off;
    location = /status {{ stub_status; }}
    location = /routing {{ return 200 "{routing.name}"; }}
    location / {{ return 404; }}
  }}"""
    return _nginx(run, layout.GATEWAY, "worker_connections 1024;", http)


def management(run: RunDir, port: int) -> str:
    """Forwards 127.0.0.1 outside the sandbox to Prometheus inside it."""
    http = f"""  access_log off;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{layout.PROMETHEUS_PORT}; proxy_read_timeout 60s; }}
  }}"""
    return _nginx(run, "management", "worker_connections 256;", http)


def prometheus(engine: str, serving: tuple[str, ...]) -> str:
    """Static targets, labelled with the ids of their components. JSON is valid YAML."""
    jobs = [
        _job("ray", dict.fromkeys(serving, layout.RAY_METRICS_PORT), keep=_RAY_SERIES),
        _job("exporter", {layout.NODE: layout.EXPORTER_PORT}, honor_labels=True),
        _job("client", {layout.CLIENT: layout.CLIENT_METRICS_PORT}),
    ]
    if engine == layout.LLAMACPP:  # vLLM's own metrics come through Ray
        jobs.append(_job("engine", dict.fromkeys(serving, layout.ENGINE_METRICS_PORT)))
    common = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1m"}
    return json.dumps({"global": common, "scrape_configs": jobs}, indent=1)


# Ray exports some 140 metric families on each node; these describe a pod.
_RAY_SERIES = (
    "ray_llm_.*|ray_vllm.*|ray_serve_.*|serve_.*|ray_node_.*|ray_component_.*|ray_object_store_.*|ray_actors|ray_tasks"
)


def _job(name: str, targets: dict[str, int], keep: str = "", honor_labels: bool = False) -> dict[str, object]:
    job: dict[str, object] = {
        "job_name": name,
        "honor_labels": honor_labels,
        "static_configs": [
            {"targets": [f"{layout.management_ip(component)}:{port}"], "labels": {"component": component}}
            for component, port in targets.items()
        ],
    }
    if keep:
        job["metric_relabel_configs"] = [{"source_labels": ["__name__"], "regex": keep, "action": "keep"}]
    return job


def targets(engine: str, serving: tuple[str, ...]) -> int:
    """The number of targets that Prometheus scrapes."""
    return (2 if engine == layout.LLAMACPP else 1) * len(serving) + 2
