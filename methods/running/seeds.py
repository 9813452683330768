"""The random generators that methods draw from."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, method: str) -> np.random.Generator:
    """A generator for one method: adding or leaving out a method changes the numbers of no other."""
    own = int.from_bytes(hashlib.blake2b(method.encode(), digest_size=8).digest(), "big")
    return np.random.default_rng((seed, own))
