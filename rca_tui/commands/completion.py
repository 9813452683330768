"""Values that a shell completes: names of incidents, methods, faults, targets and contexts. Nothing heavy is imported.

`rca-tui --install-completion` sets it up for bash, zsh or fish. A shell asks at each press of Tab: what cannot be read
is left out, without a word.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

from cluster import own_files
from cluster.errors import RcaError
from cluster.paths import expanded

LARGEST = 1_000_000
"""Bytes of a kubeconfig that is read."""


def incidents(incomplete: str) -> list[str]:
    """Names that `rca-tui incidents` lists."""
    from cluster.incident import library

    return _fitting((listing.name for listing in library.listings()), incomplete)


def methods(incomplete: str) -> list[str]:
    """Names that `rca-tui methods` lists."""
    from methods import catalog

    return _fitting((entry.name for entry in catalog.listed()), incomplete)


def methods_and_consensus(incomplete: str) -> list[str]:
    """What `explain --method` takes."""
    return [*methods(incomplete), *_fitting(["consensus"], incomplete)]


def faults(incomplete: str) -> list[str]:
    """Names that `rca-tui faults` lists."""
    from faults import catalog

    return _fitting((entry.name for entry in catalog.entries()), incomplete)


def targets(incomplete: str) -> list[str]:
    """Components of the deployment that `rca-tui up` starts when it is told nothing."""
    from cluster.local.layout import GATEWAY, LLAMACPP, NODE, serving

    return _fitting(dict.fromkeys((GATEWAY, *serving(LLAMACPP), NODE)), incomplete)


def contexts(incomplete: str) -> list[str]:
    """Contexts of the kubeconfig files."""
    return _fitting(dict.fromkeys(_contexts()), incomplete)


def _contexts() -> Iterator[str]:
    import yaml

    from cluster.text import yaml_data

    files = os.environ.get("KUBECONFIG") or "~/.kube/config"
    for file in filter(None, files.split(os.pathsep)):
        with contextlib.suppress(OSError, ValueError, yaml.YAMLError, RecursionError):
            loaded = yaml_data.load(own_files.head(expanded(file), LARGEST))
            rows = loaded.get("contexts") if isinstance(loaded, dict) else None
            yield from (row["name"] for row in rows or () if isinstance(row, dict) and isinstance(row.get("name"), str))


def _fitting(names: Iterable[str], incomplete: str) -> list[str]:
    """Those that begin so and that a shell takes as one word: names of other systems are hostile text."""
    with contextlib.suppress(RcaError, OSError):
        return [name for name in names if name.startswith(incomplete) and name.isprintable() and _is_word(name)]
    return []


def _is_word(name: str) -> bool:
    return not any(character in " \t'\"`$\\;&|<>()*?[]{}~#!" for character in name)
