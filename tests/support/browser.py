"""A headless Chromium that opens files and fetches nothing."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from tests.support.absent import absent

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Chrome]:
    """A fresh Chromium; skips the test where there is none."""
    driver = shutil.which("chromedriver")
    if driver is None:
        raise absent("the page in a browser", "chromedriver")
    options = Options()
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory() as folder:
        for flag in (*_FLAGS, f"--user-data-dir={folder}/profile"):
            options.add_argument(flag)
        # a driver named outright: selenium looks for none, and downloads none
        browser = Chrome(options=options, service=Service(driver))
        try:
            yield browser
        finally:
            browser.quit()


def open_page(browser: Chrome, path: Path, hash_: str = "", *, width: int = 1280) -> None:
    """Open a file in a window of that width, as if for the first time."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    browser.get("about:blank")  # a change of hash alone would not load the page again
    browser.get(path.as_uri() + hash_)
    # on a busy machine the driver may take the blank page's end of loading for that of this one
    loaded = "return document.readyState === 'complete' && location.href.startsWith(arguments[0])"
    WebDriverWait(browser, 120, poll_frequency=0.02).until(
        lambda _: browser.execute_script(loaded, path.as_uri())
    )
