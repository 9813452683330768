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
    """Where the Prometheus runs that scrapes an exporter."""

    LOCAL = "local"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True, slots=True)
class Row:
    """An exporter: the module `cluster.prometheus.names.<module>` and the environments that have it."""

    module: str
    environments: tuple[Environment, ...]


_LOCAL, _KUBERNETES = (Environment.LOCAL,), (Environment.KUBERNETES,)
_BOTH = _LOCAL + _KUBERNETES

# In order of preference: the engine's own metrics, then Ray Serve's, then the mesh's; of gateways, those that time
# requests first.
CATALOG = (
    Row("local", _LOCAL),
    Row("vllm", _BOTH),
    Row("sglang", _KUBERNETES),
    Row("tgi", _KUBERNETES),
    Row("triton", _KUBERNETES),
    Row("lmdeploy", _KUBERNETES),
    Row("llamacpp", _BOTH),
    Row("gen_ai", _KUBERNETES),
    Row("ray_serve", _BOTH),
    Row("ingress_nginx", _KUBERNETES),
    Row("endpoint_picker", _KUBERNETES),
    Row("envoy", _KUBERNETES),
    Row("istio", _KUBERNETES),
    Row("nginx", _KUBERNETES),
    Row("ray", _KUBERNETES),
    Row("cadvisor", _KUBERNETES),
    Row("kube_state", _KUBERNETES),
    Row("node", _BOTH),
    Row("dcgm", _KUBERNETES),
    Row("amd", _KUBERNETES),
)


@cache
def spellings(environment: Environment) -> tuple[Spelling, ...]:
    """The spellings of all exporters in one environment, in order of preference."""
    return tuple(spelling for row in CATALOG if environment in row.environments for spelling in table(row))


def table(row: Row) -> tuple[Spelling, ...]:
    """The spellings of one exporter."""
    found: tuple[Spelling, ...] = importlib.import_module(f"{__name__}.{row.module}").SPELLINGS
    return found
