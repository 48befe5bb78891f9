"""Chromium without a window: pages as somebody sees them, and what the browser says of them.

Tests that use it carry the marker `process`.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import pytest

from tests.tools import processes

FLAGS = (
    "--headless",
    "--no-sandbox",  # as root, in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1400",
)
SECONDS = 60.0  # until a page must be drawn


@contextmanager
def chromium(folder: Path) -> Iterator[Any]:
    """Start Chromium, with a profile of its own in a folder; skip where it is not installed."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    assert processes.allowed, "a test that starts a browser has the marker `process`"
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield started
    finally:
        started.quit()


def opened(browser: Any, path: Path) -> list[str]:
    """Open a page, wait until it is drawn, and return the addresses that it asked for."""
    from selenium.webdriver.support.wait import WebDriverWait

    browser.get("about:blank")
    said(browser)
    requests(browser)
    browser.get(path.as_uri())
    WebDriverWait(browser, SECONDS, poll_frequency=0.05).until(
        lambda page: page.execute_script("return performance.getEntriesByName('drawn').length > 0"),
        "the page is not drawn",
    )
    return requests(browser)


def said(browser: Any) -> list[str]:
    """Return what the page wrote to the console since this was asked last: errors, warnings, whatever."""
    return [entry["message"] for entry in browser.get_log("browser")]


def requests(browser: Any) -> list[str]:
    """Return the addresses that were asked for since this was asked last, but those that are data of the page's own."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    addresses = [
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    ]
    return [address for address in addresses if urlparse(address).scheme not in ("data", "blob", "about")]


def data(browser: Any, name: str) -> dict[str, Any]:
    """Return the columns of one of the page's data sources: arrays of floats, or lists of words."""
    script = """
        const {data} = Bokeh.documents[0].get_model_by_name(arguments[0]);
        const number = (value) => Number.isFinite(value) || typeof value !== "number" ? value : String(value);
        const written = (value) => value?.shape ? Array.from(value, number) : number(value);
        return Object.entries(data instanceof Map ? Object.fromEntries(data) : data)
            .map(([column, values]) => [column, Array.from(values, written)]);
    """
    columns = {column: values for column, values in browser.execute_script(script, name)}
    return {column: _numbers(values) for column, values in columns.items()}


def _numbers(values: list[Any]) -> Any:
    """Return numbers as floats, those that JSON has not among them; other values as they are."""
    words = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    values = [words.get(value, value) if isinstance(value, str) else value for value in values]
    return np.array(values, dtype=float) if all(isinstance(value, int | float) for value in values) else values
