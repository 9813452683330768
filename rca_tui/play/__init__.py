"""A drill without a screen: on what it is played, and the numbers that a player can ask for.

    Play(game, Recording(game)) ── look() ──▶ page ── hint() · commit() ──▶ debrief()

It needs neither Textual nor a terminal; `lines` reads what a player types at one.
"""
