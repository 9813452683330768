"""A headless Chromium for tests, with an empty profile, that asks nobody for anything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
DRIVER = shutil.which("chromedriver")
MISSING = "Chromium and its driver are not installed: apt-get install chromium chromium-driver"
PATIENCE = 600.0
"""Seconds for anything to appear: a busy machine is slow, and what never comes still ends."""


@contextmanager
def chromium(profile: Path, size: tuple[int, int] = (1400, 1500)) -> Iterator[webdriver.Chrome]:
    """A browser without a screen, whose window has so many pixels."""
    options = Options()
    options.binary_location = str(CHROMIUM)
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--window-size={size[0]},{size[1]}",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(executable_path=DRIVER))
    try:
        browser.set_page_load_timeout(PATIENCE)
        yield browser
    finally:
        browser.quit()
