"""How unusual each moment is against the whole history: all signals of all components at once.

    unusualness (T,) ──▶ evidence (T,): that trouble begins at a row ──▶ beginning: where its excursion starts

Users notice a fault late, or not at all; the resources of the component that it hurts move at once. So for each moment
the squared deviations of all signals from their usual values are averaged:

    u(t) = mean over signals of min(½ z_i(t)², CAP)

z_i is the distance from the signal's median over the whole window, in robust standard deviations (1.4826 times the
median absolute deviation, at least `LEAST` of the level); for a signal that has its usual value in more than half of
the samples, any other value counts `CAP`. Under normal noise u is about ½. The cap is 4 standard deviations: one signal
must not stand for all. The median is that of normal operation as long as the trouble lasts less than half of the
window.

Telemetry has its own ups and downs, so a stretch after a row is compared with all stretches of that length before it:
z is the distance of its mean log u from their mean, in their standard deviation. A history of few such stretches says
little about rare events, so z is a Student t with as many degrees of freedom as the history has stretches, less one:

    evidence = ½ (ν + 1) log(1 + z² / ν) - ½ log(ν + 1)

This is the log Bayes factor of one observation by its Laplace approximation, with the mean of the stretch unknown. The
start of the excursion is found by the cumulative sum of Page, Continuous inspection schemes, Biometrika 41, 1954.
"""

from __future__ import annotations

import numpy as np

from methods.telemetry.departures import SAME
from methods.telemetry.matrix import Floats

CAP = 8.0
LEAST = 0.02
STRETCHES = (10.0, 20.0, 40.0)
"""Seconds over which trouble is looked for, two samples at least."""
LEAST_HISTORY = 8
LEAST_SPREAD = 0.1
"""Of log u: a change of it by a tenth is nothing, however steady the history."""
BACK, AHEAD = 60.0, 20.0
"""Seconds around a stretch in which the start of its excursion is looked for, three and two samples at least."""
_NORMAL = 1.4826
_OFFSET = 0.1


def unusualness(values: Floats) -> Floats:
    """(T, N) of any units, with NaN for gaps -> (T,): u of each row; NaN where nothing was measured.

    Signals that never move are left out. All NaN where none moves.
    """
    present = np.isfinite(values).any(axis=0)
    values = values[:, present]
    usual = np.nanmedian(values, axis=0) if present.any() else np.zeros(0)
    distance = np.abs(values - usual)
    farthest = np.fmax.reduce(distance, axis=0, initial=0.0)
    moving = farthest > SAME * np.abs(usual)
    usual, distance, farthest = usual[moving], distance[:, moving], farthest[moving]
    if not moving.any():
        return np.full(len(values), np.nan)
    deviation = _NORMAL * np.nanmedian(distance, axis=0)
    still = deviation <= SAME * farthest
    scale = np.where(still, 1.0, np.fmax(deviation, LEAST * np.abs(usual)))
    squares = np.where(
        still, np.where(distance > SAME * np.fmax(np.abs(usual), farthest), CAP, 0.0), 0.5 * (distance / scale) ** 2
    )
    squares = np.where(np.isfinite(distance), np.minimum(squares, CAP), np.nan)
    count = np.isfinite(squares).sum(axis=1)
    return np.where(count > 0, np.nansum(squares, axis=1) / np.maximum(count, 1), np.nan)


def evidence(unusual: Floats, step: float) -> Floats:
    """(T,) u of each row and the seconds between rows -> (T,) log evidence that trouble begins there; 0 for none."""
    logged = _logged(unusual)
    rows = len(logged)
    total = np.r_[0.0, np.cumsum(logged)]
    found = np.zeros(rows)
    for length in sorted({max(2, round(seconds / step)) for seconds in STRETCHES}):
        first = max(LEAST_HISTORY, 2 * length)
        starts = np.arange(first, rows - length + 1)
        if not len(starts):
            continue
        means = (total[length:] - total[:-length]) / length
        sums, squares = np.cumsum(means), np.cumsum(means**2)
        count = starts - length + 1  # stretches that end before the start
        average = sums[count - 1] / count
        spread = np.sqrt(np.maximum(squares[count - 1] / count - average**2, 0.0))
        z = (means[starts] - total[starts] / starts) / np.maximum(spread, LEAST_SPREAD)
        z = np.maximum(z, 0.0) / np.sqrt(1 + length / starts)
        freedom = starts / length - 1
        each = 0.5 * (freedom + 1) * np.log1p(z**2 / freedom) - 0.5 * np.log(freedom + 1)
        found[starts] = np.maximum(found[starts], each)
    return found


def beginning(unusual: Floats, row: int, step: float) -> int:
    """Row at which the excursion of u that is there at `row` starts."""
    logged = _logged(unusual)
    history = logged[: max(row - 1, 4)]
    usual = float(np.median(history))
    spread = max(_NORMAL * float(np.median(np.abs(history - usual))), LEAST_SPREAD)
    first = max(0, row - max(3, round(BACK / step)))
    last = min(len(logged), row + max(2, round(AHEAD / step)))
    # A quarter of the way up, a row belongs to the excursion rather than to the history.
    shift = float(np.mean(logged[row:last])) - usual
    rising = np.cumsum(logged[first:last] - usual - max(spread, shift / 4))
    return first + int(np.argmin(np.r_[0.0, rising]))


def _logged(unusual: Floats) -> Floats:
    logged = np.log(unusual + _OFFSET)
    present = np.isfinite(logged)
    return np.where(present, logged, np.mean(logged[present]) if present.any() else 0.0)
