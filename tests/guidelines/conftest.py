"""A recorded drill, read once."""

from __future__ import annotations

import pytest

from cluster.incident import library
from cluster.incident.model import Incident


@pytest.fixture(scope="session")
def drill() -> Incident:
    """The first shipped drill, without its truth."""
    shipped = [listing.name for listing in library.listings() if listing.shipped]
    return library.load(shipped[0])
