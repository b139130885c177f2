"""The report: records in, one HTML file out."""

import os
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgewise.errors import RunError
from edgewise.report import formatting, inference_page, inline
from edgewise.report.folder import RunFolder, open_run
from edgewise.report.records import read_records
from edgewise.report.rollout import read_rollout
from edgewise.report.training import page as training_page
from edgewise.report.training.records import read_training


def write_report(run: Path, out: Path | None = None, *, rollout: Path | None = None) -> Path:
    """Write the report of a run as one HTML file that needs no network.

    The kind of run decides the page: who acts on whom after `edgewise infer`, the figures of every run beside
    the published one after `edgewise train`. The file appears complete or not at all: it is written beside its
    place and then renamed.

    Args:
        run: a run folder with `run.json`, `metrics.json` and `preview.json`, and `edges.csv` of an inference.
        out: where to write; `report.html` in the run folder by default.
        rollout: the record of a rollout that is shown; `rollout.json` in the run folder by default, where there is one.

    Returns:
        The path of the page.

    Raises:
        RunError: a record is missing or of another version, or the page cannot be written.
    """
    run = Path(run)
    target = run / "report.html" if out is None else Path(out)
    page = render(open_run(run), rollout)
    write_atomically(target, page)
    return target


def render(folder: RunFolder, rollout: Path | None = None) -> str:
    """The page of a run as a text, with the rollout of a record, or else that of the folder."""
    shown = read_rollout(folder, rollout)
    if folder.kind == "training":
        return filled(training_page.TEMPLATE, training_page.context(read_training(folder), shown))
    return filled(inference_page.TEMPLATE, inference_page.context(read_records(folder), shown))


def filled(template: str, values: dict[str, Any]) -> str:
    """A template of this folder with values: `scripts` and what `base.html.j2` shows among them."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        score=formatting.score,
        number=formatting.number,
        count=formatting.count,
        moment=formatting.moment,
        plain=formatting.plain,
        percent=formatting.percent,
    )
    sources = " ".join(script.source for script in values["scripts"])
    return environment.get_template(template).render(values, script_sources=sources, style=inline.style())


def write_atomically(target: Path, text: str) -> None:
    """Write a page so that it is complete or not there.

    Raises:
        RunError: if it cannot be written.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(
            f"{target} cannot be written: {error.strerror}",
            expected="a file in an existing folder with write permission and room on the disk",
            fix="create the folder or choose another place with --out",
        ) from error
