"""Catalogue of the exporters whose metrics can be read: a row each; the table stands in a module of the same name.

    spellings(Environment.KUBERNETES) -> tuple[Spelling, ...]

To add an exporter: one module here with `SPELLINGS`, one row in `CATALOG`, and one exposition of it in
tests/cluster/prometheus/fixtures. Prefixes and escaped names need no entry: `cluster.prometheus.variants`.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster.prometheus.promql import Spelling


class Environment(StrEnum):
    """Where the Prometheus runs that scrapes an exporter. ENDPOINTS: it knows the targets, and no pods behind them."""

    LOCAL = "local"
    KUBERNETES = "kubernetes"
    ENDPOINTS = "endpoints"


@dataclass(frozen=True, slots=True)
class Row:
    """An exporter: the module `cluster.prometheus.names.<module>` and the environments that have it."""

    module: str
    environments: tuple[Environment, ...]


_LOCAL, _KUBERNETES = (Environment.LOCAL,), (Environment.KUBERNETES,)
_SCRAPED = (Environment.KUBERNETES, Environment.ENDPOINTS)
_ALL = _LOCAL + _SCRAPED

# In order of preference: the engine's own metrics, then Ray Serve's, then the mesh's; of gateways, those that time
# requests first.
CATALOG = (
    Row("local", _LOCAL),
    Row("vllm", _ALL),
    Row("sglang", _SCRAPED),
    Row("tgi", _SCRAPED),
    Row("lightllm", _SCRAPED),
    Row("triton", _SCRAPED),
    Row("lmdeploy", _SCRAPED),
    Row("nim", _SCRAPED),
    Row("llamacpp", _ALL),
    Row("gen_ai", _SCRAPED),
    Row("ray_serve", _ALL),
    Row("dynamo_worker", _SCRAPED),
    Row("ingress_nginx", _SCRAPED),
    Row("production_router", _SCRAPED),
    Row("sglang_router", _SCRAPED),
    Row("dynamo", _SCRAPED),
    Row("litellm", _SCRAPED),
    Row("endpoint_picker", _SCRAPED),
    Row("traefik", _SCRAPED),
    Row("kong", _SCRAPED),
    Row("agentgateway", _SCRAPED),
    Row("envoy", _SCRAPED),
    Row("istio", _KUBERNETES),
    Row("haproxy", _SCRAPED),
    Row("nginx", _SCRAPED),
    Row("gen_ai_gateway", _SCRAPED),
    Row("ray", _SCRAPED),
    Row("cadvisor", _KUBERNETES),
    Row("kube_state", _KUBERNETES),
    Row("node", _ALL),
    Row("dcgm", _KUBERNETES),
    Row("amd", _KUBERNETES),
    Row("nvidia_smi", _KUBERNETES),
)


@cache
def spellings(environment: Environment) -> tuple[Spelling, ...]:
    """The spellings of all exporters in one environment, in order of preference."""
    return tuple(spelling for row in CATALOG if environment in row.environments for spelling in table(row))


def table(row: Row) -> tuple[Spelling, ...]:
    """The spellings of one exporter."""
    found: tuple[Spelling, ...] = importlib.import_module(f"{__name__}.{row.module}").SPELLINGS
    return found
