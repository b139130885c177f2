"""edgewise audit package.module:factory --entities 6 --features 8"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from edgewise.cli.options import Flag, names
from edgewise.cli.out import number, print_json, say_notes
from edgewise.cli.words import command_words
from edgewise.errors import ConfigError

if TYPE_CHECKING:
    from edgewise.audit import Audit


def audit(
    module: str,
    /,
    *,
    entities: int | None = None,
    features: int | None = None,
    steps: int | None = None,
    grid: str | None = None,
    spatial: str | None = None,
    vectors: str | None = None,
    edge_features: int | None = None,
    samples: int = 64,
    seed: int = 0,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Measure the inductive bias of a network: its symmetries, who can influence whom, which weights it shares.

    Inputs are drawn with the shape batch, entity, feature; with --steps batch, entity, time, feature (without entities
    batch, time, feature); with --grid batch, feature, then the grid.

    Args:
        module: package.module:factory, which gives a torch.nn.Module (the current folder can be imported from); or a run
            folder of `edgewise train` or `edgewise infer`, whose axes are known.
        entities: Number of entities.
        features: Numbers an entity, a step or a position of the grid has; 1 if not given.
        steps: Number of steps in time.
        grid: Sizes of a grid, e.g. 8,8.
        spatial: Which features are coordinates, counted from 0, e.g. 0,1.
        vectors: Which features are vectors that turn with the coordinates, such as velocities, e.g. 2,3.
        edge_features: Numbers an edge has, for a module that reads edges.
        samples: Random inputs that errors are averaged over.
        seed: Of the inputs, of the group elements, and of torch when the factory is called.
        out: A folder for audit.json, influence.png and audit.html; it must not exist.
        overwrite: Replace the folder.
        json: Print the record as one JSON object on stdout.
    """
    from edgewise.data.atomic import refuse_to_overwrite

    if out is not None:
        refuse_to_overwrite(out, overwrite=overwrite)
    sizes = {
        "entities": entities,
        "features": features,
        "steps": steps,
        "grid": _numbers("grid", grid),
        "spatial": _numbers("spatial", spatial),
        "vectors": _numbers("vectors", vectors),
        "edge_features": edge_features,
    }
    found = _measured(module, {name: value for name, value in sizes.items() if value is not None}, samples, seed)
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


def _measured(module: str, sizes: dict[str, Any], samples: int, seed: int) -> "Audit":
    from edgewise.audit import Axes
    from edgewise.audit import audit as measure
    from edgewise.audit.load import load_module

    if ":" not in module or Path(module).is_dir():
        from edgewise.audit.runs import load_run

        run = load_run(Path(module), sizes, seed=seed)
        return measure(run.module, run.axes, samples=samples, seed=seed, relation=run.relation)
    axes = Axes(**sizes)
    named = load_module(module, axes, seed=seed)
    return measure(named.module, axes, samples=samples, seed=seed, factory=named.factory)


def _numbers(name: str, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(word) for word in names(text) or [])
    except ValueError as error:
        raise ConfigError(f"--{name} {text}", expected="whole numbers separated by commas, e.g. 8,8") from error


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
    print(f"{'symmetry':<14}{'measured as':<14}{'error':>10}{'95 % interval':>24}  {'verdict':<12}{'interior':<22}border")
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
        count = about["n_causality_violations"]
        print("  causal: " + ("yes" if about["causal"] else f"no, {count} pairs of steps from later to earlier"))
    if about["given"] is not None:
        hops = about["given"]["hops"]
        print(f"  relation it was told: {'influence goes beyond it' if hops is None else f'all within {hops} hops'}")
    growth = shared["growth"]
    print(
        f"sharing: {shared['parameters']} parameters drive {shared['connections']} connections"
        f" ({number(shared['connections_per_parameter'])} each); growth with {shared['axis']}:"
        f" {growth if growth is not None else 'takes no other number'}"
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
