"""The forms of a data set under laws that have not seen it, decoys included."""

import torch
from torch import Tensor

from edgewise.inference.confidence.decoys import DecoyedObservations, decoy_messages
from edgewise.inference.confidence.folds import FoldedObservations
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.model import QuadraticForm, SuperpositionModel

PAIRS = 1 << 20
"""Pairs and frames that a law is evaluated on at once: bounds memory."""


class CrossFitted:
    """Two laws, each for the frames of the fold that it was not fitted on; for `whole_form`.

    The forms are in units of the laws' noise, so that those of both laws may be added: their level is 1, and the log
    likelihood is divided by each law's temperature. For `DecoyedObservations` the decoys' columns follow those of the
    real candidates (2 * n_candidates slots); own motion and the shape of the noise see the real entities only.

    Args:
        laws: laws[f] is for the frames of fold f.
        temperatures: one a law.
    """

    def __init__(
        self, laws: tuple[SuperpositionModel, ...], temperatures: tuple[float, ...] = (1.0, 1.0)
    ) -> None:
        self.laws, self.temperatures = laws, temperatures
        self.gain = laws[0].gain
        self.null = all(bool(law.null) for law in laws)

    @torch.no_grad()
    def __call__(self, batch: Observations, window: int = 0, /) -> QuadraticForm:
        assert isinstance(batch, FoldedObservations)
        forms = []
        for fold, law in enumerate(self.laws):
            inside = batch.fold == fold
            rows = inside.any(1).nonzero()[:, 0]
            number = max(1, PAIRS // (batch.target.shape[1] * (2 * batch.n_entities) ** 2))
            for some in rows.split(number):
                form = self._form(law, batch[some], inside[some], window)
                forms.append((some, in_units_of_noise(form, law.level.double(), self.temperatures[fold])))
        index = torch.cat([some for some, _ in forms])
        parts = {
            name: torch.cat([getattr(form, name) for _, form in forms])
            for name in QuadraticForm.__annotations__
        }
        return QuadraticForm(**parts).summed(index, len(batch))

    def _form(
        self, law: SuperpositionModel, batch: FoldedObservations, inside: Tensor, window: int
    ) -> QuadraticForm:
        own, messages, log_sigma = law.terms(batch)
        if isinstance(batch, DecoyedObservations):
            messages = torch.cat([messages, decoy_messages(law, batch)], 3)
        return law.form_of(_masked(batch, inside), own, messages, log_sigma, window=window)


def _masked(batch: FoldedObservations, inside: Tensor) -> Observations:
    parts = {name: getattr(batch, name) for name in Observations.__annotations__}
    return Observations(**parts | {"weight": batch.weight * inside[:, :, None, None]})


def in_units_of_noise(form: QuadraticForm, level: Tensor, temperature: float) -> QuadraticForm:
    """The form of a law at level 1, with the log likelihood divided by a temperature.

    Squares are divided by level and temperature, numbers observed (which count where gains are profiled) by the latter.
    """
    return QuadraticForm(
        gram=form.gram / (level * temperature),
        cross=form.cross / (level * temperature),
        square=form.square / (level * temperature),
        log_scale=form.log_scale / temperature,
        count=form.count / temperature,
    )
