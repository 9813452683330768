"""A drill that a person plays: its stages, the guess, and the debrief that compares it with the truth and the methods.

    Game ── commit() ──▶ debrief.build() ──▶ Debrief ──▶ document.document() ──▶ screen · terminal · Markdown · HTML

It needs no screen. `debrief.build` opens the truth, after the guess.
"""
