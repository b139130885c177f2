"""Putting scripts, style and data into a page so that nothing in them can end their element early."""

import base64
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

HERE = Path(__file__).parent
CYTOSCAPE = "vendor/cytoscape/cytoscape.min.js"
PLOTLY = "vendor/plotly-cartesian/plotly-cartesian.min.js"


@dataclass(frozen=True)
class Parts:
    """The scripts of one kind of page.

    Args:
        libraries: vendored files, each a script of its own.
        own: our scripts in the order in which they are read; together they are one function scope.
    """

    libraries: tuple[str, ...]
    own: tuple[str, ...]


INFERENCE = Parts(
    (CYTOSCAPE, PLOTLY),
    (
        "page",
        "choices",
        "model",
        "graph",
        "matrix",
        "motion",
        "law",
        "quality",
        "rollout",
        "drift",
        "edges",
        "main",
    ),
)
TRAINING = Parts(
    (PLOTLY,),
    (
        "page",
        "runs",
        "curves",
        "confusion",
        "residuals",
        "alignments",
        "forces",
        "arrows",
        "rollout",
        "drift",
        "training",
    ),
)


@dataclass(frozen=True)
class Script:
    """A script ready to be inlined, and the `script-src` source that allows exactly this text."""

    text: Markup
    source: str


def scripts(parts: Parts) -> list[Script]:
    libraries = [script((HERE / path).read_text(encoding="utf-8")) for path in parts.libraries]
    own = [(HERE / "js" / f"{name}.js").read_text(encoding="utf-8") for name in parts.own]
    return [*libraries, script('(() => {\n"use strict";\n' + "\n".join(own) + "})();\n")]


def style() -> Markup:
    return Markup((HERE / "page.css").read_text(encoding="utf-8"))


def script(text: str) -> Script:
    """Escape `</script` and `<!--`; in a string or a regular expression `<\\/` means the same as `</`."""
    safe = text.replace("\r\n", "\n").replace("</script", "<\\/script").replace("</SCRIPT", "<\\/SCRIPT")
    safe = safe.replace("<!--", "<\\!--")
    digest = base64.b64encode(hashlib.sha256(safe.encode()).digest()).decode()
    return Script(Markup(safe), f"'sha256-{digest}'")


def data(value: Any) -> Markup:
    """JSON for a `<script type="application/json">`: no character in it means anything to an HTML parser."""
    text = json.dumps(compact(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def compact(value: Any) -> Any:
    """The same value with 7 significant digits (a float32 has no more); times keep all of theirs."""
    match value:
        case float() if not math.isfinite(value):
            return None
        case float():
            return int(value) if value.is_integer() and abs(value) < 1e15 else float(f"{value:.7g}")
        case list():
            return [compact(item) for item in value]
        case dict():
            return {
                key: item if key in ("time", "start", "stop") else compact(item)
                for key, item in value.items()
            }
        case _:
            return value
