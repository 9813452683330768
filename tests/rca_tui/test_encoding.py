"""Where the locale is C nothing but ASCII is written, and in the same places."""

from __future__ import annotations

import codecs
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from rca_tui import encoding, glyphs

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STATES = (glyphs.GOOD, glyphs.WARN, glyphs.BAD, glyphs.UNKNOWN)


def printed(*arguments: str, **locale: str) -> bytes:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHONIO", "PYTHONUTF8"))}
    done = subprocess.run(
        [sys.executable, "-m", "rca_tui", *arguments],
        env={**kept, "PYTHONPATH": str(ROOT), **locale}, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "locale",
    [{"LANG": "C"}, {"LC_ALL": "C"}, {"LANG": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
     {"PYTHONIOENCODING": "ascii"}],
    ids=str,
)  # fmt: skip
def test_the_c_locale_gets_ascii_and_no_escapes(locale: dict[str, str]) -> None:
    text = printed("check", "drill-05", **locale)
    assert text.isascii()
    assert b"\\u" not in text
    assert b"o unknown" in text


def test_sentences_keep_to_the_locale_as_tables_do() -> None:
    program = (
        "from rca_tui import encoding; encoding.fit_streams();"
        "from rca_tui.commands import errors, output; output.print_line('1 \\u2192 2'); errors.say('3 \\u2192 4')"
    )
    locale = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT), **locale},
        capture_output=True,
        check=True,
    )
    assert done.stdout.isascii(), done.stdout
    assert done.stderr.isascii(), done.stderr


@pytest.mark.parametrize("locale", [{}, {"LANG": "C.UTF-8"}, {"LANG": "C", "LC_ALL": "C.UTF-8"}], ids=str)
def test_utf_8_stays_where_it_is_not_refused(locale: dict[str, str]) -> None:
    assert "○ unknown" in printed("check", "drill-05", **locale).decode()


def test_replacements_keep_the_width_and_tell_states_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    codecs.register_error(encoding.ERRORS, encoding._fallback)

    def plain(text: str) -> str:
        return text.encode("ascii", encoding.ERRORS).decode()

    assert len({plain(state) for state in STATES}) == len(STATES)
    for character in (*map(chr, (*range(0x2500, 0x2600), *range(0x2800, 0x2900))), *"→…–≠×±µé日本▁▂▃▄▅▆▇█Σ"):
        assert len(plain(character)) == cell_len(character), character
    levels = plain("▁▂▃▄▅▆▇█")
    assert levels[0] != levels[-1]
