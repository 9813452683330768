"""The incident that is measured: a shipped one where there is one, else one that is made up."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.incident import library, store
from tests.bench import synthetic


@contextmanager
def path() -> Iterator[tuple[str, Path]]:
    """(name, where it lies); a made-up incident of about 60 metrics and 240 samples is gone afterwards."""
    shipped = next((listing for listing in library.listings() if listing.shipped), None)
    if shipped is not None:
        yield f"shipped incident {shipped.name}", shipped.path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield "synthetic incident", store.save(synthetic.make(6, 240), Path(folder) / "synthetic.zip")
