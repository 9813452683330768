"""The command line: see the package."""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from cluster.kubernetes.e2e import kind
from cluster.kubernetes.e2e.story import Step, Story

_FIRST_SAMPLES = 600.0  # s from ready pods until Prometheus has found and scraped them


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 when every step did what it must, 1 when one did not, 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m cluster.kubernetes.e2e", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--context", help="kubeconfig context of a running deployment, with the drill account")
    where.add_argument("--kind", action="store_true", help="make a cluster with kind and Docker, then delete it")
    parser.add_argument("--fault", default="cpu-stress", help="one of `rca-tui faults` (default %(default)s)")
    parser.add_argument("--target", default="", help="component to inject into (default: the first replica)")
    parser.add_argument("--seconds", type=float, default=60.0, help="seconds of the fault (default %(default)g)")
    parser.add_argument("--out", type=Path, default=Path("e2e-report"), help="new folder for answers and report")
    parser.add_argument("--dry-run", action="store_true", help="print the commands and run none")
    asked = parser.parse_args(arguments)
    program = (sys.executable, "-m", "rca_tui")
    story = Story(
        kind.CONTEXT if asked.kind else asked.context,
        asked.out.absolute(),
        asked.fault,
        asked.target,
        asked.seconds,
        program,
        lambda sentence: print(sentence, flush=True),
    )
    making = kind.make() if asked.kind else ()
    if asked.dry_run:
        print(*making, *story.commands(), *((kind.delete(),) if asked.kind else ()), sep="\n")
        return 0
    if asked.kind and (why := _impossible()):
        parser.error(f"--kind {why}")
    try:
        story.folder.mkdir(parents=True)
    except OSError as error:
        parser.error(f"--out {asked.out}: {error.strerror}; name a folder that does not exist yet")
    try:
        for command in making:
            story.shell(Path(shlex.split(command)[0]).name, shlex.split(command), cwd=kind.ROOT)
            if not story.passed:
                break
        else:
            if asked.kind:
                story.await_live(_FIRST_SAMPLES)
            story.run()
    except KeyboardInterrupt:
        story.steps.append(Step("interrupted", 0.0, "stopped by hand", ended=False))
    finally:
        if asked.kind and _made(story):
            story.shell("delete", shlex.split(kind.delete()))
    report = story.folder / "report.md"
    report.write_text(story.report() + "\n", encoding="utf-8")
    for step in story.steps:
        if step.wrong:
            print(f"{step.name}: {step.wrong}", file=sys.stderr)
    print(f"wrote {report}: read it before you send it")
    return 0 if story.passed else 1


def _made(story: Story) -> bool:
    """Whether the run made its cluster, wholly or in part: there was none before it."""
    if story.steps and story.steps[0].ended:
        return not story.steps[0].wrong  # kind that fails removes what it made
    try:
        return kind.exists()
    except (OSError, subprocess.SubprocessError):
        return True  # it may be there: deleting none is no error


def _impossible() -> str:
    """Why no cluster of kind can be made; "" where it can."""
    if missing := [name for name in kind.NEEDS if shutil.which(name) is None]:
        return f"needs {', '.join(missing)}"
    if not (kind.ROOT / kind.MANIFESTS / "overlays").is_dir():
        return "needs the repository, with its manifests"
    try:
        there = kind.exists()
    except (OSError, subprocess.SubprocessError):
        return "needs Docker: `kind get clusters` fails"
    return f"makes the cluster {kind.NAME}, and there is one: `{kind.delete()}` removes it" if there else ""


if __name__ == "__main__":
    sys.exit(main())
