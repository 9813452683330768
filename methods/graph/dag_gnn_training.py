"""The compiled training loop of `methods.graph.dag_gnn`: full-batch Adam on the networks and the graph.

Five observations make it cheap, and change no number beyond rounding:

- Z is not sampled, so the decoder's inverse undoes the encoder's product: its input is H again. The reconstruction does
  not depend on A, which is fitted by the KL term alone, and no inverse is needed.
- A 1 -> 64 -> 1 ReLU network is a piecewise linear function with 64 knots; its gradients are sums per piece. That
  replaces 64 multiplications a sample in each direction. Knots move little in an epoch: of the samples, in order of
  size, only those that a knot has passed change their piece.
- What is rebuilt of a sample depends on that sample alone, by one line for each pair of pieces. Its squared error is
  summed from counts, sums and squares between two places in the order of size: the decoder never sees a sample.
- With B = A∘A/N, (I + B)^k - I is computed in place of (I + B)^k: its entries are sums of non-negative terms, so single
  precision keeps seven digits of h(A) however small it is. Training is in single precision.
- Weights of edges are small: up to |3 raw| = 3 a polynomial gives sinh, several weights at once. The KL term is
  reported and steers nothing, so that it is summed in the last epoch only.

Arrays are allocated once a call of `train`. Division without Python's check for zero (`error_model`) is done for
several values at once.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

HIDDEN = 64
_POLYNOMIAL = 3.0  # largest |x| for which `_sinh` is used
_SERIES = tuple(1.0 / math.factorial(n) for n in range(3, 28, 2))
_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def _pieces(network, slope, intercept):  # type: ignore[no-untyped-def]
    """Slope and intercept of each linear piece; returns the knots between them and the hidden units in their order."""
    raw = np.empty(HIDDEN)
    for j in range(HIDDEN):
        w = network[0, j]
        if abs(w) < 1e-12:
            raw[j] = -np.inf if network[1, j] > 0 else np.inf
        else:
            raw[j] = -network[1, j] / w
    order = np.argsort(raw)
    # One more than there are: the search for a piece ends there.
    knots = np.full(HIDDEN + 1, np.inf, dtype=np.float32)
    s, c = 0.0, network[3, 0]
    for j in range(HIDDEN):
        if network[0, j] < 0:
            s += network[2, j] * network[0, j]
            c += network[2, j] * network[1, j]
    slope[0], intercept[0] = s, c
    for p in range(HIDDEN):
        j = order[p]
        knots[p] = raw[j]
        sign = -1.0 if network[0, j] < 0 else 1.0
        s += sign * network[2, j] * network[0, j]
        c += sign * network[2, j] * network[1, j]
        slope[p + 1], intercept[p + 1] = s, c
    return knots, order


@_compiled
def _follow_knots(ordered, by_value, knots, bounds, piece):  # type: ignore[no-untyped-def]
    """Bring up to date, after a change of the knots, how many of them lie below each sample.

    Knots move little in an epoch, so that few samples change their piece.

    Args:
        ordered: the samples, ascending; `by_value` are their positions.
        bounds: for each knot how many samples were not above it; is brought up to date.
        piece: for each sample how many knots were below it; is brought up to date.
    """
    for p in range(HIDDEN):
        bound = np.searchsorted(ordered, knots[p], side="right")
        for k in range(bound, bounds[p]):
            piece[by_value[k]] += 1
        for k in range(bounds[p], bound):
            piece[by_value[k]] -= 1
        bounds[p] = bound


@_compiled
def _encode(x, piece, slope, intercept, offset, out):  # type: ignore[no-untyped-def]
    """The network plus the offset at every x."""
    level = intercept + offset
    for i in range(x.size):
        out[i] = slope[piece[i]] * x[i] + level[piece[i]]


@_compiled
def _add_by_piece(x, piece, upstream, sums):  # type: ignore[no-untyped-def]
    """Add upstream gradients, and these times x, to the sums of each piece."""
    for i in range(x.size):
        p = piece[i]
        sums[p, 0] += upstream[i]
        sums[p, 1] += upstream[i] * x[i]


@_compiled
def _rebuild(ordered, moments, bounds, knots, slope, intercept, rows, encoder, decoder):  # type: ignore[no-untyped-def]
    """Error of the reconstruction, Σ (f2(f1(x)) - x)² / 2T; adds its gradients to the sums of both networks' pieces.

    Args:
        ordered: the samples, ascending; `moments` are the sums of those before each, and of their squares.
        bounds: where the encoder's pieces end in that order.
        knots: of the decoder.
        slope, intercept: of the pieces of both networks.
    """
    loss = 0.0
    first = 0
    for q in range(HIDDEN + 1):
        end = bounds[q] if q < HIDDEN else ordered.size
        s, c = float(slope[0, q]), float(intercept[0, q])
        r = np.searchsorted(knots[:HIDDEN], s * ordered[first] + c) if first < end else 0
        while first < end:
            # Up to where the encoder's line crosses the next of the decoder's knots.
            last = end
            if s > 0 and r < HIDDEN:
                last = first + np.searchsorted(ordered[first:end], (knots[r] - c) / s, side="right")
            elif s < 0 and r > 0:
                last = first + np.searchsorted(ordered[first:end], (knots[r - 1] - c) / s)
            n = float(last - first)
            x, xx = moments[last, 0] - moments[first, 0], moments[last, 1] - moments[first, 1]
            # What is rebuilt, less the sample, is a x + b.
            steep = float(slope[1, r])
            a, b = steep * s - 1.0, steep * c + intercept[1, r]
            pull, pull_x = (a * x + b * n) / rows, (a * xx + b * x) / rows
            loss += 0.5 * (a * pull_x + b * pull)
            encoder[q, 0] += steep * pull
            encoder[q, 1] += steep * pull_x
            decoder[r, 0] += pull
            decoder[r, 1] += s * pull_x + c * pull
            first = last
            r += 1 if s > 0 else -1
    return loss


@_compiled
def _backward(sums, order, network, gradient):  # type: ignore[no-untyped-def]
    """Gradients of the network's weights from the sums of its pieces."""
    total, total_x = sums[:, 0].sum(), sums[:, 1].sum()
    left, left_x = 0.0, 0.0
    gradient[:] = 0.0
    gradient[3, 0] = total
    for p in range(HIDDEN):
        j = order[p]
        left += sums[p, 0]
        left_x += sums[p, 1]
        w, b, v = network[0, j], network[1, j], network[2, j]
        active, active_x = (left, left_x) if w < 0 else (total - left, total_x - left_x)
        gradient[0, j] = v * active_x
        gradient[1, j] = v * active
        gradient[2, j] = w * active_x + b * active


@_compiled
def _compose(these, those, out):  # type: ignore[no-untyped-def]
    """(I + these)(I + those) - I into `out`, which is neither: several values at once."""
    np.dot(these, those, out)
    a, b, total = these.ravel(), those.ravel(), out.ravel()
    for i in range(total.size):
        total[i] = a[i] + b[i] + total[i]


@_compiled
def _power(base, exponent, result, square, spare):  # type: ignore[no-untyped-def]
    """(I + base)^exponent - I for an exponent of at least 1, in one of the last three, all of which are overwritten."""
    square[:] = base
    while not exponent & 1:
        _compose(square, square, spare)
        square, spare = spare, square
        exponent >>= 1
    result[:] = square
    while exponent > 1:
        _compose(square, square, spare)
        square, spare = spare, square
        exponent >>= 1
        if exponent & 1:
            _compose(result, square, spare)
            result, spare = spare, result
    return result


@_compiled
def _adam(value, gradient, first, second, rate, t):  # type: ignore[no-untyped-def]
    v, g, m, s = value.ravel(), gradient.ravel(), first.ravel(), second.ravel()
    keep_m, keep_s, one, tiny = np.float32(0.9), np.float32(0.999), np.float32(1.0), np.float32(1e-8)
    pace, scale = np.float32(rate / (1.0 - 0.9**t)), np.float32(1.0 / (1.0 - 0.999**t))
    for i in range(v.size):
        m[i] = keep_m * m[i] + (one - keep_m) * g[i]
        s[i] = keep_s * s[i] + (one - keep_s) * g[i] * g[i]
        v[i] -= pace * m[i] / (np.sqrt(scale * s[i]) + tiny)


@_compiled
def _sinh(x):  # type: ignore[no-untyped-def]
    """sinh(x) for |x| <= 3: its series, the rest of which is below 1e-17 x."""
    c3, c5, c7, c9, c11, c13, c15, c17, c19, c21, c23, c25, c27 = _SERIES
    y = x * x
    tail = c17 + y * (c19 + y * (c21 + y * (c23 + y * (c25 + y * c27))))
    tail = c3 + y * (c5 + y * (c7 + y * (c9 + y * (c11 + y * (c13 + y * (c15 + y * tail))))))
    return x + x * (y * tail)


@_compiled
def _graph(raw, adjacency, keep, squares):  # type: ignore[no-untyped-def]
    """Fill in A, I - A and A∘A/N from the raw weights."""
    count = len(raw)
    share = np.float32(1.0 / count)
    for i in range(count):
        large = 0
        for j in range(count):
            x = 3.0 * raw[i, j]
            adjacency[i, j] = _sinh(x)
            large += abs(x) > _POLYNOMIAL
        if large:
            for j in range(count):
                adjacency[i, j] = np.sinh(3.0 * raw[i, j])
        for j in range(count):
            weight = adjacency[i, j]
            keep[i, j] = -weight
            squares[i, j] = weight * weight * share
        keep[i, i] += np.float32(1.0)


@_compiled
def _graph_gradient(adjacency, squares, power, fit_gradient, multiplier, penalty, gradient):  # type: ignore[no-untyped-def]
    """Fill in the raw weights' gradient; returns h(A).

    `power` is (I + squares)^(N - 1) - I, `fit_gradient` the gradient of the KL term for -A.
    """
    count = len(adjacency)
    h = 0.0
    for i in range(count):
        for j in range(count):
            h += power[i, j] * squares[j, i]
        h += power[i, i] + squares[i, i]
    pull = np.float32(2.0 * (multiplier + penalty * h))
    one, three = np.float32(1.0), np.float32(3.0)
    for i in range(count):
        for j in range(count):
            gradient[i, j] = pull * adjacency[i, j] * power[j, i] - fit_gradient[i, j]
        gradient[i, i] += (pull + np.float32(200.0)) * adjacency[i, i]
        for j in range(count):
            # The derivative of sinh(3 x): cosh² = 1 + sinh².
            gradient[i, j] *= three * np.sqrt(one + adjacency[i, j] * adjacency[i, j])
    return h


@_compiled
def _noise_gradient(noise, offset, share, columns):  # type: ignore[no-untyped-def]
    """Turn Z plus the offset into the gradient of |Z|²/2T for it; returns its sum."""
    columns[:] = 0.0
    for row in noise:
        for j in range(row.size):
            row[j] = (row[j] - offset) * share
            columns[j] += row[j]
    return columns.sum()


@_compiled
def _sums_before(ordered):  # type: ignore[no-untyped-def]
    """(T N + 1, 2): for each place the sum of what comes before it, and that of its squares."""
    moments = np.zeros((ordered.size + 1, 2))
    for k in range(ordered.size):
        x = float(ordered[k])
        moments[k + 1, 0] = moments[k, 0] + x
        moments[k + 1, 1] = moments[k, 1] + x * x
    return moments


@_compiled
def train(data, state, multiplier, penalty, rate, epochs):  # type: ignore[no-untyped-def]
    """Run `epochs` full-batch Adam steps in place; returns (h, reconstruction + KL) of the last."""
    raw, networks, offset, m_raw, s_raw, m_networks, s_networks, m_offset, s_offset, clock = state
    rows, count = data.shape
    x = data.ravel()
    by_value = np.argsort(x)
    ordered = x[by_value]
    moments = _sums_before(ordered)
    slope = np.empty((2, HIDDEN + 1), dtype=np.float32)
    intercept = np.empty_like(slope)
    bounds = np.full(HIDDEN, x.size)
    piece = np.zeros(x.size, dtype=np.int32)
    sums = np.empty((2, HIDDEN + 1, 2))
    columns = np.empty(count)
    shifted, noise, g_shifted = np.empty_like(data), np.empty_like(data), np.empty_like(data)
    adjacency, keep, squares, power, square, product, g_fit, g_raw = (
        np.empty_like(raw),
        np.empty_like(raw),
        np.empty_like(raw),
        np.empty_like(raw),
        np.empty_like(raw),
        np.empty_like(raw),
        np.empty_like(raw),
        np.empty_like(raw),
    )
    g_networks, g_offset = np.empty_like(networks), np.empty_like(offset)
    h, loss = 0.0, 0.0
    for epoch in range(epochs):
        knots, encoder = _pieces(networks[0], slope[0], intercept[0])
        _follow_knots(ordered, by_value, knots, bounds, piece)
        _encode(x, piece, slope[0], intercept[0], offset[0], shifted.ravel())
        _graph(raw, adjacency, keep, squares)
        np.dot(shifted, keep, noise)
        # From here on `noise` holds the gradient of the loss for it.
        noise_sum = _noise_gradient(noise, offset[0], np.float32(1.0 / rows), columns)
        np.dot(noise, keep.T, g_shifted)
        np.dot(shifted.T, noise, g_fit)
        sums[:] = 0.0
        _add_by_piece(x, piece, g_shifted.ravel(), sums[0])
        g_offset[0] = sums[0, :, 0].sum() - noise_sum

        knots, decoder = _pieces(networks[1], slope[1], intercept[1])
        loss = _rebuild(ordered, moments, bounds, knots, slope, intercept, rows, sums[0], sums[1])
        if epoch == epochs - 1:
            loss += 0.5 * rows * np.dot(noise.ravel(), noise.ravel())
        _backward(sums[0], encoder, networks[0], g_networks[0])
        _backward(sums[1], decoder, networks[1], g_networks[1])
        walks = _power(squares, count - 1, power, square, product)
        h = _graph_gradient(adjacency, squares, walks, g_fit, multiplier, penalty, g_raw)

        clock[0] += 1.0
        _adam(raw, g_raw, m_raw, s_raw, rate, clock[0])
        _adam(networks, g_networks, m_networks, s_networks, rate, clock[0])
        _adam(offset, g_offset, m_offset, s_offset, rate, clock[0])
    return h, loss
