"""A task small enough to count its steps."""

import torch
from torch import Tensor, nn

from edgewise.training import batch_indices


class Line:
    """Fits a line to 13 points, 4 of them a step, by its own record of the losses."""

    name = "line"
    clip: float | None = 1.0
    precision = "no"
    seed: int | None = None

    def __init__(self, steps: int | None = 30, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(7)
        self.x = torch.randn(13, 3, generator=generator)
        self.y = self.x @ torch.tensor([1.0, -2.0, 0.5]) + 0.1
        torch.manual_seed(seed)
        self.module: nn.Module = nn.Linear(3, 1)
        self.order, self.steps = seed, steps
        self.losses: list[float] = []
        self.asked_to_wind_down: list[tuple[int, int]] = []

    def loss(self, module: nn.Module, step: int) -> Tensor:
        picked = batch_indices(self.order, step, len(self.x), 4)
        return (module(self.x[picked])[:, 0] - self.y[picked]).square().mean()

    def learning_rate(self, step: int) -> float:
        return 0.05 / (1 + step / 10)

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.module.parameters(), lr=1.0, betas=(0.9, 0.99))

    def figures(self) -> dict[str, float]:
        return {"steps": float(len(self.losses))}

    def after(self, step: int, loss: float) -> None:
        self.losses.append(loss)

    def steps_left(self, step: int) -> int | None:
        return None if self.steps is None else max(self.steps - step, 0)

    def wind_down(self, step: int, steps: int) -> None:
        self.asked_to_wind_down.append((step, steps))
        self.steps = step + steps

    def state(self) -> dict:
        return {"losses": self.losses}

    def restore(self, state: dict) -> None:
        self.losses = list(state["losses"])
