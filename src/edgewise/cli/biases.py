"""What `edgewise audit` does without a module: the table of known architectures, and the worth of a bias in data."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edgewise.cli.out import number, print_json, say
from edgewise.cli.words import command_words
from edgewise.errors import DataError

if TYPE_CHECKING:
    from edgewise.audit.learn import SampleEfficiency, Trained


def show_zoo(page: Path | None, *, samples: int, seed: int, json: bool) -> None:
    """Measure known architectures; print their verdicts, or write them into a page between its marks.

    Args:
        page: the page, or None; samples, seed: of every audit.
    """
    from edgewise.audit.zoo_table import placed, rows, tables
    from edgewise.data.atomic import replacing

    text = None if page is None else _text_of(page)
    if text is not None:
        placed(text, "")  # a page without marks is said before anything is measured
    measured = rows(samples=samples, seed=seed)
    if page is not None and text is not None:
        with replacing(page, overwrite=True) as draft:
            draft.write_text(placed(text, tables(measured)), encoding="utf-8")
    if json:
        print_json({"architectures": [row.record() for row in measured], "seed": seed})
    elif page is None:
        print(tables(measured))
    else:
        print(f"page: {page}")


def _text_of(page: Path) -> str:
    try:
        return page.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"{page} cannot be read: {error.strerror}", expected="a page with the two marks of the table"
        ) from error


def show_learning(out: Path | None, *, seed: int, overwrite: bool, json: bool) -> None:
    """Train networks with weaker and stronger biases on growing data; print their errors, and keep them in a folder.

    Args:
        out: for learn.json and learn.png, or None.
        seed: the first of the seeds.
    """
    from edgewise.audit.learn import SEEDS, learn

    def on_trained(made: "Trained") -> None:
        say(
            f"seed {made.seed}, {made.systems} systems, {made.model}: {number(made.error)} ({made.seconds:.1f} s)"
        )

    found = learn(seeds=range(seed, seed + SEEDS), on_trained=on_trained)
    plain = found.record() | {"argv": command_words()}
    if out is not None:
        _write(found, plain, out, overwrite=overwrite)
    if json:
        print_json(plain if out is None else plain | {"out": str(out)})
        return
    _print_learning(found)
    if out is not None:
        print(f"picture: {out / 'learn.png'}")


def _write(found: "SampleEfficiency", plain: Mapping[str, object], out: Path, *, overwrite: bool) -> None:
    """The folder, whole or not at all."""
    from edgewise.audit.learn_picture import draw_learning
    from edgewise.data.atomic import replacing
    from edgewise.folders import write_json

    with replacing(out, overwrite=overwrite) as draft:
        draft.mkdir()
        write_json(draft / "learn.json", plain)
        draw_learning(found, draft / "learn.png")


def _print_learning(found: "SampleEfficiency") -> None:
    """A line a network: what it keeps, its error for every number of systems, how many are enough."""
    from edgewise.audit.learn import ENOUGH
    from edgewise.audit.learners import KEPT

    print("error of the next velocities (1: constant velocity), mean and range over seeds")
    print(
        f"{'network':<31}{'keeps':<7}"
        + "".join(f"{n:>22}" for n in found.systems)
        + f"{f'systems for {ENOUGH:g}':>18}"
    )
    for curve in found.curves:
        kept = "".join(
            name[0] if curve.symmetries[name] < 1e-6 else "-" for name in KEPT
        )  # of float64 networks
        cells = "".join(
            f"{f'{curve.mean(n):.3f} ({min(found_):.3f}-{max(found_):.3f})':>22}"
            for n, found_ in curve.errors.items()
        )
        enough = "-" if curve.enough is None else str(curve.enough)
        print(f"{curve.model:<31}{kept:<7}{cells}{enough:>18}")
    print("keeps: p permutations, t translations, r rotations, r reflections, as an audit measures them")
