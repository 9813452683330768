"""A set of drills drawn from a seed: every local fault, on other targets, weak to crushing, under loads that change.

    draw(seed) ──▶ Recording 1 … N, in the order in which they are recorded

Half of the drills of each kind of fault are for development; the other half is only scored. The seed decides which.
The load changes in half of the drills of either part.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cluster.incident.truth import NO_FAULT
from faults.recording.conditions import Conditions, Shape

SPLIT = "split.json"
"""File of a set that says which of its drills are for development, and which are only scored."""
EACH = 2
"""Drills of every fault."""
MORE = 4
"""Drills of faults drawn at random."""
QUIET = 10
"""Healthy stretches, and as many in which only the load changes."""
SERVING = ("head", "replica-0", "replica-1", "replica-2")
RATES = (2.0, 6.0)
"""Requests per second, between which the load is drawn."""
STEADY = 4.2
"""Requests per second: with more at the beginning the queues of the usual deployment grow, and no drill may begin."""
CHANGES = (1.5, 2.5)
"""By which factor a load grows or falls."""
MOST = 9.0
"""Requests per second: more is beyond what the machine can take, whatever else happens."""
BUSY = 0.25
"""Share of drills with another busy process."""
LATEST = 20.0
"""Seconds after the begin of the fault at which a step or ramp begins at the latest."""

# Parameter -> the weakest and the strongest value that is drawn, evenly on a logarithmic scale.
_FAULTS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "bandwidth": {"kbit": (300, 20)},
    "cpu-stress": {"workers": (1, 8)},
    "cpu-throttle": {"cores": (0.4, 0.1)},
    "crash": {},
    "freeze": {},
    "gateway-slow": {"cores": (0.12, 0.03)},
    "head-overload": {"cores": (0.6, 0.2)},
    "hot-replica": {"weight": (2, 30)},
    "kv-leak": {"interval": (6, 2), "held": (4, 12)},
    "kv-pressure": {"concurrency": (4, 24)},
    "load-surge": {"rate": (3, 12)},
    "long-prefill": {"interval": (14, 3)},
    "memory-stress": {"megabytes": (400, 2500)},
    "network-delay": {"delay": (60, 1500)},
    "network-loss": {"percent": (5, 50)},
    "partition": {},
    "retry-storm": {"rate": (1, 2), "burst": (12, 24)},
    "slow-start": {"cores": (0.5, 0.2)},
    "telemetry-loss": {},
    "two-at-once": {},
}
_WHOLE = frozenset({"kbit", "workers", "weight", "concurrency", "held", "megabytes"})
_FRONT = frozenset({"gateway-slow", "load-surge", "retry-storm"})
# What the first set of drills hit: the others come first.
_USED: Mapping[str, tuple[str, ...]] = {
    "bandwidth": ("replica-0", "replica-2"),
    "cpu-throttle": ("head", "replica-1"),
    "crash": ("replica-0", "replica-2"),
    "freeze": ("replica-0", "replica-1"),
    "hot-replica": ("replica-0", "replica-2"),
    "kv-pressure": ("head", "replica-1"),
    "long-prefill": ("replica-0", "replica-1"),
    "memory-stress": ("head", "replica-1"),
    "network-delay": ("head", "replica-2"),
    "network-loss": ("head", "replica-2"),
    "partition": ("head", "replica-1"),
    "two-at-once": ("replica-0", "replica-2"),
}
_ONE_OF_TWO = ("cpu-stress", "kv-pressure", "memory-stress", "network-delay", "network-loss")


@dataclass(frozen=True, slots=True)
class Recording:
    """One drill to record; `fault` is `NO_FAULT` for none, without target and parameters."""

    fault: str
    target: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=Conditions)
    scored: bool = False


def draw(seed: int, holds: float = STEADY) -> tuple[Recording, ...]:
    """The same seed gives the same drills in the same order.

    Args:
        holds: requests/s that this machine can take without growing queues: no drill begins with more.
    """
    rng = random.Random(seed)  # noqa: S311  an order, no secret
    faults = [name for name in _FAULTS for _ in range(EACH)]
    faults += rng.sample(sorted(_FAULTS), MORE)
    drawn = _with_conditions(_alternately(_with_faults(sorted(faults), rng), rng), rng)
    for changing in (False, True):
        quiet = [Recording(NO_FAULT, "", conditions=_conditions(rng, changing=changing)) for _ in range(QUIET)]
        drawn += _alternately(quiet, rng)
    rng.shuffle(drawn)
    return tuple(replace(one, conditions=_held(one.conditions, holds)) for one in drawn)


def _with_faults(faults: list[str], rng: random.Random) -> list[Recording]:
    targets = {name: _targets(name, rng) for name in set(faults)}
    found = []
    for name in faults:
        target = next(targets[name])
        parameters: dict[str, Any] = {key: _between(key, *bounds, rng) for key, bounds in _FAULTS[name].items()}
        if name == "two-at-once":
            first, second = rng.sample(_ONE_OF_TWO, 2)
            on = rng.choice([other for other in SERVING if other != target])
            parameters = {"fault": first, "other": second, "on": on}
        found.append(Recording(name, target, parameters))
    return found


def _with_conditions(recordings: list[Recording], rng: random.Random) -> list[Recording]:
    """The same with their loads; of each part, half change."""
    found = []
    for scored in (False, True):
        part = [one for one in recordings if one.scored == scored]
        rng.shuffle(part)
        found += [replace(one, conditions=_conditions(rng, changing=i < len(part) / 2)) for i, one in enumerate(part)]
    return found


def _targets(fault: str, rng: random.Random) -> Iterator[str]:
    """Those that were not used yet first, each in random order, again and again."""
    if fault in _FRONT:
        possible: tuple[str, ...] = ("gateway",)
    else:
        possible = ("head",) if fault == "head-overload" else SERVING
    used = _USED.get(fault, ())
    while True:
        yield from sorted(rng.sample(possible, len(possible)), key=lambda target: target in used)


def _conditions(rng: random.Random, changing: bool) -> Conditions:
    rate = round(min(STEADY, _between("", *RATES, rng)), 2)
    if not changing:
        return Conditions(Shape.STEADY, rate, rate, busy=rng.random() < BUSY)
    factor = _between("", *CHANGES, rng)
    to = round(min(MOST, rate * factor) if rng.random() < 0.7 else rate / factor, 2)
    shape = rng.choice((Shape.STEP, Shape.RAMP, Shape.BURSTS))
    after = 0.0 if shape is Shape.BURSTS else round(rng.uniform(0, LATEST), 1)
    return Conditions(shape, rate, to, after, busy=rng.random() < BUSY)


def _held(conditions: Conditions, holds: float) -> Conditions:
    """The same, beginning with what the machine holds at most; the load changes by the same factor."""
    if conditions.rate <= holds:
        return conditions
    return replace(conditions, rate=holds, to=round(conditions.to * holds / conditions.rate, 2))


def _between(name: str, weakest: float, strongest: float, rng: random.Random) -> float:
    value = math.exp(rng.uniform(math.log(weakest), math.log(strongest)))
    return round(value) if name in _WHOLE else float(f"{value:.3g}")


def _alternately(recordings: list[Recording], rng: random.Random) -> list[Recording]:
    """The same, every second one of them scored."""
    first = rng.randrange(2)
    return [replace(one, scored=i % 2 == first) for i, one in enumerate(recordings)]
