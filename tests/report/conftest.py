"""A page in a browser that must stay silent and alone."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import run_folders

from edgewise.report import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[[run_folders.Json], "Page"]


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the report of some records; at the end no message, error or request may have been seen."""
    seen: list[str] = []
    chromium.on("console", lambda message: seen.append(f"console {message.type}: {message.text}"))
    chromium.on("pageerror", lambda error: seen.append(f"error: {error}"))
    chromium.on("dialog", lambda dialog: (seen.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    chromium.on("request", lambda request: seen.append(f"request: {request.url}"))

    def open_report(records: run_folders.Json) -> Any:
        chromium.goto(write_report(run_folders.write_run(tmp_path, records)).as_uri())
        return chromium

    yield open_report
    allowed = re.compile(r"request: (file|data|blob):")
    assert any(allowed.match(line) for line in seen), "the page itself was not seen"
    assert [line for line in seen if not allowed.match(line)] == []
