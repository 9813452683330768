"""The app and a workshop in a real Chromium: keys arrive, players join, guess and see the reveal.

The screenshots stay in pytest's temporary folder, or in the folder that RCA_TUI_SCREENSHOTS names.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="the extra `test` is not installed")
pytest.importorskip("textual_serve", reason="the extra `serve` is not installed")

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.chromium import CHROMIUM, DRIVER, MISSING, chromium

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason=MISSING),
]
PATIENCE = 120.0
"""Seconds for anything to appear."""
LISTENER = """
const Plain = window.WebSocket;
window.received = "";
window.WebSocket = class extends Plain {
  constructor(...all) {
    super(...all);
    const text = new TextDecoder();
    this.addEventListener("message", e => {
      if (typeof e.data !== "string") window.received += text.decode(e.data, {stream: true});
    });
  }
};
"""
"""Keeps what the app sends: the terminal paints on a canvas, which holds no text."""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(home: Path, *arguments: str) -> Iterator[list[str]]:
    """`rca-tui` with these arguments; what it has printed before it serves."""
    command = [sys.executable, "-m", "rca_tui", *arguments]
    environment = {**os.environ, "XDG_STATE_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().strip()]
            while lines[-1] and "://" not in lines[-1]:
                lines.append(process.stdout.readline().strip())
            if arguments[0] == "workshop":
                lines.append(process.stdout.readline().strip())
            yield lines
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[WebDriver]:
    with chromium(tmp_path / "profile", (1280, 900)) as found:
        listen(found)
        yield found


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("RCA_TUI_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def listen(browser: WebDriver) -> None:
    """Keep what the apps in this tab will send."""
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTENER})


def received(browser: WebDriver) -> str:
    """What the app of the current frame has sent, without its escape sequences."""
    return ESCAPES.sub("", str(browser.execute_script("return window.received || ''")))


def until_app_says(browser: WebDriver, text: str) -> None:
    WebDriverWait(browser, PATIENCE, 0.3).until(lambda b: text in received(b), f"the app did not say {text!r}")


def until_page_says(browser: WebDriver, text: str) -> None:
    """The page may be another one meanwhile."""
    WebDriverWait(browser, PATIENCE, 0.3, ignored_exceptions=[WebDriverException]).until(
        lambda b: text in b.find_element(By.TAG_NAME, "body").text, f"the page did not say {text!r}"
    )


def click(browser: WebDriver, selector: str) -> None:
    """The page may put a new element in the old one's place at any time."""

    def clicked(b: WebDriver) -> bool:
        b.find_element(By.CSS_SELECTOR, selector).click()
        return True

    WebDriverWait(browser, PATIENCE, 0.3, ignored_exceptions=[WebDriverException]).until(clicked, selector)


def forget(browser: WebDriver) -> None:
    browser.execute_script("window.received = ''")


def press(browser: WebDriver, keys: str) -> None:
    ActionChains(browser).click(browser.find_element(By.CSS_SELECTOR, ".xterm-screen")).send_keys(keys).perform()


def test_keys_from_the_browser_reach_the_app(browser: WebDriver, tmp_path: Path, album: Path) -> None:
    with running(tmp_path, "serve", "drill-05", "--port", str(free_port())) as lines:
        browser.get(lines[0].split(" at ")[1])
        until_app_says(browser, "Diagnose")
        forget(browser)
        press(browser, "2")
        until_app_says(browser, "baseline")
        forget(browser)
        press(browser, "?")
        until_app_says(browser, "palette")
        assert browser.save_screenshot(str(album / "serve.png"))


def join(browser: WebDriver, address: str, name: str) -> None:
    browser.switch_to.new_window("tab")
    listen(browser)
    browser.get(address)
    browser.find_element(By.NAME, "name").send_keys(name)
    browser.find_element(By.TAG_NAME, "button").click()
    until_page_says(browser, "here")


def guess(browser: WebDriver, component: str, kind: str) -> None:
    click(browser, "input[name='nobody']")
    click(browser, f"input[value='{component}']")  # it takes the place of nobody
    click(browser, f"option[value='{kind}']")
    click(browser, "form[action='/guess'] button")  # nothing is sent: how sure is missing
    browser.find_element(By.NAME, "sure").send_keys("70")
    click(browser, "form[action='/guess'] button")
    until_page_says(browser, "Your guess is in")


def test_a_workshop_from_join_to_the_scoreboard(browser: WebDriver, tmp_path: Path, album: Path) -> None:
    with running(tmp_path, "workshop", "slow-link", "drill-05", "--port", str(free_port()), "--speed", "8") as lines:
        players, instructor = (line.split(": ", 1)[1] for line in lines[:2])
        browser.get(instructor)
        until_page_says(browser, "Start the next drill")
        lead = browser.current_window_handle
        join(browser, players, "Ada")
        ada = browser.current_window_handle
        # Another name of this machine has cookies of its own: a second player.
        join(browser, players.replace("127.0.0.1", "localhost"), "Bob")
        bob = browser.current_window_handle
        browser.switch_to.window(lead)
        click(browser, "form[action='/instructor/start'] button")
        browser.switch_to.window(ada)
        until_page_says(browser, "Who is at fault?")
        assert browser.save_screenshot(str(album / "workshop-page.png"))
        browser.switch_to.frame("app")
        until_app_says(browser, "replica-1")
        forget(browser)
        press(browser, "2")
        until_app_says(browser, "replica")
        browser.switch_to.default_content()
        assert browser.save_screenshot(str(album / "workshop-play.png"))
        click(browser, "form[action='/hint'] button")
        until_page_says(browser, "Hint:")
        guess(browser, "replica-1", "network-delay")
        browser.switch_to.frame("app")
        forget(browser)
        press(browser, "1")
        until_app_says(browser, "gateway")  # the same app: a guess does not start it anew
        browser.switch_to.window(bob)
        until_page_says(browser, "Who is at fault?")
        assert "network-delay on" not in browser.page_source
        guess(browser, "gateway", "freeze")
        browser.switch_to.window(lead)
        click(browser, "form[action='/instructor/reveal'] button")
        browser.get(instructor.replace("instructor", "board"))
        until_page_says(browser, "It was")
        until_page_says(browser, "Which evidence told")
        assert browser.save_screenshot(str(album / "workshop-board.png"))
        board = browser.find_element(By.TAG_NAME, "body").text
        assert "Ada" in board
        assert "gateway, freeze, 70% sure" in board
        assert "1 hint" in board
        browser.switch_to.window(bob)
        until_page_says(browser, "It was")
        assert browser.save_screenshot(str(album / "workshop-reveal.png"))
