"""The compiled training loop of `methods.graph.dag_gnn`: full-batch Adam on the networks and the graph.

Four observations make it cheap, and change no number beyond rounding:

- Z is not sampled, so the decoder's inverse undoes the encoder's product: its input is H again. The reconstruction does
  not depend on A, which is fitted by the KL term alone, and no inverse is needed.
- A 1 -> 64 -> 1 ReLU network is a piecewise linear function with 64 knots. A table of even cells finds the piece of a
  sample in about one comparison; its gradients are sums per piece. That replaces 64 multiplications a sample in each
  direction.
- With B = A∘A/N, (I + B)^k - I is computed in place of (I + B)^k: its entries are sums of non-negative terms, so single
  precision keeps seven digits of h(A) however small it is. Training is in single precision.
- Weights of edges are small: up to |3 raw| = 1 a polynomial gives sinh, several weights at once; where rounding is in
  doubt the library does. The loss is reported and steers nothing, so that it is summed in the last epoch only.

Arrays are allocated once a call of `train`. Division without Python's check for zero (`error_model`) is done for
several values at once.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

HIDDEN = 64
_CELLS = 1024
_POLYNOMIAL = 3.0  # largest |x| for which `_sinh` is used
_DOUBT = 2e-15  # relative error of sinh, at most
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
def _range(values):  # type: ignore[no-untyped-def]
    """Least and greatest; by column first, which is done for several columns at once."""
    low, high = values[0].copy(), values[0].copy()
    for row in values:
        for j in range(row.size):
            low[j], high[j] = min(low[j], row[j]), max(high[j], row[j])
    return low.min(), high.max()


@_compiled
def _forward(x, low, high, network, slope, intercept, piece, out):  # type: ignore[no-untyped-def]
    """The network at every x, all within [low, high], and the piece that each lies on; returns the hidden units in the
    order of knots."""
    knots, order = _pieces(network, slope, intercept)
    scale = np.float32(_CELLS - 1) / max(high - low, np.float32(1e-30))
    # first[c]: knots in the cells below c. The cell never falls as x grows, so that those are below every x in c.
    first = np.zeros(_CELLS + 1, dtype=np.int32)
    for p in range(HIDDEN):
        if knots[p] < low:
            first[0] += 1
        elif knots[p] <= high:
            first[int((knots[p] - low) * scale) + 1] += 1
    for cell in range(_CELLS):
        first[cell + 1] += first[cell]
    for i in range(x.size):
        p = first[int((x[i] - low) * scale)]
        while knots[p] < x[i]:
            p += 1
        piece[i] = p
        out[i] = slope[p] * x[i] + intercept[p]
    return order


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
def _backward(x, piece, order, network, upstream, gradient):  # type: ignore[no-untyped-def]
    """Gradients of the network's weights; those of its input are `upstream * slope[piece]`."""
    plain, weighted = np.zeros(HIDDEN + 1), np.zeros(HIDDEN + 1)
    for i in range(x.size):
        plain[piece[i]] += upstream[i]
        weighted[piece[i]] += upstream[i] * x[i]
    total, total_x = plain.sum(), weighted.sum()
    left, left_x = 0.0, 0.0
    gradient[:] = 0.0
    gradient[3, 0] = total
    for p in range(HIDDEN):
        j = order[p]
        left += plain[p]
        left_x += weighted[p]
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
def _exact_weights(raw, weights):  # type: ignore[no-untyped-def]
    """The library's sinh(3 raw) of one row."""
    for j in range(raw.size):
        weights[j] = np.sinh(3.0 * raw[j])


@_compiled
def _graph(raw, adjacency, keep, squares):  # type: ignore[no-untyped-def]
    """Fill in A, I - A and A∘A/N from the raw weights."""
    count = len(raw)
    share = np.float32(1.0 / count)
    for i in range(count):
        doubtful = 0
        for j in range(count):
            x = 3.0 * raw[i, j]
            sinh = _sinh(x)
            adjacency[i, j] = sinh
            # An error in the last digits could round to another number in single precision.
            known = np.float32(sinh * (1.0 + _DOUBT)) == np.float32(sinh * (1.0 - _DOUBT))
            doubtful += not (known & (abs(x) <= _POLYNOMIAL))
        if doubtful:
            _exact_weights(raw[i], adjacency[i])
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
def _loss(noise, rebuilt, x, offset, rows):  # type: ignore[no-untyped-def]
    """Reconstruction + KL."""
    loss = 0.0
    for i in range(x.size):
        apart, off = noise[i] - offset, rebuilt[i] - x[i]
        loss += 0.5 * (apart * apart + off * off) / rows
    return loss


@_compiled
def train(data, state, multiplier, penalty, rate, epochs):  # type: ignore[no-untyped-def]
    """Run `epochs` full-batch Adam steps in place; returns (h, reconstruction + KL) of the last."""
    raw, networks, offset, m_raw, s_raw, m_networks, s_networks, m_offset, s_offset, clock = state
    rows, count = data.shape
    x = data.ravel()
    size = x.size
    share = np.float32(1.0 / rows)
    slope = np.empty((2, HIDDEN + 1), dtype=np.float32)
    intercept = np.empty_like(slope)
    piece = np.empty((2, size), dtype=np.int32)
    shifted, noise, rebuilt = np.empty_like(data), np.empty_like(data), np.empty_like(data)
    g_shifted = np.empty_like(data)
    hidden, added, z, decoded, g_hidden = (
        np.empty_like(x),
        shifted.ravel(),
        noise.ravel(),
        rebuilt.ravel(),
        g_shifted.ravel(),
    )
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
    by_value = np.argsort(x)
    ordered = x[by_value]
    bounds = np.full(HIDDEN, size)
    piece[0] = 0
    h, loss = 0.0, 0.0
    for epoch in range(epochs):
        knots, encoder = _pieces(networks[0], slope[0], intercept[0])
        _follow_knots(ordered, by_value, knots, bounds, piece[0])
        for i in range(size):
            hidden[i] = slope[0, piece[0, i]] * x[i] + intercept[0, piece[0, i]]
        least, most = _range(hidden.reshape(rows, count))
        decoder = _forward(hidden, least, most, networks[1], slope[1], intercept[1], piece[1], decoded)
        _graph(raw, adjacency, keep, squares)
        start = offset[0]
        for i in range(size):
            added[i] = hidden[i] + start
        np.dot(shifted, keep, noise)
        if epoch == epochs - 1:
            loss = _loss(z, decoded, x, start, rows)
        # From here on `noise` and `rebuilt` hold the gradients of the loss for them.
        for i in range(size):
            z[i] = (z[i] - start) * share
            decoded[i] = (decoded[i] - x[i]) * share
        np.dot(noise, keep.T, g_shifted)
        np.dot(shifted.T, noise, g_fit)
        g_sum, noise_sum = np.float32(0.0), 0.0
        for i in range(size):
            g_sum += g_hidden[i]
            noise_sum += z[i]
        g_offset[0] = g_sum - noise_sum

        _backward(hidden, piece[1], decoder, networks[1], decoded, g_networks[1])
        for i in range(size):
            g_hidden[i] += decoded[i] * slope[1, piece[1, i]]
        _backward(x, piece[0], encoder, networks[0], g_hidden, g_networks[0])
        walks = _power(squares, count - 1, power, square, product)
        h = _graph_gradient(adjacency, squares, walks, g_fit, multiplier, penalty, g_raw)

        clock[0] += 1.0
        _adam(raw, g_raw, m_raw, s_raw, rate, clock[0])
        _adam(networks, g_networks, m_networks, s_networks, rate, clock[0])
        _adam(offset, g_offset, m_offset, s_offset, rate, clock[0])
    return h, loss
