"""Smoke test: how many requests the deployment processes at a constant rate, for each degree of data parallelism.

The study is figure 3 of arXiv:2603.02057. `study` starts each deployment and keeps what was measured, `client`
sends the requests, `figures` turns measurements into numbers under GuideLLM's names.
"""
