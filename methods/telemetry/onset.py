"""When the trouble began: candidates with probabilities, from the SLI and from how unusual all telemetry is.

Two witnesses are heard.

- The **SLI** says that users are in trouble. The front door's latency (its logarithm) and error ratio are cut into
  segments by Bayesian change-point detection (`methods.telemetry.changepoint`). Among the boundaries at which things
  get worse, the one with the largest step is the trouble; steps up that lead to it without a step down between them
  belong to it. A change for the better is a recovery, never an onset. Segmentations are drawn from their posterior, so
  that the SLI gives a probability to each row, and to "no trouble".
- **All telemetry** says when something began (`methods.telemetry.unusual`): the SLI moves after its cause does, for a
  request counts when it has ended, but the resources of the component at fault move at once.

The probability that the trouble began at row t, against none:

    p(t) ∝ (P(the SLI's trouble follows t within its lag) + UNFELT / T) · exp(evidence(t) - CHANCE)
    p(none) ∝ max(P(no trouble in the SLI), QUIET)

The telemetry of a healthy deployment has evidence of about `CHANCE` somewhere, which therefore counts as none. What the
SLI says alone counts in full where it is worse than ever in at least `HISTORY` samples; else it may be the ups and
downs of a short history. Where no candidate is more probable than all else together, there is no onset: "cannot tell
when".

Being late is worse than being early: the first samples of the fault in the baseline widen what counts as normal, by
those signals first that show the cause; a few normal samples after the onset change no maximum. So the onset is put
before the first row that shows it: by half a sample (`GUARD` seconds at least) where the telemetry shows it, and where
only the SLI does, by the SLI's correlation length (one sample at least) and by the latency that requests have from then
on, where its unit is known to be seconds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import percent, quantity
from cluster.text.times import bare_clock_time, clock_time, duration
from cluster.window import Onset, OnsetCandidate, OnsetSource
from methods.answer.wording import counted
from methods.telemetry.changepoint import noise, residual_noise, segment
from methods.telemetry.matrix import Floats, prepare
from methods.telemetry.possible import possible
from methods.telemetry.sli import NoSli, latency_key, sli
from methods.telemetry.unusual import STRETCHES, beginning, evidence, unusualness

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
DRAWS = 200
# Prior probability that users feel nothing of a trouble, and that nothing happened whatever the SLI says.
UNFELT = 0.05
QUIET = 0.2
# Log evidence that the telemetry of a healthy deployment has somewhere.
CHANCE = 2.0
# Samples from which on "worse than ever before" means something.
HISTORY = 32
# Seconds by which the SLI is later than other telemetry, and earlier, at most; two samples and one at least.
LAG, LEAD = 90.0, 10.0
# Seconds by which the onset is put before the first unusual sample, at least.
GUARD = 2.0
# Candidates of less probability are not told.
LEAST_PROBABILITY = 0.02
MOST_CANDIDATES = 5
# Probability from which on another candidate is told beside the first.
WORTH_TELLING = 0.05
# Probability from which on a candidate is the onset.
DECISIVE = 0.5
MOST_EVIDENCE = 30.0
# Share of a candidate's probability between its earliest and its latest time.
LIKELY = 0.9
# Seconds that a sample looks back over, at most: beyond them a correlation is drift and not the monitoring window.
LONGEST_WINDOW = 15.0
# Samples that are searched: the time that a search takes grows with their square.
MOST_SAMPLES = 2048
NO_CHANGE = "the SLI shows no change for the worse"


@dataclass(frozen=True, slots=True)
class OnsetEstimate:
    """Result of one search for the onset.

    Attributes:
        onset: None when the search found none, or cannot tell when.
        claim: what changed, or why there is no onset: one sentence for a person.
        probability: that the trouble began about then; 0 without an onset.
        candidates: the most probable times, the most probable first; also where none of them is probable enough. What
            their probabilities lack to 1 is that of no trouble at all.
    """

    onset: Onset | None
    claim: str
    probability: float = 0.0
    candidates: tuple[OnsetCandidate, ...] = ()


def with_onset(incident: Incident) -> Incident:
    """The incident with its onset, estimated unless it is set or has been searched for.

    The result remembers the search, also when it found nothing: `with_onset` of it costs nothing.
    """
    if incident.onset is not None or incident.onset_searched:
        return incident
    found = estimate(incident)
    return incident.searched(found.onset, found.claim, found.candidates)


def estimate(incident: Incident) -> OnsetEstimate:
    """The most probable start of the trouble. An onset that the incident already has is not read.

    There is none without an SLI, with fewer than `LEAST_SAMPLES` samples of it, when nothing gets worse, and where no
    candidate is more probable than all else together. Of a window of more than `MOST_SAMPLES` samples the means of
    neighbours are searched: the onset is as exact as they are far apart.
    """
    incident = _coarser(possible(incident))
    try:
        indicator = sli(incident)
    except NoSli as error:
        return OnsetEstimate(None, str(error))
    times = indicator.index.to_numpy(dtype=np.float64)
    values = indicator.to_numpy(dtype=np.float64)
    samples = int(np.isfinite(values[:, 0]).sum())
    if samples < LEAST_SAMPLES:
        return OnsetEstimate(None, f"the SLI has {counted(samples, 'sample')}, at least {LEAST_SAMPLES} are needed")
    step = float(np.median(np.diff(times)))
    trouble = _trouble(values, step)
    unusual = unusualness(prepare(incident).values)
    shown = evidence(unusual, step)
    weights, none = _weights(times, values, step, trouble, shown)
    total = weights.sum() + none
    found = _candidates(weights / total, max(trouble.reach, round(LONGEST_WINDOW / step)))
    place = partial(_place, incident, times, values, step, trouble, unusual, shown)
    placed = [_candidate(times, place, *each) for each in found]
    candidates = _merged(placed, max(step, GUARD))
    if not candidates or (trouble.row is None and candidates[0].probability < DECISIVE):
        return OnsetEstimate(None, NO_CHANGE, candidates=candidates)
    if candidates[0].probability < DECISIVE:
        return OnsetEstimate(None, _doubt(candidates), candidates=candidates)
    return _estimate(incident, times, values, trouble, candidates)


def _coarser(incident: Incident) -> Incident:
    metrics = incident.telemetry.metrics
    neighbours = math.ceil(len(metrics) / MOST_SAMPLES)
    if neighbours < 2:
        return incident
    means = metrics.groupby(np.arange(len(metrics)) // neighbours).mean()
    means.index = metrics.index[::neighbours]
    return replace(incident, telemetry=replace(incident.telemetry, metrics=means))


@dataclass(frozen=True, eq=False)
class _Trouble:
    """What the SLI says.

    Attributes:
        rows: (T,) probability that the SLI's trouble begins at each row.
        row: where it begins in the most probable segmentation; None where it shows none.
        boundaries: of that segmentation.
        reach: rows that one sample of the SLI looks back over.
    """

    rows: Floats
    row: int | None
    boundaries: tuple[int, ...]
    reach: int


def _trouble(values: Floats, step: float) -> _Trouble:
    logged = _transformed(values)
    rows = np.zeros(len(values))
    level, length = np.array([noise(column) for column in logged.T]).T
    length = np.minimum(length, max(1.0, len(values) / INDEPENDENT))
    moving = np.nanmax(logged, axis=0) - np.nanmin(logged, axis=0) > LEAST_NOISE
    if not moving.any():
        return _Trouble(rows, None, (), 1)
    logged = _without_blips(logged, level)
    scaled = (logged - np.nanmedian(logged, axis=0)) / np.maximum(level, LEAST_NOISE)
    segments = segment(scaled[:, moving], 1.0 / length[moving])
    # Steps made the noise look larger and longer correlated than it is: measure it again between them.
    between = np.array([residual_noise(column, segments.boundaries) for column in logged.T]).T
    level, length = np.minimum((level, length), between)
    scaled = (logged - np.nanmedian(logged, axis=0)) / np.maximum(level, LEAST_NOISE)
    segments = segment(scaled[:, moving], 1.0 / length[moving], draws=DRAWS)
    least = (LEAST_RISE / np.maximum(level, LEAST_NOISE))[moving]
    for boundaries, drawn in segments.draws.items():
        row = _start_of_trouble(scaled[:, moving], boundaries, least)
        if row is not None:
            rows[row] += drawn / DRAWS
    reach = max(1, round(min(float(np.max(length[moving])), LONGEST_WINDOW / step)))
    start = _start_of_trouble(scaled[:, moving], segments.boundaries, least)
    return _Trouble(rows, start, segments.boundaries, reach)


def _weights(times: Floats, values: Floats, step: float, trouble: _Trouble, shown: Floats) -> tuple[Floats, float]:
    """(T,) weight of an onset at each row, and that of none."""
    felt = np.zeros(len(times))
    shown = shown.copy()
    short = max(2, round(STRETCHES[0] / step))
    for row in np.flatnonzero(trouble.rows):
        distance = times - times[row]
        lag = ((distance >= -max(LAG, 2 * step)) & (distance <= max(LEAD, step))).astype(np.float64)
        lag[row] += lag.sum()  # half of it: the SLI's own row
        felt += trouble.rows[row] * lag / lag.sum()
        worst = np.fmax.reduce(values[:row], axis=0)
        if row >= HISTORY and np.any(_means(values[row : row + short]) > worst):
            shown[row] = max(shown[row], CHANCE)
    weights = (felt + UNFELT / len(times)) * np.exp(np.minimum(shown, MOST_EVIDENCE) - CHANCE)
    return weights, max(1.0 - float(trouble.rows.sum()), QUIET)


def _candidates(rows: Floats, reach: int) -> list[tuple[int, float, int, int]]:
    """(best row, probability, first and last likely row) of stretches of 2 reach + 1 rows, the most probable first."""
    left = rows.copy()
    reach = min(reach, len(rows))  # samples may be less than a microsecond apart
    found: list[tuple[int, float, int, int]] = []
    while len(found) < MOST_CANDIDATES:
        within = np.convolve(left, np.ones(2 * reach + 1), mode="full")[reach : reach + len(left)]
        centre = int(np.argmax(within))
        if within[centre] < LEAST_PROBABILITY:
            break
        first, last = max(centre - reach, 0), centre + reach + 1
        begin, end = _likely(left[first:last])
        best = first + int(np.argmax(left[first:last]))
        found.append((best, float(within[centre]), first + begin, first + end))
        left[first:last] = 0.0
    return found


def _likely(mass: Floats) -> tuple[int, int]:
    """First and last index of the shortest stretch that holds `LIKELY` of the mass."""
    sums = np.concatenate([[0.0], np.cumsum(mass)])
    ends = np.searchsorted(sums, sums[:-1] + LIKELY * sums[-1] * (1 - 1e-9))
    lengths = np.where(ends < len(sums), ends - np.arange(len(mass)), len(sums) + 1)
    begin = int(np.argmin(lengths))
    return begin, int(ends[begin]) - 1


def _candidate(
    times: Floats, place: Callable[[int], float], row: int, probability: float, first: int, last: int
) -> OnsetCandidate:
    """The onset is put before the row that shows it, but it may be as late as the last row that is likely."""
    time = place(row)
    return OnsetCandidate(time, probability, min(time, place(first)), max(time, float(times[last])))


def _merged(placed: list[OnsetCandidate], apart: float) -> tuple[OnsetCandidate, ...]:
    """Candidates whose times are within `apart` seconds are one, at the time of the more probable."""
    merged: dict[float, OnsetCandidate] = {}
    for each in placed:
        near = next((known for known in merged if abs(known - each.time) <= apart), each.time)
        known = merged.get(near, OnsetCandidate(near, 0.0, each.earliest, each.latest))
        earliest, latest = min(known.earliest, each.earliest), max(known.latest, each.latest)
        merged[near] = OnsetCandidate(near, known.probability + each.probability, earliest, latest)
    return tuple(sorted(merged.values(), key=lambda each: (-each.probability, each.time)))


def _place(
    incident: Incident,
    times: Floats,
    values: Floats,
    step: float,
    trouble: _Trouble,
    unusual: Floats,
    shown: Floats,
    row: int,
) -> float:
    """Unix seconds of the onset that a row stands for."""
    if shown[row] > CHANCE:
        onset = float(times[beginning(unusual, row, step)]) - max(step / 2, GUARD)
    else:
        after = _means(values[row : row + max(2, round(STRETCHES[0] / step))])[0]
        in_seconds = incident.telemetry.units.get(latency_key(incident)[1]) == "s"
        in_flight = min(float(after), LONGEST_FLIGHT) if in_seconds and np.isfinite(after) else 0.0
        onset = float(times[max(row - trouble.reach, 1)]) - in_flight
    return max(onset, float(times[1]))


def _transformed(values: Floats) -> Floats:
    latency = values[:, 0]
    typical = np.nanmedian(latency)
    smallest = max(1e-3 * typical, np.finfo(np.float64).tiny) if typical > 0 else 1e-9
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


def _doubt(candidates: tuple[OnsetCandidate, ...]) -> str:
    listed = ", ".join(f"{clock_time(c.time)} ({percent(c.probability)})" for c in candidates[:3])
    return f"Cannot tell when the trouble began; most probable: {listed}."


def _other(candidates: tuple[OnsetCandidate, ...]) -> str:
    others = [c for c in candidates[1:3] if c.probability >= WORTH_TELLING]
    listed = " or ".join(f"{clock_time(c.time)} ({percent(c.probability)})" for c in others)
    return f" It may have been at {listed}, too." if listed else ""


def _estimate(
    incident: Incident, times: Floats, values: Floats, trouble: _Trouble, candidates: tuple[OnsetCandidate, ...]
) -> OnsetEstimate:
    onset, probability = candidates[0].time, candidates[0].probability
    found = Onset(onset, OnsetSource.ESTIMATED, candidates[0].earliest, candidates[0].latest)
    limits = f"between {bare_clock_time(candidates[0].earliest)} and {bare_clock_time(candidates[0].latest)}"
    began = f"began about {clock_time(onset)} (probability {probability:.2f}, {limits})"
    first = int(np.searchsorted(times, onset))
    row = first if trouble.row is None else max(trouble.row, first)
    before = np.array([np.nanmedian(column) if np.isfinite(column).any() else np.nan for column in values[:first].T])
    after = _means(values[row : min((edge for edge in trouble.boundaries if edge > row), default=len(times))])
    if trouble.row is None or not np.any(after > before):
        claim = f"Trouble {began}: much telemetry became unusual at once, though the SLI shows no change for the worse."
        return OnsetEstimate(found, claim + _other(candidates), probability, candidates)
    front, signal = latency_key(incident)
    unit = incident.telemetry.units.get(signal, "")
    changes = [f"its latency went from {quantity(before[0], unit)} to {quantity(after[0], unit)}"]
    if max(before[1], after[1]) > 0:
        changes.append(f"its share of errors from {percent(before[1])} to {percent(after[1])}")
    later = round(float(times[row]) - onset)
    claim = f"Trouble at {front} {began}: {' and '.join(changes)}, seen from {duration(later)} later on."
    return OnsetEstimate(found, claim + _other(candidates), probability, candidates)
