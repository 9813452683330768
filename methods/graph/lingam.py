"""ICA-LiNGAM: the causal order of linear, non-Gaussian signals out of their independent components.

Reference: Shimizu, Hoyer, Hyvärinen & Kerminen, A linear non-Gaussian acyclic model for causal discovery, JMLR 7, 2006;
pruning by the adaptive lasso: Zou, JASA 101, 2006.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from methods.graph.mixed import Floats

SINGULAR = 1e-6
ITERATIONS = 400
RESTARTS = 3


class NotConverged(Exception):
    """Independent component analysis did not settle."""


@dataclass(frozen=True, eq=False)
class LingamGraph:
    """Attributes:
    effects: (N, N), [j, i] is the direct effect of i on j, in standard deviations; 0 for none.
    order: positions of the signals used, causes before effects.
    left_out: positions of signals that are combinations of others.
    iterations: of the ICA that settled.
    """

    effects: Floats
    order: tuple[int, ...]
    left_out: tuple[int, ...]
    iterations: int
