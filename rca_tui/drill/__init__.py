"""A drill that a person plays: its stages, the guess, and the debrief that compares it with the truth and the methods.

    Game ── guess() ──▶ debrief.build() ──▶ Debrief ──▶ debrief.document() ──▶ screen · Markdown · HTML

It needs no screen. The truth is opened by `debrief.build` alone, after the guess.
"""
