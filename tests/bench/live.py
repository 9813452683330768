"""A real deployment for a part of the bench: the one that is up, or one of its own that ends with the part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from cluster.local import lifecycle
from cluster.local.deployment import LocalDeployment
from cluster.local.load_plan import LoadPlan
from cluster.local.options import Options
from faults.undo import Undo
from tests.bench.tables import tell

UNDO_ONLY = Undo(unhealthy=lambda deployment, level: "", stretch=lambda deployment: 0.0)
"""Undoes, and does not wait for the service to be healthy."""


@contextmanager
def deployment(load: LoadPlan | None = None) -> Iterator[LocalDeployment]:
    """`load`: of one that is started here. Raises DeploymentError where none can be started."""
    if lifecycle.status() is not None:
        yield LocalDeployment.connect()
        return
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        mock.patch.dict(os.environ, {"XDG_STATE_HOME": home}),
    ):
        try:
            yield LocalDeployment(lifecycle.up(Options(), tell, load))
        finally:
            lifecycle.down()
