"""Causal graphs between signals: how each discovery algorithm finds one, and how PageRank and walks score it."""
