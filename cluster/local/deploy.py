"""Runs in the head's pod once all nodes are up: deploys the application to the Ray cluster, then exits."""

from __future__ import annotations

import argparse
import sys
import time

import ray
from ray import serve
from ray.serve.config import HTTPOptions
from ray.serve.schema import LoggingConfig

from cluster.local import layout
from cluster.local.serving import Server

# More than a pod can ever have in flight: above this number its proxy would send requests to other pods,
# and a slow pod would look healthy from the gateway.
MAX_ONGOING = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--nodes", type=int, required=True)
    arguments = parser.parse_args()
    ray.init(address=f"{layout.data_ip(layout.HEAD)}:{layout.GCS_PORT}", log_to_driver=False, logging_level="WARNING")
    deadline = time.monotonic() + 120
    while (alive := sum(node["Alive"] for node in ray.nodes())) < arguments.nodes:
        if time.monotonic() > deadline:
            ray.shutdown()  # it prints what the nodes said: our reason comes last
            sys.exit(f"only {alive} of {arguments.nodes} Ray nodes came up")
        time.sleep(0.2)
    json_logs = LoggingConfig(encoding="JSON")
    everywhere = "0.0.0.0"  # noqa: S104  of a pod's own network, which has no way out
    serve.start(
        http_options=HTTPOptions(host=everywhere, port=layout.SERVE_PORT, location="EveryNode"),
        logging_config=json_logs,
    )
    application = Server.options(  # type: ignore[attr-defined]
        num_replicas=arguments.nodes,
        max_replicas_per_node=1,
        max_ongoing_requests=MAX_ONGOING,
        ray_actor_options={"num_cpus": 0.5},
        logging_config=json_logs,
    ).bind(arguments.engine, arguments.model)
    serve.run(application, name="llm", route_prefix="/")


if __name__ == "__main__":
    main()
