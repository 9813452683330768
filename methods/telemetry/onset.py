"""When the trouble began, from the SLI alone.

The front door's latency (its logarithm) and error ratio are cut into segments by Bayesian change-point detection
(`methods.telemetry.changepoint`). Among the boundaries at which things get worse, the one with the largest step is the
trouble; steps up that lead to it without a step down between them belong to it. A change for the better is a recovery,
never an onset.

The SLI moves after its cause does: a request counts when it has ended, and a sample looks back over the window that it
was computed from. Being late is worse than being early, too: a few samples of the fault in the baseline widen what
counts as normal, while a few normal samples after the onset change no maximum. So the onset is put before the first
bad sample by the SLI's correlation length (one sample at least) and by the latency that requests have from then on,
where its unit is known to be seconds.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import percent, quantity
from cluster.text.times import clock_time, duration
from cluster.window import Onset, OnsetSource
from methods.telemetry.changepoint import noise, residual_noise, segment
from methods.telemetry.matrix import Floats
from methods.telemetry.sli import NoSli, latency_key, sli

LEAST_SAMPLES = 8
# Noise below which a change is of no interest to anyone: 3 % of latency, one request in a hundred.
LEAST_NOISE = np.array([0.03, 0.01])
# A rise below this is no trouble: a tenth of the latency, one request in two hundred.
LEAST_RISE = np.array([0.1, 0.005])
# Independent samples that a window is taken to hold at least: with fewer, nothing could be told.
INDEPENDENT = 24
# Noise standard deviations from both neighbours that make a sample a blip.
BLIP = 5.0
# A step up belongs to the trouble that follows when it is at least this share of the trouble's largest step.
LEADING = 0.2
# Seconds by which slow requests put the onset earlier, at most.
LONGEST_FLIGHT = 15.0
# Seconds that a sample looks back over, at most: beyond them a correlation is drift and not the monitoring window.
LONGEST_WINDOW = 15.0
NO_CHANGE = "the SLI shows no change for the worse"


@dataclass(frozen=True, slots=True)
class OnsetEstimate:
    """Result of one search for the onset.

    Attributes:
        onset: None when the search found none.
        claim: what changed, or why there is no onset: one sentence for a person.
        probability: of a change point near the first bad sample; 0 without an onset.
    """

    onset: Onset | None
    claim: str
    probability: float = 0.0


def with_onset(incident: Incident) -> Incident:
    """The incident with its onset, estimated unless it is set or has been searched for.

    The result remembers the search, also when it found nothing: `with_onset` of it costs nothing.
    """
    if incident.onset is not None or incident.onset_searched:
        return incident
    return incident.searched(estimate(incident).onset)


def estimate(incident: Incident) -> OnsetEstimate:
    """The most probable start of the trouble, from the SLI. An onset that the incident already has is not read.

    There is none without an SLI, with fewer than `LEAST_SAMPLES` samples of it, or when it never gets worse.
    """
    try:
        indicator = sli(incident)
    except NoSli as error:
        return OnsetEstimate(None, str(error))
    times = indicator.index.to_numpy(dtype=np.float64)
    values = indicator.to_numpy(dtype=np.float64)
    samples = int(np.isfinite(values[:, 0]).sum())
    if samples < LEAST_SAMPLES:
        return OnsetEstimate(None, f"the SLI has {samples} samples, at least {LEAST_SAMPLES} are needed")
    logged = _transformed(values)
    level, length = np.array([noise(column) for column in logged.T]).T
    length = np.minimum(length, max(1.0, len(times) / INDEPENDENT))
    moving = np.nanmax(logged, axis=0) - np.nanmin(logged, axis=0) > LEAST_NOISE
    if not moving.any():
        return OnsetEstimate(None, NO_CHANGE)
    logged = _without_blips(logged, level)
    scaled = (logged - np.nanmedian(logged, axis=0)) / np.maximum(level, LEAST_NOISE)
    segments = segment(scaled[:, moving], 1.0 / length[moving])
    # Steps made the noise look larger and longer correlated than it is: measure it again between them.
    between = np.array([residual_noise(column, segments.boundaries) for column in logged.T]).T
    level, length = np.minimum((level, length), between)
    scaled = (logged - np.nanmedian(logged, axis=0)) / np.maximum(level, LEAST_NOISE)
    segments = segment(scaled[:, moving], 1.0 / length[moving])
    least = LEAST_RISE / np.maximum(level, LEAST_NOISE)
    row = _start_of_trouble(scaled[:, moving], segments.boundaries, least[moving])
    if row is None:
        return OnsetEstimate(None, NO_CHANGE)
    step = float(np.median(np.diff(times)))
    reach = max(1, round(min(float(np.max(length[moving])), LONGEST_WINDOW / step)))
    probability = float(min(1.0, np.sum(segments.probability[max(row - reach, 1) : row + reach + 1])))
    edges = (0, *segments.boundaries, len(times))
    before = _means(values[max(edge for edge in edges if edge < row) : row])
    after = _means(values[row : min(edge for edge in edges if edge > row)])
    in_seconds = incident.telemetry.units.get(latency_key(incident)[1]) == "s"
    in_flight = min(float(after[0]), LONGEST_FLIGHT) if in_seconds and np.isfinite(after[0]) else 0.0
    onset = max(float(times[max(row - reach, 1)]) - in_flight, float(times[1]))
    return _estimate(incident, times, onset, row, probability, before, after)


def _transformed(values: Floats) -> Floats:
    latency = values[:, 0]
    typical = np.nanmedian(latency)
    smallest = 1e-3 * typical if typical > 0 else 1e-9
    return np.column_stack([np.log(np.maximum(latency, smallest)), values[:, 1]])


def _start_of_trouble(scaled: Floats, boundaries: tuple[int, ...], least: Floats) -> int | None:
    """The boundary at which the largest worsening begins, or None."""
    edges = (0, *boundaries, len(scaled))
    levels = np.array([_means(scaled[a:b]) for a, b in itertools.pairwise(edges)])
    # A series without a sample in a segment is as it was before.
    for k in range(1, len(levels)):
        levels[k] = np.where(np.isfinite(levels[k]), levels[k], levels[k - 1])
    # Up in either series is worse; a fall in one does not make good a rise in the other.
    steps = np.diff(levels, axis=0)
    rises = np.max(np.where(steps >= least, steps, 0.0), axis=1, initial=0.0)
    if not rises.size or rises.max() <= 0:
        return None
    k = int(np.argmax(rises))
    while k > 0 and rises[k - 1] >= LEADING * rises.max():
        k -= 1
    return boundaries[k]


def _without_blips(logged: Floats, level: Floats) -> Floats:
    """Samples far from both neighbours become the median of the three: one bad sample alone is no trouble."""
    padded = np.vstack([logged[:1], logged, logged[-1:]])
    middle = np.median(np.stack([padded[:-2], logged, padded[2:]]), axis=0)
    return np.where(np.abs(logged - middle) > BLIP * np.maximum(level, LEAST_NOISE), middle, logged)


def _means(values: Floats) -> Floats:
    count = np.sum(np.isfinite(values), axis=0)
    return np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)


def _estimate(
    incident: Incident, times: Floats, onset: float, row: int, probability: float, before: Floats, after: Floats
) -> OnsetEstimate:
    front, signal = latency_key(incident)
    unit = incident.telemetry.units.get(signal, "")
    changes = [f"its latency went from {quantity(before[0], unit)} to {quantity(after[0], unit)}"]
    if max(before[1], after[1]) > 0:
        changes.append(f"its share of errors from {percent(before[1])} to {percent(after[1])}")
    claim = (
        f"Trouble at {front} began about {clock_time(onset)} (probability {probability:.2f}): {' and '.join(changes)}, "
        f"seen from {duration(round(float(times[row]) - onset))} later on."
    )
    return OnsetEstimate(Onset(onset, OnsetSource.ESTIMATED), claim, probability)
