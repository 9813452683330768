"""Output for terminals without UTF-8: each character that cannot be encoded becomes ASCII of the same width.

Python writes UTF-8 where the locale is C, and backslashes on standard error, on which the app draws. `LANG=C` is taken
at its word here: what is printed is ASCII. Without any locale, as in most containers, it stays UTF-8.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata

ERRORS = "rca_tui.ascii"
_LIKE = {
    "-": "–—−─╌╴╶╼╾‒",
    "|": "│┃┆┊╎▏▎▕╵╷╹╻",
    "+": "┌┐└┘├┤┬┴┼╭╮╰╯╱╲╔╗╚╝╠╣╦╩╬Σ",
    "=": "═━≈≡",
    "*": "●•·⋅∙★",
    "x": "✖✗✘×",
    "o": "○◌◯",
    "!": "▲△⚠≠",
    ">": "→▶▸›»⇒≥",
    "<": "←◀◂‹«≤",
    "^": "↑⇧▴▔",
    "v": "↓▼▾✓✔",
    "_": "▁⎽",
    ".": "▂…┄┅┈",
    ":": "▃▖▗▘▝",
    "~": "▄▅▀∼",
    "%": "▆▌▐▍▚▞░▒",
    "#": "▇█▉▊▋▓■",
    "'": "‘’′",
    '"': "“”″",
    "u": "µμ",
    " ": "\N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}",
}
_ASCII = {character: plain for plain, characters in _LIKE.items() for character in characters}
_BRAILLE = " .::-=+*#"
"""By the number of dots."""


def fit_streams() -> None:
    """Make standard output and error write what the terminal can show."""
    codecs.register_error(ERRORS, _fallback)
    ascii_only = _says_ascii()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="ascii" if ascii_only else None, errors=ERRORS)


def _says_ascii() -> bool:
    """Whether a locale is set, and it is C. Python itself sets LC_CTYPE to C.UTF-8 then."""
    if os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8"):
        return False
    ctype = os.environ.get("LC_CTYPE", "")
    said = os.environ.get("LC_ALL") or (ctype if ctype != "C.UTF-8" else "") or os.environ.get("LANG", "")
    return said in ("C", "POSIX")


def _fallback(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    if character in _ASCII:
        return _ASCII[character]
    if "\u2800" <= character <= "\u28ff":
        return _BRAILLE[(ord(character) - 0x2800).bit_count()]
    letter = unicodedata.normalize("NFKD", character)[:1]
    if letter.isascii():
        return letter
    if unicodedata.combining(character):
        return ""
    return "??" if unicodedata.east_asian_width(character) in "WF" else "?"
