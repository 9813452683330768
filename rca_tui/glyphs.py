"""Glyphs of the states: they can be distinguished without colour. Importing them does not import Textual."""

from __future__ import annotations

GOOD, WARN, BAD, UNKNOWN, SILENT = "●", "▲", "✖", "○", "◇"
