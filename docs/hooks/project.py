"""Documents of the repository's root as pages, and the list of decisions."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = {
    "CONTRIBUTING.md": "contributing",
    "CHANGELOG.md": "changelog",
    "SECURITY.md": "security",
    "CODE_OF_CONDUCT.md": "code-of-conduct",
}
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


def documents() -> dict[str, str]:
    """Links into docs/ and to each other lead to the pages; those to other files become plain text."""
    return {
        f"project/{page}.md": _LINK.sub(_relinked, (ROOT / name).read_text(encoding="utf-8"))
        for name, page in DOCUMENTS.items()
    }


def _relinked(match: re.Match[str]) -> str:
    label, target = match.groups()
    path, mark, anchor = target.partition("#")
    if "://" in target or not path:
        return match[0]
    if path in DOCUMENTS:
        return f"[{label}]({DOCUMENTS[path]}.md{mark}{anchor})"
    if path.startswith("docs/") and path.endswith(".md"):
        return f"[{label}](../{path.removeprefix('docs/')}{mark}{anchor})"
    return label


def decisions() -> dict[str, str]:
    """The pages under docs/decisions, oldest first: they are files already, so nothing is written."""
    return {f"decisions/{path.name}": "" for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))}
