"""The notebooks in JupyterLab in Chromium: the controls are there, and moving one changes the picture.

The screenshots stay in pytest's temporary folder, or in the folder that RCA_TUI_SCREENSHOTS names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("jupyterlab", reason="the extra `notebooks` is not installed")
pytest.importorskip("selenium", reason="the extra `test` is not installed")

import lab
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.chromium import CHROMIUM, DRIVER, MISSING, PATIENCE, chromium

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER),
        reason=MISSING,
    ),
]

PICTURE = ".jp-OutputArea .widget-image"
SLIDER = ".jp-OutputArea .widget-slider .noUi-handle"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with lab.jupyterlab(tmp_path_factory.mktemp("lab")) as found:
        yield found


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[WebDriver]:
    with chromium(tmp_path / "profile") as found:
        yield found


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("RCA_TUI_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run_all(browser: WebDriver, address: str, name: str) -> None:
    """Open a notebook and run all its cells once its kernel is there."""
    browser.get(address.format(f"{name}.ipynb"))
    wait(browser).until(lambda b: b.find_elements(By.CSS_SELECTOR, ".jp-NotebookPanel .jp-CodeCell"))
    wait(browser).until(
        lambda b: b.find_elements(By.CSS_SELECTOR, ".jp-Notebook-ExecutionIndicator[data-status='idle']")
    )
    menu(browser, "Run", "Run All Cells")


def menu(browser: WebDriver, name: str, entry: str) -> None:
    for selector, words in ((".lm-MenuBar-itemLabel", name), (".lm-Menu-itemLabel", entry)):

        def click(b: WebDriver, selector: str = selector, words: str = words) -> bool:
            found = [e for e in b.find_elements(By.CSS_SELECTOR, selector) if e.is_displayed() and e.text == words]
            if found:
                found[0].click()
            return bool(found)

        wait(browser).until(click)


def wait(browser: WebDriver) -> WebDriverWait[WebDriver]:
    return WebDriverWait(browser, PATIENCE, ignored_exceptions=[_gone()])


def _gone() -> type[Exception]:
    from selenium.common.exceptions import WebDriverException

    return WebDriverException


def picture(browser: WebDriver) -> str:
    """What the panel's image holds now: pixels, told apart by their digest; empty while it is not drawn."""
    script = """
        const image = document.querySelector(arguments[0]);
        if (!image || !image.complete || !image.naturalWidth) return "";
        const canvas = document.createElement("canvas");
        canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
        canvas.getContext("2d").drawImage(image, 0, 0);
        return canvas.toDataURL();
    """
    return str(browser.execute_script(script, PICTURE) or "")


def shown(browser: WebDriver, selector: str) -> WebElement:
    element: WebElement = wait(browser).until(lambda b: b.find_element(By.CSS_SELECTOR, selector))
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    return element


def test_moving_the_onset_changes_the_picture(browser: WebDriver, address: str, album: Path) -> None:
    run_all(browser, address, "03_ranking_by_metrics")
    wait(browser).until(picture)
    before = picture(browser)
    shown(browser, PICTURE)
    browser.save_screenshot(str(album / "03-before.png"))
    handle = shown(browser, SLIDER)
    # One key is one step of the slider; the value counts once the key is up again.
    ActionChains(browser).click(handle).perform()
    handle.send_keys(Keys.PAGE_DOWN)
    wait(browser).until(lambda b: picture(b) not in ("", before))
    shown(browser, PICTURE)
    browser.save_screenshot(str(album / "03-after.png"))


def test_taking_telemetry_away_changes_the_picture(browser: WebDriver, address: str, album: Path) -> None:
    run_all(browser, address, "08_guidelines")
    wait(browser).until(picture)
    before = picture(browser)
    shown(browser, PICTURE)
    browser.save_screenshot(str(album / "08-before.png"))
    select = Select(shown(browser, ".jp-OutputArea .widget-dropdown:nth-of-type(2) select"))
    select.select_by_index(len(select.options) - 1)
    wait(browser).until(lambda b: picture(b) not in ("", before))
    shown(browser, PICTURE)
    browser.save_screenshot(str(album / "08-after.png"))
