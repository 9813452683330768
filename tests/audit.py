"""The pinned versions against known advisories: what `make audit` runs.

    python -m tests.audit .venv-audit/bin/pip-audit constraints.txt

The advisories are PyPI's own. A mirror may not have them: one package is asked for first, and where nothing is known of
it, the age of the lock file is all that can be said.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROBE = "jinja2==2.4.1\n"
"""A release with advisories: whoever has the data knows it."""
FRESH = 60  # days


def advisories(tool: str, requirements: Path) -> list[dict[str, Any]]:
    """What the tool says of each package; empty where it cannot reach its data."""
    command = [tool, "--requirement", str(requirements), "--no-deps", "--disable-pip", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
        return found
    except (ValueError, KeyError):
        return []


def age_of(lock: Path) -> float:
    """Days since the lock file was last resolved."""
    command = ["git", "log", "-1", "--format=%ct", "--", str(lock)]
    stamp = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return (time.time() - (float(stamp) if stamp else lock.stat().st_mtime)) / 86400


def main(tool: str, lock: Path) -> int:
    """1 for a known vulnerability, or a lock file that is old where nothing else can be said."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.txt"
        probe.write_text(PROBE)
        known = any(one.get("vulns") for one in advisories(tool, probe))
    days = age_of(lock)
    if not known:
        print(f"the advisories of PyPI cannot be reached from here; {lock} was resolved {days:.0f} days ago")
        return 1 if days > FRESH else 0
    found = advisories(tool, lock)
    skipped = [one["name"] for one in found if "skip_reason" in one]
    for one in found:
        for advisory in one.get("vulns", []):
            print(f"{one['name']} {one['version']}: {advisory['id']}, mended in {', '.join(advisory['fix_versions'])}")
    print(f"{len(found) - len(skipped)} of {len(found)} packages were looked up; {lock} is {days:.0f} days old")
    return 1 if not found or any(one.get("vulns") for one in found) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2])))
