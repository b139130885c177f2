"""What a run of central forces shows: found masses beside true ones, the law of distance, errors over long times."""

from dataclasses import dataclass
from typing import Any

from edgewise.report.formatting import DASH
from edgewise.report.training.fields import Fields

Numbers = tuple[float | None, ...]


@dataclass(frozen=True)
class Mass:
    """A body: what was found for it, the truth where it is known, and their relative difference."""

    entity: str
    found: float | None
    true: float | None
    relative_error: float | None


@dataclass(frozen=True)
class CentralForces:
    """The record of the task "central-forces".

    Args:
        length, time, mass_unit: units; `mass_unit` is empty where masses are relative.
        law: "power" or "free", the one that forecasts.
        exponent: of the power law, with its standard error.
        correlation: of the logarithms of found and true masses.
        distance, power, free: the laws over the distances that occur; `free` is empty where it was not fitted.
        stamps, errors: of the long forecast, a series a body.
    """

    length: str
    time: str
    mass_unit: str
    law: str
    exponent: float | None
    standard_error: float | None
    correlation: float | None
    masses: tuple[Mass, ...]
    distance: Numbers
    power: Numbers
    free: Numbers
    stamps: Numbers
    errors: tuple[tuple[str, Numbers], ...]


def read_forces(preview: Fields) -> CentralForces:
    """The record from its fields; what is absent stays empty.

    Raises:
        RunError: for values of another type.
    """
    curves, ahead = preview.inside("curves"), preview.inside("long_forecast")
    errors = None if ahead is None else ahead.inside("errors")
    return CentralForces(
        length=preview.text("length"),
        time=preview.text("time"),
        mass_unit=preview.text("mass_unit"),
        law=preview.text("law"),
        exponent=preview.number("exponent"),
        standard_error=preview.number("exponent_standard_error"),
        correlation=preview.number("log_mass_correlation"),
        masses=tuple(_mass(entry) for entry in preview.entries("masses")),
        distance=() if curves is None else curves.numbers("distance"),
        power=() if curves is None else curves.numbers("power"),
        free=() if curves is None else curves.numbers("free"),
        stamps=() if ahead is None else ahead.numbers("time"),
        errors=() if errors is None else tuple((name, errors.numbers(name)) for name in errors.values),
    )


def _mass(entry: Fields) -> Mass:
    found, true, error = (entry.number(key) for key in ("found", "true", "relative_error"))
    return Mass(entry.text("entity"), found, true, error)


def forces_context(forces: CentralForces) -> dict[str, Any]:
    """What the template of the section is filled with."""
    facts = [
        ("exponent of the power law", _with_error(forces.exponent, forces.standard_error)),
        ("law that forecasts", forces.law or DASH),
        ("correlation of log masses", _written(forces.correlation, ".12g")),
    ]
    rows = [
        {
            "entity": mass.entity,
            "cells": (
                _written(mass.found, ".8g"),
                _written(mass.true, ".8g"),
                _written(mass.relative_error, "+.1e"),
            ),
        }
        for mass in forces.masses
    ]
    return {
        "kind": "central-forces",
        "law_facts": facts,
        "mass_unit": forces.mass_unit,
        "length": forces.length,
        "mass_rows": rows,
        "known_masses": any(mass.true is not None for mass in forces.masses),
        "long": any(series for _, series in forces.errors),
        "n_predictions": len(rows),
    }


def drawn_forces(forces: CentralForces) -> dict[str, Any]:
    """What the scripts draw."""
    known = [mass for mass in forces.masses if mass.found and mass.true]
    return {
        "length": forces.length,
        "time": forces.time,
        "mass_unit": forces.mass_unit,
        "names": [mass.entity for mass in known],
        "true": [mass.true for mass in known],
        "found": [mass.found for mass in known],
        "distance": list(forces.distance),
        "power": list(forces.power),
        "free": list(forces.free),
        "stamps": list(forces.stamps),
        "errors": [{"name": name, "values": list(values)} for name, values in forces.errors],
    }


def _with_error(value: float | None, error: float | None) -> str:
    if value is None:
        return DASH
    return _written(value, ".10g") + ("" if error is None else f" ± {error:.1e}".replace("-", "−"))


def _written(value: float | None, form: str) -> str:
    return DASH if value is None else f"{value:{form}}".replace("-", "−")
