"""edgewise audit package.module:factory --entities 6 --features 8"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from edgewise.cli.biases import show_learning, show_zoo
from edgewise.cli.options import Flag, names
from edgewise.cli.out import counted, number, print_json, say_notes
from edgewise.cli.words import command_words
from edgewise.errors import ConfigError
from edgewise.hub import is_hub, run_folder

if TYPE_CHECKING:
    from edgewise.audit import Audit

AXES = Group("The axes of the input", sort_key=10)
WITHOUT = Group("Without a module", sort_key=20)


def _axis(text: str) -> Parameter:
    return Parameter(help=text, group=AXES)


@Parameter(name="*")
@dataclass(frozen=True)
class Sizes:
    """What the axes of the input are; those of a run are known."""

    entities: Annotated[int | None, _axis("Number of entities.")] = None
    features: Annotated[
        int | None, _axis("Numbers of an entity, a step or a position of the grid; 1 if not given.")
    ] = None
    steps: Annotated[int | None, _axis("Number of steps in time.")] = None
    grid: Annotated[str | None, _axis("Sizes of a grid, e.g. 8,8.")] = None
    spatial: Annotated[str | None, _axis("Which features are coordinates, counted from 0, e.g. 0,1.")] = None
    vectors: Annotated[
        str | None, _axis("Which features turn with the coordinates, such as velocities, e.g. 2,3.")
    ] = None
    edge_features: Annotated[int | None, _axis("Numbers of an edge, for a module that reads edges.")] = None

    def given(self) -> dict[str, Any]:
        """The sizes that were named, as `Axes` has them.

        Raises:
            ConfigError: for a list that is none of whole numbers.
        """
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            name: _numbers(name, value) if isinstance(value, str) else value
            for name, value in values.items()
            if value is not None
        }


def _numbers(name: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in names(text) or [])
    except ValueError as error:
        raise ConfigError(
            f"--{name} {text}", expected="whole numbers separated by commas, e.g. 8,8"
        ) from error


def audit(
    module: str | None = None,
    /,
    *,
    sizes: Sizes = Sizes(),
    samples: int = 64,
    seed: int = 0,
    zoo: Annotated[Flag, Parameter(group=WITHOUT)] = False,
    write: Annotated[Path | None, Parameter(group=WITHOUT)] = None,
    learn: Annotated[Flag, Parameter(group=WITHOUT)] = False,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Measure the inductive bias of a network: its symmetries, who can influence whom, which weights it shares.

    Inputs have the shape batch, entity, feature; with --steps batch, entity, time, feature (without entities batch,
    time, feature); with --grid batch, feature, then the grid.
    The current folder can be imported from. Of runs of `edgewise train` and `edgewise infer` the axes are known.

    Args:
        module: A run folder, hf://owner/name on a hub, or package.module:factory, which gives a torch.nn.Module.
        sizes: The axes of the input.
        samples: Random inputs that errors are averaged over.
        seed: Of inputs, group elements, and torch when the factory is called; with --learn the first of three.
        zoo: Measure small instances of known architectures and print their verdicts side by side.
        write: With --zoo, put that table into a page (Markdown), between its two marks.
        learn: Train networks of one size with weaker and stronger biases on growing data, and compare their errors.
        out: A new folder for audit.json, influence.png and audit.html, with --learn for learn.json and learn.png.
        overwrite: Replace the folder.
        json: Print the record as one JSON object on stdout.
    """
    from edgewise.data.atomic import refuse_to_overwrite

    if out is not None:
        refuse_to_overwrite(out, overwrite=overwrite)
    flags = {
        "write": (write is not None, zoo),
        "out": (out is not None, not zoo),
        "samples": (samples != 64, not learn),
    }
    _check_asked(module, sizes, zoo=zoo, learn=learn, flags=flags)
    if zoo:
        show_zoo(write, samples=samples, seed=seed, json=json)
        return
    if learn:
        show_learning(out, seed=seed, overwrite=overwrite, json=json)
        return
    assert module is not None  # for the type checker
    found = _measured(module, sizes.given(), samples, seed)
    from edgewise.audit.report import record

    plain = record(found) | {"argv": command_words()}
    say_notes(found.notes)
    if out is not None:
        _write(found, plain, out, overwrite=overwrite)
    if json:
        print_json(plain if out is None else plain | {"page": str(out / "audit.html")})
        return
    _show(plain)
    if out is not None:
        print(f"page: {out / 'audit.html'}")


def _check_asked(
    module: str | None, sizes: Sizes, *, zoo: bool, learn: bool, flags: dict[str, tuple[bool, bool]]
) -> None:
    """One thing is measured at a time, and what it does not need is refused.

    Args:
        flags: of each other flag whether it was named, and whether it is of use.

    Raises:
        ConfigError: for none or several of a module, --zoo and --learn, or flags that belong to another.
    """
    asked = [
        word for word, there in ((module, module is not None), ("--zoo", zoo), ("--learn", learn)) if there
    ]
    if len(asked) != 1:
        raise ConfigError(
            f"{' and '.join(map(str, asked))} at once" if asked else "nothing to audit",
            expected="a module or a run folder, or --zoo, or --learn",
            fix="e.g. edgewise audit my_models:make_net --entities 6 --features 8",
        )
    wrong = [f"--{name.replace('_', '-')}" for name in sizes.given()] if module is None else []
    wrong += [f"--{name}" for name, (named, of_use) in flags.items() if named and not of_use]
    if wrong:
        raise ConfigError(
            f"{', '.join(wrong)} with {asked[0]}",
            expected="sizes for a module, --write with --zoo, --samples without --learn, --out without --zoo",
            fix=f"drop {', '.join(wrong)}",
        )


def _measured(module: str, sizes: dict[str, Any], samples: int, seed: int) -> "Audit":
    from edgewise.audit import Axes
    from edgewise.audit import audit as measure
    from edgewise.audit.load import load_module

    if is_hub(module) or Path(module).is_dir():
        from edgewise.audit.runs import load_run

        run = load_run(run_folder(module), sizes, seed=seed)
        return measure(run.module, run.axes, samples=samples, seed=seed, relation=run.relation)
    axes = Axes(**sizes)
    named = load_module(module, axes, seed=seed)
    return measure(named.module, axes, samples=samples, seed=seed, factory=named.factory)


def _write(found: "Audit", plain: dict[str, Any], out: Path, *, overwrite: bool) -> None:
    """The folder, whole or not at all."""
    from edgewise.audit.picture import draw
    from edgewise.data.atomic import replacing
    from edgewise.folders import write_json
    from edgewise.report.audit_page import PICTURE, RECORD, write_audit_page

    with replacing(out, overwrite=overwrite) as draft:
        draft.mkdir()
        write_json(draft / RECORD, plain)
        draw(found, draft / PICTURE)
        write_audit_page(draft)


def _show(record: dict[str, Any]) -> None:
    """A line a symmetry, then influence and sharing."""
    head = f"{'symmetry':<14}{'measured as':<14}{'error':>10}{'95 % interval':>24}"
    print(f"{head}  {'verdict':<12}{'interior':<22}border")
    for name in record["symmetries"]:
        _show_symmetry(name, record[name])
    about, shared = record["influence"], record["sharing"]
    print(f"influence: {about['edges']} pairs of places, {100 * about['density']:.1f} % of all")
    for extent in about["receptive_field"]:
        over = ", over the ends" if extent["wraps"] else ""
        print(
            f"  along {extent['axis']}: {extent['back']} before, {extent['ahead']} after"
            f" ({extent['width']} of {extent['size']}{over})"
        )
    if about["causal"] is not None:
        pairs = counted(about["n_causality_violations"], "pair")
        print("  causal: " + ("yes" if about["causal"] else f"no, {pairs} of steps from later to earlier"))
    if about["given"] is not None:
        hops = about["given"]["hops"]
        within = "influence goes beyond it" if hops is None else f"all within {counted(hops, 'hop')}"
        print(f"  relation it was told: {within}")
    growth = shared["growth"]
    print(
        f"sharing: {shared['parameters']} parameters drive {shared['connections']} connections"
        f" ({number(shared['connections_per_parameter'])} each); growth with {shared['axis']}:"
        f" {growth if growth is not None else 'takes no other number'}"
    )
    if record["verdict"] is not None:
        _show_verdict(record["verdict"])


def _show_verdict(said: dict[str, Any]) -> None:
    """The terms of the survey's table, in a line."""
    within = "" if said["hops"] is None else f" within {counted(said['hops'], 'hop')}"
    print(
        f"verdict: entities {said['entities']}; relations {said['relations']}{within}; relational inductive bias"
        f" {said['bias']}; invariance {', '.join(said['invariance']) or '-'}"
    )


def _show_symmetry(name: str, symmetry: dict[str, Any]) -> None:
    interval = "-"
    if symmetry["error"] is not None:
        interval = f"{number(symmetry['low'])} to {number(symmetry['high'])}"
    parts = [
        "-" if part is None else f"{number(part['error'])} {part['verdict']}"
        for part in (symmetry["interior"], symmetry["border"])
    ]
    print(
        f"{name:<14}{symmetry['kind']:<14}{number(symmetry['error']):>10}{interval:>24}  {symmetry['verdict']:<12}"
        f"{parts[0]:<22}{parts[1]}".rstrip()
    )
