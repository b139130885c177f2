"""One training loop, its batches and its checkpoints."""

from edgewise.training.checkpoint import Checkpoint, Checkpoints
from edgewise.training.fit import Deadline, Progress, Task, batch_indices, fit, settled

__all__ = ["Checkpoint", "Checkpoints", "Deadline", "Progress", "Task", "batch_indices", "fit", "settled"]
