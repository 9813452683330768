"""Why our rankings differ from the public code's: one sentence a method, each checked on the recorded incidents."""

from __future__ import annotations

CAUSES: dict[str, str] = {}
