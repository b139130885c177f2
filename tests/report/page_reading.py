"""Reading a written page, as a text and in a browser."""

import html
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import run_folders

from edgewise.report import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Page

CUT_OFF = """[...document.querySelectorAll('.view svg.main-svg')].filter(
    plot => plot.getBoundingClientRect().right > plot.closest('.view').getBoundingClientRect().right + 1)"""


def page_of(folder: Path, records: run_folders.Json) -> str:
    return write_report(run_folders.write_run(folder, records)).read_text(encoding="utf-8")


def text_of(page: str) -> str:
    """What a reader without scripts reads, its narrow spaces as plain ones."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    words = html.unescape(re.sub(r"<[^>]+>", " ", body)).replace("\u202f", " ")
    return re.sub(r"\s+", " ", words)


def embedded(page: str) -> run_folders.Json:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert match
    return json.loads(match.group(1))


def wait_until(page: "Page", condition: Callable[[], bool], seconds: float = 10) -> None:
    """Polls from outside: the page's policy forbids the strings that `wait_for_function` evaluates."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        page.wait_for_timeout(50)
