"""The hashes of the pinned versions against what the index serves: a part of `make audit`.

    python -m tests.hashes constraints.txt constraints-hashed.txt SERVED

SERVED is what `uv pip compile --generate-hashes` says of constraints.txt now; empty where the index cannot be reached.
"""

from __future__ import annotations

import sys
from pathlib import Path

RESOLVE = "`make lock` takes over what the index serves; find out first why it serves something else"


def pins(text: str) -> dict[str, frozenset[str]]:
    """Of each requirement, version and marker included, the hashes of its files; none in a file without hashes.

    >>> pins("rich==14.0 --hash=sha256:aa --hash=sha256:bb")["rich==14.0"] == {"sha256:aa", "sha256:bb"}
    True
    """
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        requirement, *hashes = line.split(" --hash=")
        if requirement.strip() and not requirement.startswith("#"):
            found[requirement.strip()] = frozenset(each.strip() for each in hashes)
    return found


def compare(pinned: str, hashed: str, served: str) -> tuple[list[str], bool]:
    """Sentences about the three files, and whether all is well."""
    wanted, locked, now = pins(pinned), pins(hashed), pins(served)
    bare = [one for one in wanted if not locked.get(one)]
    wrong = [f"{one}: its hashes are not known; run `make lock`" for one in bare]
    wrong += [f"{one}: has hashes, and is not pinned; run `make lock`" for one in locked if one not in wanted]
    if not now:
        return [*wrong, "the index cannot be reached from here: no hash was compared with what it serves"], not wrong
    for one, hashes in locked.items():
        added, gone = now.get(one, frozenset()) - hashes, hashes - now.get(one, frozenset())
        if added or gone:
            wrong.append(f"{one}: {len(added)} files are new, {len(gone)} are gone or changed. {RESOLVE}")
    files = sum(len(hashes) for hashes in locked.values())
    return [*wrong, f"the hashes of {files:,} files of {len(locked)} packages were compared with the index"], not wrong


def main(*files: str) -> int:
    """1 where a pin has no hash, or the index serves other files than the hashes say."""
    said, well = compare(*(Path(file).read_text(encoding="utf-8") for file in files))
    print("\n".join(said))
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:4]))
