"""Odd files on the command line and at the start of the app."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from odd_incidents import ODD

from cluster.incident import store
from rca_tui.bindings import KeymapError, read_keymap


@pytest.mark.slow
@pytest.mark.parametrize("name", ["huge numbers", "no numbers"])
def test_no_warning_of_numpy_reaches_the_user(tmp_path: Path, name: str) -> None:
    path = store.save(ODD[name](), tmp_path / "odd.zip")
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path), "PYTHONWARNINGS": ""}
    command = [sys.executable, "-m", "rca_tui", "contrast", str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 2) and done.stdout + done.stderr
    assert "Warning" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("content", ["[" * 100_000, '{"quit": ' * 100_000, '{"quit": "q", "quit": 1e999}'])
def test_a_key_map_of_another_form_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(KeymapError) as refused:
        read_keymap(path)
    assert "\n" not in str(refused.value)
