"""The page of an audit: which symmetries a module keeps, who can influence whom in it, which weights it shares."""

import base64
from pathlib import Path
from typing import Any

from edgewise.report import inline
from edgewise.report.folder import Json, read_record
from edgewise.report.formatting import count, number, percent, plain
from edgewise.report.page import filled, write_atomically
from edgewise.report.tables import Cell, Row, Table, command_line

TEMPLATE = "audit.html.j2"
RECORD, PICTURE, PAGE = "audit.json", "influence.png", "audit.html"
LABELS = {
    "permutation": "Permutation",
    "time_shift": "Shift in time",
    "translation": "Translation",
    "rotation": "Rotation",
    "reflection": "Reflection",
    "scaling": "Scaling",
    "edges": "Order of the edges",
}
KEYS = ("symmetries", "influence", "sharing", "random", "verdict", "module", "axes", "notes")
WORDS = ("exact", "approximate", "broken")
LISTED = 12
"""Causality violations that the page lists."""


def write_audit_page(folder: Path) -> Path:
    """Write the page of a folder that holds the record and the picture of an audit.

    Raises:
        RunError: if a record is missing or damaged, or the page cannot be written.
    """
    record = read_record(folder, RECORD, KEYS, "run `edgewise audit --out` again")
    picture = (folder / PICTURE).read_bytes()
    target = folder / PAGE
    write_atomically(target, filled(TEMPLATE, context(record, picture)))
    return target


def context(record: Json, picture: bytes) -> dict[str, Any]:
    """What the template is filled with."""
    return {
        "title": f"{record['module']} – edgewise audit",
        "eyebrow": f"audit of {record['module']}",
        "run": {"edgewise": record.get("edgewise", ""), "notes": record["notes"]},
        "headline": {"found": found(record), "checked": checked(record)},
        "checked_known": not record["random"],
        "tiles": tiles(record),
        "symmetries": symmetry_table(record),
        "remarks": [
            (LABELS[name], record[name]["note"]) for name in record["symmetries"] if record[name]["note"]
        ],
        "verdict": verdict(record),
        "influence": record["influence"],
        "reach": record["influence"]["receptive_field"],
        "violations": (record["influence"]["causality_violations"] or [])[:LISTED],
        "picture": f"data:image/png;base64,{base64.b64encode(picture).decode()}",
        "sharing_facts": sharing_facts(record["sharing"]),
        "input_facts": input_facts(record),
        "command": command_line([str(word) for word in record.get("argv", [])]),
        "scripts": [],
        "data": inline.data({}),
    }


def found(record: Json) -> str:
    """The headline: which symmetries are kept."""
    if record["random"]:
        return "The module is random at evaluation, so its symmetries cannot be told."
    by: dict[str, list[str]] = {word: [] for word in WORDS}
    for name in record["symmetries"]:
        by[record[name]["verdict"]].append(LABELS[name].lower() + _inside(record[name]))
    parts = [f"{word}: {', '.join(names)}" for word, names in by.items() if names]
    return f"Symmetries – {'; '.join(parts)}."


def verdict(record: Json) -> str:
    """The terms of Battaglia et al. (2018, table 1), in a sentence; empty for a random module."""
    said = record["verdict"]
    if not said:
        return ""
    hops = said["hops"]
    within = "" if hops is None else f" within {hops} hop{'' if hops == 1 else 's'}"
    return (
        f"entities: {said['entities']}; relations: {said['relations']}{within}; relational inductive bias:"
        f" {said['bias']}; invariance: {', '.join(said['invariance']) or 'none'}"
    )


def _inside(symmetry: Json) -> str:
    """Where a symmetry is kept better away from the ends, how well."""
    interior = symmetry["interior"]
    if interior is None or WORDS.index(interior["verdict"]) >= WORDS.index(symmetry["verdict"]):
        return ""
    return f" ({interior['verdict']} away from the ends)"


def checked(record: Json) -> str:
    """How it was measured, in a sentence."""
    shape = ", ".join(plain(size) for size in record["output"]["shape"])
    return f"Measured at {record['samples']} random inputs in {record['dtype']}; the answer has the shape [{shape}]."


def tiles(record: Json) -> list[dict[str, str]]:
    """The key numbers."""
    about, shared = record["influence"], record["sharing"]
    return [
        {
            "label": "Pairs with influence",
            "value": percent(about["density"]),
            "note": f"{count(about['edges'])} pairs of places",
        },
        causal(about),
        {"label": "Parameters", "value": count(shared["parameters"]), "note": f"growth: {growth(shared)}"},
        {
            "label": "Connections a parameter",
            "value": number(shared["connections_per_parameter"]),
            "note": f"{count(shared['connections'])} connections",
        },
    ]


def causal(about: Json) -> dict[str, str]:
    """Whether answers depend on later steps."""
    n = about["n_causality_violations"]
    value, note = {
        True: ("yes", "no answer depends on a later step"),
        False: ("no", f"{n} pair{'' if n == 1 else 's'} of steps from later to earlier"),
        None: ("–", "the answer has no steps"),
    }[about["causal"]]
    return {"label": "Causal", "value": value, "note": note}


def growth(shared: Json) -> str:
    """How the number of parameters grows, in words."""
    if shared["growth"] is None:
        return f"takes one number of {shared['axis']} only"
    return f"{shared['growth']} with {shared['axis']}"


def symmetry_table(record: Json) -> Table:
    """A row a symmetry."""
    rows = tuple(_row(LABELS[name], record[name]) for name in record["symmetries"])
    return Table(("What is measured", "Of", "Error", "95 % interval", "Verdict", "Interior", "Border"), rows)


def _row(label: str, symmetry: Json) -> Row:
    interval = "–"
    if symmetry["error"] is not None:
        interval = f"{number(symmetry['low'])} to {number(symmetry['high'])}"
    texts = [symmetry["kind"], symmetry["of"], number(symmetry["error"]), interval, symmetry["verdict"]]
    texts += [_part(symmetry[name]) for name in ("interior", "border")]
    return Row(label, tuple(Cell(text) for text in texts))


def _part(estimate: Json | None) -> str:
    return "–" if estimate is None else f"{number(estimate['error'])}, {estimate['verdict']}"


def sharing_facts(shared: Json) -> list[tuple[str, str]]:
    """Parameters, connections, and what larger inputs cost."""
    facts = [
        ("Parameters", count(shared["parameters"])),
        ("Connections", count(shared["connections"])),
        ("Connections a parameter", number(shared["connections_per_parameter"])),
        *(
            (f"Parameters at {size} {shared['axis']}", count(n))
            for size, n in shared["parameters_at"].items()
        ),
        ("Growth", growth(shared)),
    ]
    return [*facts, ("The module said", shared["message"])] if shared["message"] else facts


def input_facts(record: Json) -> list[tuple[str, str]]:
    """What it was measured on."""
    axes = {
        name.replace("_", " ").capitalize(): plain(value) for name, value in record["axes"].items() if value
    }
    return [*axes.items(), ("Samples", plain(record["samples"])), ("Seed", plain(record["seed"]))]
