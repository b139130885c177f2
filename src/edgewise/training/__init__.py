"""One training loop, its batches and its checkpoints."""

from edgewise.training.averaging import LastWeights
from edgewise.training.batches import TokenBatches, batch_indices
from edgewise.training.checkpoint import Checkpoint, Checkpoints
from edgewise.training.curves import settled
from edgewise.training.fit import Deadline, Progress, Task, fit, step_seed
from edgewise.training.schedule import cosine, inverse_sqrt
from edgewise.training.tracking import TensorBoard

__all__ = [
    "Checkpoint",
    "Checkpoints",
    "Deadline",
    "LastWeights",
    "Progress",
    "Task",
    "TensorBoard",
    "TokenBatches",
    "batch_indices",
    "cosine",
    "fit",
    "inverse_sqrt",
    "settled",
    "step_seed",
]
