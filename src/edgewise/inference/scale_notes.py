"""Do new recordings have the scales of those that a law was fitted on?"""

import numpy as np
import xarray as xr

from edgewise.data.roles import clock
from edgewise.data.wording import quoted
from edgewise.inference.encoding import Encoding

FAR = 300.0
"""Factor from which on a spread is another: one that data of one kind hardly differ by, and other units (1,000) do."""
RATE = 0.1
"""Share by which the time step may differ: effects of a longer step are not those of a shorter one, many times."""


def scale_notes(ds: xr.Dataset, encoding: Encoding) -> list[str]:
    """What new data have in another size than the data of the fit: the spread of features, the time step.

    Args:
        ds: validated data with the features of the encoding.
        encoding: that of the fitted law.
    """
    known = {
        encoding.position: encoding.length,
        encoding.velocity: encoding.speed,
        **{(name,): scale for name, scale in zip(encoding.others, encoding.other_scale, strict=False)},
    }
    notes = []
    for names, before in known.items():
        found = _spread(ds, names)
        if found > 0 and not 1 / FAR < found / before < FAR:
            notes.append(
                f"{quoted(names)} spread{'s' if len(names) == 1 else ''} over"
                f" {found:.3g} in these recordings and {before:.3g} in those of the fit: is it another unit? The law"
                " was never fitted there, so do not rely on these graphs. Convert the column to the unit of the fit."
            )
    step = _step(ds)
    if abs(step / encoding.step - 1) > RATE:
        notes.append(
            f"These recordings have a time step of {step:.4g}, those of the fit {encoding.step:.4g}. Changes are"
            " divided by their step, which only makes up for a small difference; if the unit of time is the same,"
            f" bring them to one rate: `edgewise convert --resample {encoding.step:.4g}` (edgewise.data.resample)."
        )
    return notes


def _spread(ds: xr.Dataset, names: tuple[str, ...]) -> float:
    """Root mean square over the features of their standard deviations; 0 where nothing is known."""
    present = [ds[name].to_numpy() for name in names if name in ds]
    deviations = [float(np.nanstd(values)) for values in present if not np.isnan(values).all()]
    return float(np.sqrt(np.mean(np.square(deviations)))) if deviations else 0.0


def _step(ds: xr.Dataset) -> float:
    steps = np.diff(clock(ds), axis=1)
    return float(np.median(steps[np.isfinite(steps)]))
