"""What the section of a rollout says in words and tables; the scripts draw the rest."""

from statistics import median
from typing import Any

from edgewise.report.folder import Json
from edgewise.report.formatting import number, percent, plain
from edgewise.report.tables import Cell, Row, Table

ERROR_STEPS = (1, 10, 100)
"""Steps whose errors are in the table, beside the last that was recorded."""
MANY_TIMES = 10
"""A change from which on it is said in multiples of what it is a change of."""


def context(record: Json | None) -> dict[str, Any] | None:
    """What the template of the section is filled with; None without a rollout."""
    if record is None:
        return None
    systems = record["systems"]
    return {
        "lead": _lead(record),
        "warning": _warning(record["diverged"]),
        "notes": [str(note) for note in record["notes"]],
        "systems": [str(system["name"]) for system in systems],
        "has_truth": any(system.get("truth") for system in systems),
        "flat": len(systems[0]["x"][0][0]) <= 2,
        "drift": _drift(record),
        "energy": bool(record["energy"]),
        "momentum": bool(record["momentum"]),
        "errors": _errors(record),
        "unit": record.get("unit"),
    }


def _lead(record: Json) -> str:
    n_systems, unit = len(record["systems"]), record.get("time_unit")
    who = "One system" if n_systems == 1 else f"{n_systems} systems"
    step = f"{plain(record['dt'])} {unit}" if unit else plain(record["dt"])
    return (
        f"{who}, rolled {record['steps']:,} steps of {step} by what was learnt: each step starts from the one before,"
        " and no recorded state enters after the start."
    )


def _warning(diverged: Json | None) -> str | None:
    if diverged is None:
        return None
    return (
        f"Stopped at step {diverged['step']:,}: {diverged['entity']!r} of recording {diverged['sequence']!r}"
        f" {diverged['reason']}."
        " The steps before it are shown."
    )


def _drift(record: Json) -> Table | None:
    """The largest change of energy and momentum, median and worst system; None where neither is known."""
    rows = []
    for name in ("energy", "momentum"):
        known = record[name]
        for who, key in ((name, "drift"), (f"{name}, recording", "drift_truth")):
            values = [value for value in (known or {}).get(key) or [] if value is not None]
            if values:
                cells = (Cell(_share(median(values))), Cell(_share(max(values))))
                rows.append(Row(who.capitalize(), cells, ours=key == "drift"))
    return Table(("median system", "worst system"), tuple(rows)) if rows else None


def _share(value: float) -> str:
    """A change in per cent; a very large one in multiples."""
    return percent(value) if value < MANY_TIMES else f"{number(value)} times"


def _errors(record: Json) -> Table | None:
    """Errors against the recording at some steps; None where nothing was recorded after the start."""
    error = record["error"]
    if not error:
        return None
    last = len(error["rmse"])
    steps = sorted({*(step for step in ERROR_STEPS if step < last), last})
    named = [("edgewise", error["rmse"], True), ("constant velocity", error["constant_velocity"], False)]
    known = [(name, values, ours) for name, values, ours in named if values]
    rows = []
    for name, values, ours in known:
        at = [values[step - 1] for step in steps]
        least = [
            min((v[step - 1] for _, v, _ in known if v[step - 1] is not None), default=None) for step in steps
        ]
        pairs = zip(at, least, strict=True)
        cells = tuple(Cell(number(value), best=value is not None and value == best) for value, best in pairs)
        rows.append(Row(name, cells, ours=ours))
    return Table(tuple(f"{step:,} step{'s' if step > 1 else ''}" for step in steps), tuple(rows))
