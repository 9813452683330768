"""Tells people of a report: a command that is started, or an address that is posted to. Nothing without being asked.

Both get the same JSON: `{"text": …}`, which Slack, Mattermost and Rocket.Chat take, or a template of the operator's.
Text comes from alerts and telemetry. It is made harmless, it reaches a command through its standard input only, and no
shell reads it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import string
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cluster.errors import RcaError
from cluster.http import Login, QueryError, Session, checked
from cluster.text.plain import plain

TOKEN = "RCA_TUI_TOKEN"  # noqa: S105 (the name of a variable)
"""The environment variable that holds the listener's token; a command is started without it."""
TIMEOUT = 30.0
_LARGEST = 64 << 10
_SLACK = {"text": "$slack"}


class NotifyError(RcaError):
    """What is to be told of reports cannot be used, or it failed."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told of one report.

    Attributes:
        alert: names of the alert's rules.
        headline: the verdict in a sentence.
        incident: the name under which it was saved.
        report: the path of the report.
    """

    alert: str
    headline: str
    incident: str
    report: Path

    def values(self) -> dict[str, str]:
        """What a template's placeholders stand for."""
        alert, headline = plain(self.alert), plain(self.headline, 1000)
        text = f"{alert}: {headline}\nincident {self.incident}, report {self.report.name}"
        slack = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return {
            "alert": alert,
            "headline": headline,
            "incident": self.incident,
            "report": str(self.report),
            "text": text,
            "slack": slack,
        }


class Notifier:
    """Tells of reports."""

    def __init__(self, target: str, template: Path | None = None) -> None:
        """Read what is to be done.

        Args:
            target: an address (`http://`, `https://`) or a command with its arguments.
            template: a JSON file; in its strings `$alert`, `$headline`, `$incident`, `$report`, `$text` (all of these)
                and `$slack` (the same, escaped for Slack) are replaced.

        Raises NotifyError, OSError.
        """
        self._url = _address(target) if target.startswith(("http://", "https://")) else None
        self._command = [] if self._url else _command(target)
        self._form = _SLACK if template is None else _template(template)

    def tell(self, notice: Notice) -> None:
        """Tell of one report. Raises NotifyError."""
        body = _filled(self._form, notice.values())
        if self._url:
            try:
                checked(lambda: self._post(body), "what --on-report names")
            except QueryError as error:
                raise NotifyError(f"the report was not posted: {error}") from error
        else:
            self._run(json.dumps(body), notice)

    def _post(self, body: Any) -> None:
        with Session(Login(self._url or "")) as session:
            session.post(self._url or "", json=body, timeout=TIMEOUT, allow_redirects=False)

    def _run(self, body: str, notice: Notice) -> None:
        own = {"RCA_TUI_INCIDENT": notice.incident, "RCA_TUI_REPORT": str(notice.report)}
        environment = {name: value for name, value in os.environ.items() if name != TOKEN} | own
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=environment,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            raise NotifyError(f"the command of --on-report did not start: {error.strerror}") from error
        try:
            process.communicate(body, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise NotifyError(f"the command of --on-report was stopped after {TIMEOUT:.0f} s") from None
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode:
            raise NotifyError(f"the command of --on-report ended with the exit code {process.returncode}")


def _address(url: str) -> str:
    """Raises NotifyError, without the address: it may hold a secret."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0) and url.isprintable()
    except ValueError:
        usable = False
    if not usable:
        raise NotifyError("the address of --on-report cannot be used", "give one such as https://chat.example.com/hook")
    return url


def _command(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise NotifyError(f"the command of --on-report cannot be read: {error}") from None
    if not words or shutil.which(words[0]) is None:
        raise NotifyError(
            f"--on-report {text!r} is neither an address nor a command that is found",
            "give a program with its arguments; no shell reads it",
        )
    return words


def _template(path: Path) -> Any:
    with path.open("rb") as stream:
        content = stream.read(_LARGEST + 1)
    sample = Notice("", "", "", Path()).values()
    try:
        if len(content) > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST >> 10} KiB")
        form = json.loads(content)
        _filled(form, sample)
    except (ValueError, RecursionError) as error:
        raise NotifyError(f"the template {path} cannot be used: {error}") from None
    except KeyError as error:
        names = ", ".join(f"${name}" for name in sample)
        raise NotifyError(f"the template {path} has the unknown ${error.args[0]}", f"there are {names}") from None
    return form


def _filled(form: Any, values: dict[str, str]) -> Any:
    """The same JSON with the placeholders of its strings replaced. Raises KeyError, ValueError."""
    if isinstance(form, dict):
        return {key: _filled(value, values) for key, value in form.items()}
    if isinstance(form, list):
        return [_filled(value, values) for value in form]
    return string.Template(form).substitute(values) if isinstance(form, str) else form
