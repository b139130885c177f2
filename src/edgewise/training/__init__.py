"""One training loop, its batches and its checkpoints."""

from edgewise.training.batches import batch_indices
from edgewise.training.checkpoint import Checkpoint, Checkpoints
from edgewise.training.curves import settled
from edgewise.training.fit import Deadline, Progress, Task, fit, step_seed
from edgewise.training.schedule import cosine
from edgewise.training.tracking import TensorBoard

__all__ = [
    "Checkpoint",
    "Checkpoints",
    "Deadline",
    "Progress",
    "Task",
    "TensorBoard",
    "batch_indices",
    "cosine",
    "fit",
    "settled",
    "step_seed",
]
