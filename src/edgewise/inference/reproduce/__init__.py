"""The tables of Kipf et al. 2018 (Neural Relational Inference), made anew."""

from edgewise.inference.reproduce.cells import CELLS, FORECAST_CELLS, TABLES, Cell, cells_named
from edgewise.inference.reproduce.record import TableRecord
from edgewise.inference.reproduce.run import planned, reproduce
from edgewise.inference.reproduce.table import shortfalls, table_text
from edgewise.inference.reproduce.trial import Trial

__all__ = [
    "CELLS",
    "FORECAST_CELLS",
    "TABLES",
    "Cell",
    "TableRecord",
    "Trial",
    "cells_named",
    "planned",
    "reproduce",
    "shortfalls",
    "table_text",
]
