"""How the figures of one metric are written: their unit, and no more decimals than their spread allows."""

import math
from dataclasses import dataclass, replace

from edgewise.report.formatting import DASH, NARROW, number
from edgewise.report.training.records import Scores

LABELS = {
    "accuracy": "accuracy",
    "rmse": "RMSE",
    "mae": "MAE",
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "r2": "R²",
    "f1": "F1",
}
PLUS_MINUS = "\u00a0±\u00a0"
"""Between spaces that do not break."""

MOST_DECIMALS = 9
MOST_PLAIN = 6
"""Figures that would need more decimals are written with a power of ten."""
LONGEST = 8
"""A published figure of more characters is not shown as it stands in the record."""


@dataclass(frozen=True)
class Scale:
    """Writes figures of one metric.

    Args:
        metric: its name in the records.
        unit: `%`, the unit of the target, or nothing.
        decimals: of a figure.
    """

    metric: str
    unit: str
    decimals: int

    @property
    def label(self) -> str:
        return LABELS.get(self.metric.lower(), self.metric or "figure")

    @property
    def label_with_unit(self) -> str:
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def gap_decimals(self) -> int:
        """Of a difference or a standard error; per cent have few enough to need one more."""
        return min(MOST_DECIMALS, self.decimals + 1) if self.unit == "%" else self.decimals

    def bare(self, value: float | None) -> str:
        """The figure without its unit."""
        if value is not None and self.decimals > MOST_PLAIN:
            return _minus(number(value))
        return DASH if value is None else _fixed(value, self.decimals)

    def given(self, value: float) -> str:
        """A figure of others with the digits that they gave."""
        text = repr(value)
        return _minus(text) if len(text) <= LONGEST and "e" not in text else self.bare(value)

    def gap(self, value: float) -> str:
        """The size of a difference."""
        digits = self.gap_decimals
        if digits > MOST_PLAIN:
            return number(abs(value))
        least = 10.0**-digits
        if 0 < abs(value) < least / 2:
            return f"less than {least:.{digits}f}"
        return _fixed(abs(value), digits)

    def signed(self, value: float) -> str:
        """A difference with its sign."""
        text = self.bare(value)
        is_zero = text.strip("−0.") == ""
        return f"+{text}" if value > 0 and not is_zero else text

    def signed_gap(self, value: float) -> str:
        return replace(self, decimals=self.gap_decimals).signed(value)

    def with_unit(self, text: str) -> str:
        return f"{text}{NARROW if self.unit == '%' else ' '}{self.unit}" if self.unit else text

    def gap_with_unit(self, value: float) -> str:
        """`0.11 percentage points`: a difference of two per cents is not per cent of either."""
        unit = "percentage points" if self.unit == "%" else self.unit
        return f"{self.gap(value)} {unit}".rstrip()

    def spread(self, mean: float | None, sd: float | None) -> str:
        """`81.6 % ± 0.5`, or `0.580 ± 0.030 log mol/L`; without an sd the mean alone."""
        return self.plus_minus(self.bare(mean), None if sd is None else self.bare(sd))

    def plus_minus(self, figure: str, sd: str | None) -> str:
        """The same of texts: the unit closes the figure, but a per cent sign stands at the figure itself."""
        if sd is None:
            return self.with_unit(figure)
        spread = f"{PLUS_MINUS}{sd}"
        return self.with_unit(figure) + spread if self.unit == "%" else self.with_unit(figure + spread)


def scale_of(scores: Scores) -> Scale:
    return Scale(scores.metric, scores.unit, _decimals(scores))


def significant(value: float | None, digits: int) -> int:
    """How many decimals show so many significant digits of a value.

    >>> significant(0.0312, 2), significant(2.9, 3), significant(480.0, 3)
    (3, 2, 0)
    """
    if not value:
        return 0
    return min(MOST_DECIMALS, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def _decimals(scores: Scores) -> int:
    """Two digits of the sd (one of per cent, which need at least one decimal), or three of a figure."""
    if scores.unit == "%":
        return max(1, significant(scores.sd, 1))
    if scores.sd:
        return significant(scores.sd, 2)
    figures = (scores.mean, scores.published and scores.published.value, *(x for _, x in scores.baselines))
    return significant(next((figure for figure in figures if figure), None), 3)


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return _minus(text if float(text) else text.lstrip("-"))


def _minus(text: str) -> str:
    return text.replace("-", "−")
