"""edgewise: relational inference on trajectories, and the relational core it stands on."""

__version__ = "0.1.0"
