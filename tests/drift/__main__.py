"""`python -m tests.drift [PACKAGE...]`: names of metrics in published releases, beside the tables of names.

Fetches the wheels one at a time with pip (some hundred megabytes each, of which only the sources are kept), writes the
names as fixtures and docs/measured/drift.md. Exit code 1 when a release has names that no table knows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cluster.paths import cache_home
from tests.drift import reading, releases
from tests.drift.packages import RELEASES, sources

PAGE = Path(__file__).parents[2] / "docs" / "measured" / "drift.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drift", description=__doc__)
    packages = tuple(dict.fromkeys(release.package for release in RELEASES))
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"of {', '.join(packages)}; by default all")
    parser.add_argument("--cache", type=Path, default=cache_home() / "releases", help="folder of the sources")
    options = parser.parse_args()
    if unknown := [name for name in options.packages if name not in packages]:
        parser.error(f"there is no package {unknown[0]!r}; there are: {', '.join(packages)}")
    strange = 0
    for release in RELEASES:
        if options.packages and release.package not in options.packages:
            continue
        try:
            found = releases.Exported(release, reading.metrics(release.package, sources(release, options.cache)))
        except OSError as error:
            print(error, file=sys.stderr)
            return 2
        releases.write(found)
        strange += len(found.unknown())
        missing = ", ".join(found.unknown()) or "all known"
        print(f"{release}: {len(found.metrics)} metrics, {len(found.measured())} signals; {missing}")
    kept = [releases.read(releases.path(release)) for release in RELEASES if releases.path(release).exists()]
    PAGE.write_text(releases.page(kept))
    return 1 if strange else 0


if __name__ == "__main__":
    sys.exit(main())
