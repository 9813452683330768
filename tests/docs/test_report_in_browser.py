"""A report in Chromium, at the widths of a desk and of a phone, in both colour schemes: it fits, and asks nobody.

The screenshots stay in pytest's temporary folder, or in the folder that RCA_TUI_SCREENSHOTS names.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium", reason="the extra `test` is not installed")

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from cluster import load_incident
from methods import decide, run_methods, with_onset
from rca_tui.report.build import build
from rca_tui.report.files import Format, render

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER),
        reason="Chromium and its driver are not installed: apt-get install chromium chromium-driver",
    ),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    incident = with_onset(load_incident("drill-05"))
    results = list(run_methods(incident, ["serving", "baro", "nsigma", "circa"]))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(build(incident, "drill-05", decide(incident, results), results), Format.HTML))
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = Options()
    options.binary_location = str(CHROMIUM)
    profile = f"--user-data-dir={tmp_path_factory.mktemp('profile')}"
    quiet = ("--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars")
    for flag in ("--headless", "--no-sandbox", *quiet, profile):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(executable_path=DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def asked(browser: webdriver.Chrome) -> set[str]:
    """The addresses that the browser has asked for since the last call."""
    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    sent = (m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent")
    return set(sent)


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_asks_nobody(
    browser: webdriver.Chrome, page: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    def show(height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    show(900)
    asked(browser)
    browser.get(page.as_uri())
    assert asked(browser) == {page.as_uri()}
    assert browser.get_log("browser") == []
    whole: dict[str, Any] = browser.execute_script(
        "const e = document.documentElement; return {width: e.scrollWidth, height: e.scrollHeight}"
    )
    assert whole["width"] == width
    figures = browser.find_elements(By.CSS_SELECTOR, "figure svg path.subject")
    assert len(figures) >= 3
    assert all(figure.rect["width"] > 100 for figure in figures)
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) > 384) == (scheme == "light")
    show(whole["height"])
    folder = Path(os.environ.get("RCA_TUI_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(folder / f"report-{width}-{scheme}.png"))


def test_it_prints_dark_on_white(browser: webdriver.Chrome, page: Path) -> None:
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": features})
    browser.get(page.as_uri())
    style = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    assert browser.execute_script(style) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert browser.print_page()
