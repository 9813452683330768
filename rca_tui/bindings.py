"""The keys that work on every screen, each with an id, and the file that binds an id to another key."""

from __future__ import annotations

import json
from pathlib import Path

from textual.binding import Binding, BindingType

from cluster import own_files
from cluster.errors import RcaError
from cluster.paths import config_home

EVERYWHERE: list[BindingType] = [
    Binding("X", "abort", "Abort fault", id="abort", tooltip="Undo the active fault now"),
    Binding("space", "pause", "Pause", id="pause", tooltip="Freeze the display; polling continues"),
    Binding("y", "copy", "Copy", id="copy", tooltip="Copy what is shown to the clipboard (OSC 52)", show=False),
    Binding("w", "report", "Write report", id="report", tooltip="Write a report of the diagnosis as HTML", show=False),
    Binding("ctrl+o", "pick", "Open incident", id="pick", tooltip="Open another recorded incident", show=False),
    Binding("0", "front", "Open …", id="front", tooltip="Replay, start, connect, or open a file", show=False),
    Binding("S", "save", "Save", id="save", tooltip="Save the last minutes of what is live as an incident", show=False),
    Binding("!", "notices", "Notices", id="notices", tooltip="Read again what the app told", show=False),
    Binding("ctrl+l", "redraw", "Redraw", id="redraw", tooltip="Write the whole screen again", show=False),
    Binding("question_mark", "help", "Help", id="help", key_display="?"),
    Binding("q", "quit", "Quit", id="quit", tooltip="Quit; an active fault is undone first"),
]


class KeymapError(RcaError):
    """The key map file cannot be used."""


def keymap_path() -> Path:
    """`$XDG_CONFIG_HOME/rca-tui/keys.json`, by default under `~/.config`."""
    return config_home() / "keys.json"


def read_keymap(path: Path) -> dict[str, str]:
    """Binding id to key, such as `{"quit": "ctrl+x"}`; empty when there is no file. Raises KeymapError."""
    try:
        keymap = json.loads(own_files.small_text(path))
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise KeymapError(f"the key map {path} cannot be read: it is nested too deep") from None
    except (OSError, ValueError) as error:
        raise KeymapError(f"the key map {path} cannot be read: {error}") from error
    if not isinstance(keymap, dict) or not all(isinstance(key, str) for key in keymap.values()):
        raise KeymapError(f'the key map {path} must be an object of binding ids and keys, such as {{"quit": "ctrl+x"}}')
    return keymap
