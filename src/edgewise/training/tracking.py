"""The course of a training for TensorBoard (extra `tracking`)."""

from pathlib import Path
from types import TracebackType
from typing import Self

from edgewise.errors import ConfigError
from edgewise.training.fit import Progress


class TensorBoard:
    """A context that takes `Progress` records and writes their loss and figures, a curve a phase.

    Args:
        folder: where TensorBoard's event files go.

    Raises:
        ConfigError: without the package tensorboard.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError(
                f"--tensorboard {folder}: the package tensorboard is not installed",
                expected="the extra `tracking`",
                fix="pip install 'edgewise[tracking]'",
            ) from error
        self.writer = SummaryWriter(str(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()

    def __call__(self, progress: Progress) -> None:
        for name, value in {"loss": progress.loss, **progress.figures}.items():
            self.writer.add_scalar(f"{name}/{progress.phase}", value, progress.step)
