"""What changes in a package is told under Unreleased in CHANGELOG.md, as far as git's history is there to ask."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rca_tui", "cluster", "faults", "methods", "guidelines")
_GROUPS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def git(*arguments: str, root: Path = ROOT) -> str | None:
    """What a git command prints; None where it fails: no git, no history, or not enough of it."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def unreleased(text: str) -> list[str]:
    """The entries of the Unreleased section."""
    section = re.search(r"^## Unreleased$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, "CHANGELOG.md has no section Unreleased"
    groups = set(re.findall(r"^### (.+)$", section[1], re.MULTILINE))
    assert groups <= _GROUPS, f"CHANGELOG.md has groups that are not among {sorted(_GROUPS)}: {groups - _GROUPS}"
    return re.findall(r"^- .+(?:\n  .+)*", section[1], re.MULTILINE)


def untold(root: Path) -> str:
    """Since which commit packages changed without a new entry; empty when none is missing or nobody can tell."""
    entries = unreleased((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    release = git("describe", "--tags", "--match", "v*", "--abbrev=0", root=root)
    if release and not entries and git("diff", "--name-only", release, "HEAD", "--", *PACKAGES, root=root):
        return release
    base = git("merge-base", "HEAD", "main", root=root) or git("merge-base", "HEAD", "origin/main", root=root)
    if not base or not git("diff", "--name-only", base, "HEAD", "--", *PACKAGES, root=root):
        return ""
    before = git("show", f"{base}:CHANGELOG.md", root=root)
    return base if before is not None and not set(entries) - set(unreleased(before)) else ""


def test_a_change_in_a_package_has_an_entry() -> None:
    since = untold(ROOT)
    assert not since, f"packages changed since {since}: say what a user notices under Unreleased in CHANGELOG.md"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one commit on main."""
    git("init", "--initial-branch", "main", root=tmp_path)
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n\n## Unreleased\n\n### Added\n\n- One thing.\n")
    commit(tmp_path, "methods/one.py")
    return tmp_path


def commit(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).touch()
    git("add", "--all", root=root)
    author = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")
    assert git(*author, "commit", "--message", "A change", root=root) is not None


def test_a_branch_that_changes_a_package_needs_a_new_entry(clone: Path) -> None:
    assert untold(clone) == ""
    git("switch", "--create", "topic", root=clone)
    commit(clone, "README.md")
    assert untold(clone) == ""
    commit(clone, "methods/two.py")
    assert untold(clone) == git("rev-parse", "main", root=clone)
    (clone / "CHANGELOG.md").write_text("# Changes\n\n## Unreleased\n\n### Added\n\n- One thing.\n- Another thing.\n")
    commit(clone)
    assert untold(clone) == ""


def test_after_a_release_the_next_change_needs_an_entry(clone: Path) -> None:
    (clone / "CHANGELOG.md").write_text("# Changes\n\n## Unreleased\n\n## 0.1.0\n\n### Added\n\n- One thing.\n")
    commit(clone)
    git("tag", "v0.1.0", root=clone)
    assert untold(clone) == ""
    commit(clone, "methods/two.py")
    assert untold(clone) == "v0.1.0"


def test_without_history_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n\n## Unreleased\n")
    assert untold(tmp_path) == ""
