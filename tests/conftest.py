"""What tests in several folders share."""

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores: torch, and the commands that tests start, take one thread each. Set here, not
    # by torch.set_num_threads, since importing torch takes seconds that many tests do not need.
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data sets beside the repository."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("no folder `shared` with data sets beside the repository")
    return folder


@pytest.fixture(scope="session")
def chromium_browser():
    """Debian's Chromium, started once a test process."""
    executable = shutil.which("chromium")
    if executable is None:
        _skip_unless_ci("chromium is not on PATH (apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _skip_unless_ci("playwright is not installed (make install-dev)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def chromium(chromium_browser):
    """A fresh page of Chromium (a Playwright `Page`)."""
    context = chromium_browser.new_context()
    yield context.new_page()
    context.close()


def _skip_unless_ci(reason: str) -> None:
    """CI has to run everything: there, what is missing is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; CI must not skip this", pytrace=False)
    pytest.skip(reason)
