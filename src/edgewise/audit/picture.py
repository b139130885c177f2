"""The picture of an audit: who can influence whom, a panel an axis."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgewise.audit.audit import Audit
from edgewise.audit.axes import ENTITY, GRID, TIME

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Panel
    from matplotlib.figure import Figure

PATH_ONLY = 1e-3
"""Where an influence has no gradient it is drawn as weak as this share of the strongest."""
PLACES = {ENTITY: "entity", TIME: "step", GRID: "position"}


def draw(found: Audit, path: Path) -> None:
    """Strengths on a logarithmic scale; white is no influence.

    Rows are places of the answer (receivers), columns places of the input (senders). Of a grid with two axes, what
    the place in the middle sees is drawn as a map beside it.
    """
    from matplotlib.figure import Figure

    axes = list(found.influence.senders)
    grid = found.axes.grid
    as_map = grid is not None and len(grid) == 2 and found.layout.has(GRID)
    n = len(axes) + as_map
    figure = Figure(figsize=(1.0 + 4.2 * n, 4.2), layout="constrained")
    for k, axis in enumerate(axes):
        panel = figure.add_subplot(1, n, k + 1)
        _matrix(figure, panel, _shown(found, axis), PLACES[axis])
        if found.layout.has(axis):
            panel.set_ylabel(f"{PLACES[axis]} of the answer (receiver)")
        else:
            panel.set_ylabel("the whole answer")
            panel.set_yticks([])
    if as_map and grid is not None:
        _map(figure, figure.add_subplot(1, n, n), _shown(found, GRID), grid)
    figure.savefig(path, dpi=150)


def _shown(found: Audit, axis: str) -> np.ndarray:
    """Strengths, NaN where there is no influence: [of the answer, of the input]."""
    about = found.influence
    there, strength = about.pattern(axis), about.between(about.strength, axis)
    largest = strength.max(initial=0.0) or 1.0
    return np.where(there, np.maximum(strength, PATH_ONLY * largest * (strength == 0)), np.nan)


def _matrix(figure: "Figure", panel: "Panel", values: np.ndarray, name: str) -> None:
    _image(figure, panel, values)
    panel.set_xlabel(f"{name} of the input (sender)")
    panel.set_title(f"between {name}s" if len(values) > 1 else f"from {name}s")


def _map(figure: "Figure", panel: "Panel", values: np.ndarray, grid: tuple[int, ...]) -> None:
    middle = np.ravel_multi_index(tuple(size // 2 for size in grid), grid)
    _image(figure, panel, values[middle].reshape(grid))
    panel.plot(grid[1] // 2, grid[0] // 2, marker="+", color="white", markersize=10, markeredgewidth=2)
    panel.set_title("what the middle (+) sees")
    panel.set_xlabel("column")
    panel.set_ylabel("row")


def _image(figure: "Figure", panel: "Panel", values: np.ndarray) -> None:
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import MaxNLocator

    known = values[np.isfinite(values)]
    high = float(known.max()) if known.size else 1.0
    low = max(float(known.min()) if known.size else 1.0, 1e-6 * high)
    norm = LogNorm(low / 1.0001, high * 1.0001)
    aspect = "equal" if len(values) > 1 else "auto"
    image = panel.imshow(values, norm=norm, cmap="viridis", aspect=aspect, interpolation="nearest")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    figure.colorbar(image, ax=panel, shrink=0.8, label="norm of the block of the Jacobian")
