"""What the virtual front door's latency lacks is said."""

from __future__ import annotations

from cluster.endpoints.fleet import Member, fleet_of
from cluster.endpoints.reading import unmerged
from cluster.provenance import UNREACHED, Builder, Origin, Provenance

FLEET = fleet_of([Member("a:1"), Member("b:1"), Member("c:1")])


def provenance(*origins: Origin) -> Provenance:
    builder = Builder()
    for number, origin in enumerate(origins, 1):
        builder.add(f"replica-{number}", "latency_p90", origin, reason=UNREACHED if origin is Origin.STALE else "")
    return builder.build()


def test_engines_without_a_latency_histogram_are_named() -> None:
    none, good, stale = Origin.NOT_EXPORTED, Origin.MEASURED, Origin.STALE
    assert unmerged(FLEET, provenance(good, good, stale)) == ()
    (some,) = unmerged(FLEET, provenance(none, good, none))
    assert some.startswith("the latency of front-door lacks replica-1, replica-3")
    (whole,) = unmerged(FLEET, provenance(none, none, none))
    assert "front-door has no latency, and so no SLI" in whole
    gateway = fleet_of([Member("g:1", {"role": "gateway"}), Member("a:1")])
    assert unmerged(gateway, provenance(none)) == ()
