"""What is doubtful about trajectories that can be used all the same: a sentence or two a doubt, and what to do.

What cannot be used is refused by `edgewise.data.gate`; this is for data that follow the schema. Each file asks one
question. All of them together read the data a few times at most, and no pair of entities is compared.
"""

from __future__ import annotations

import xarray as xr

from edgewise.data.inspection.clocks import check_shared_clock, clock_notes, clocks_apart
from edgewise.data.inspection.placeholders import placeholder_notes
from edgewise.data.inspection.presence import presence_notes, size_notes
from edgewise.data.inspection.rates import rate_notes
from edgewise.data.inspection.series import series_notes
from edgewise.data.inspection.units import unit_notes

__all__ = ["check_shared_clock", "inspect"]


def inspect(ds: xr.Dataset, *, needed: int = 2, shared: bool = False, candidates: int = 0) -> list[str]:
    """What a reader of results from these data should know; nothing where all is well.

    - the clock: steps that differ, gaps, recordings at another rate, entities that do not share stamps or have a
      slower rate;
    - units: entities, recordings or frames whose numbers are about 1,000 times those of the others;
    - placeholders: numbers such as -999 that seem to stand for nothing;
    - series: what never changes, and entities that are copies of each other;
    - presence: entities seen for a frame or two, fewer frames than entities.

    The truth, if there is one, is not read.

    Args:
        ds: a validated data set.
        needed: frames in a row that the law needs of an entity to explain one change of its motion.
        shared: whether one graph is sought for all sequences.
        candidates: how many entities may act on one; 0: all others.

    Returns:
        One text a doubt: what was found, where, what it means and what to do.
    """
    apart, rates = clocks_apart(ds), rate_notes(ds)
    one_clock = apart is None and not rates  # on one clock, entities are seen more often
    return [
        *(clock_notes(ds) if apart is None else [apart.note]),
        *(rates if apart is None else []),
        *placeholder_notes(ds),
        *unit_notes(ds),
        *series_notes(ds),
        *(presence_notes(ds, needed, shared=shared) if one_clock else []),
        *size_notes(ds, candidates),
    ]
