"""A headless Chromium, and a server with the page for it to open."""

import os
import shutil
from pathlib import Path

import pytest
from serving import serving
from tab import Tab

REQUIRED = os.environ.get("RAG_REASONER_BROWSER") == "1"
SCREENSHOTS = os.environ.get("RAG_REASONER_SCREENSHOTS")
PROGRAMS = ("chromium", "chromedriver")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """Debian's Chromium, started once. It is skipped where it is missing, unless RAG_REASONER_BROWSER=1."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        said = f"there is no {' and no '.join(missing)}: apt-get install chromium chromium-driver"
        pytest.fail(said) if REQUIRED else pytest.skip(said)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    profile = tmp_path_factory.mktemp("profile")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory):
    """Where pictures of the page go: a folder of pytest's, or the one in RAG_REASONER_SCREENSHOTS."""
    folder = Path(SCREENSHOTS) if SCREENSHOTS else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def page(chromium, screenshots):
    """Opens the page of a server over a model, in a tab of its own: `page(model, **settings)`."""
    opened = []

    def open_page(model="lexical", *, size=(1280, 900), dark=False, **settings):
        running = serving(model, **settings)
        url, app = running.__enter__()
        tab = Tab(chromium, url, app, screenshots)
        opened.append((running, tab))
        tab.shape(size, dark)
        tab.open()
        return tab

    yield open_page
    for running, tab in opened:
        tab.close()
        running.__exit__(None, None, None)
