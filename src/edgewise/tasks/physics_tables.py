"""What a recipe may say of learned simulators: one small record a table, each field with its own help."""

from dataclasses import dataclass

from edgewise.settings import require


@dataclass(frozen=True)
class SimulatedData:
    """Systems of one of edgewise's simulators, made when they are needed.

    Attributes:
        system: a simulator: nbody, balls, string, springs or charged.
        entities: objects of a system, as `edgewise simulate` counts them.
        train: systems to be trained on; validation: systems that choose the weights; test: systems that are measured.
        steps: frames of a system.
        more: other numbers of objects, on which the finished simulator is tested too.
        options: options of the simulator, each as "name=value".
        seed: decides all systems.
        path: none is needed.
    """

    system: str
    entities: int = 6
    train: int = 200
    validation: int = 20
    test: int = 50
    steps: int = 1000
    more: tuple[int, ...] = ()
    options: tuple[str, ...] = ()
    seed: int = 0
    path: str = ""

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1 system")
        expected = 'nothing: these systems are made; recordings have format = "trajectories"'
        require(not self.path, "path", self.path, expected)
        require(self.steps >= 3, "steps", self.steps, "at least 3 frames")
        require(all(n >= 2 for n in self.more), "more", self.more, "numbers of objects, 2 or more")


@dataclass(frozen=True)
class TrajectoryData:
    """Recordings of one's own, with positions and velocities (a file that `edgewise convert` writes).

    Attributes:
        path: the file, relative to the recipe.
        validation: share of the recordings that chooses the weights; of a single recording, of its frames.
        test: share of them that is measured, the last ones.
    """

    path: str
    validation: float = 0.1
    test: float = 0.2

    def __post_init__(self) -> None:
        for name in ("validation", "test"):
            value = getattr(self, name)
            require(0 < value < 0.5, name, value, "a share above 0 and below 0.5")


@dataclass(frozen=True)
class InteractionModel:
    """The interaction network of Battaglia et al. (2016).

    Attributes:
        translation: whether only relative positions are read; false as in the paper.
        effect_dim: features of an effect.
        relation_hidden: width of the hidden layers of the relational model; relation_layers: how many.
        object_hidden: width of the hidden layers of the object model; object_layers: how many.
    """

    translation: bool = True
    effect_dim: int = 50
    relation_hidden: int = 150
    relation_layers: int = 4
    object_hidden: int = 100
    object_layers: int = 1

    def __post_init__(self) -> None:
        _check_sizes(
            self, "effect_dim", "relation_hidden", "relation_layers", "object_hidden", "object_layers"
        )


@dataclass(frozen=True)
class PairForcesModel:
    """Forces between pairs that add up, the same after translations and rotations.

    Attributes:
        hidden: width of the hidden layers; layers: how many.
        symmetric: whether action equals reaction, so that momentum is conserved.
        central: whether forces point along the line between two objects and depend on their distance alone.
        drag: whether an object may slow down, or speed up, by itself.
    """

    hidden: int = 64
    layers: int = 2
    symmetric: bool = True
    central: bool = False
    drag: bool = False

    def __post_init__(self) -> None:
        _check_sizes(self, "hidden", "layers")


@dataclass(frozen=True)
class FlatModel:
    """A control that knows no objects: an MLP on all states in a row.

    Attributes:
        hidden: width of the hidden layers; layers: how many.
    """

    hidden: int = 300
    layers: int = 4

    def __post_init__(self) -> None:
        _check_sizes(self, "hidden", "layers")


@dataclass(frozen=True)
class DynamicsOnlyModel:
    """A control that knows no relations: each object for itself.

    Attributes:
        hidden: width of the hidden layers; layers: how many.
    """

    hidden: int = 150
    layers: int = 4

    def __post_init__(self) -> None:
        _check_sizes(self, "hidden", "layers")


@dataclass(frozen=True)
class EnergyModel:
    """An interaction network with an abstraction model: the potential energy of a system from one frame.

    Attributes:
        translation: whether only relative positions are read; false where the energy depends on the place too.
        effect_dim: features of an effect.
        relation_hidden: width of the hidden layers of the relational model; relation_layers: how many.
        object_hidden: width of those of the object model; object_layers: how many.
        features: of an object, that are summed.
        abstraction_hidden: width of the hidden layer of the abstraction model, which reads the sum.
    """

    translation: bool = True
    effect_dim: int = 50
    relation_hidden: int = 150
    relation_layers: int = 4
    object_hidden: int = 100
    object_layers: int = 1
    features: int = 10
    abstraction_hidden: int = 25

    def __post_init__(self) -> None:
        _check_sizes(
            self, "effect_dim", "relation_hidden", "relation_layers", "object_hidden", "object_layers"
        )
        _check_sizes(self, "features", "abstraction_hidden")


DynamicsModel = InteractionModel | PairForcesModel | FlatModel | DynamicsOnlyModel


@dataclass(frozen=True)
class PhysicsTraining:
    """How a network is trained on frames: to foretell the velocities of the next one, or the energy.

    Attributes:
        seeds: networks that are trained, with seeds 0, 1, ...; their mean and spread are reported.
        epochs: a validation follows each; steps_an_epoch: steps of one.
        batch_size: frames a step.
        learning_rate: step size of Adam at the start; it falls to 0 along half a cosine.
        noise: standard deviation of the noise on the states that are read, as a share of theirs.
        noisy: share of a batch's states that get noise at first; it falls to 0 between 2.5 % and 12.5 % of the steps.
        balance: share of a batch that is drawn from frames where some velocity changes, should they be fewer.
        clip: largest norm of the gradient (0: none).
        minutes: the training of a network ends by then (0: no limit).
    """

    seeds: int = 1
    epochs: int = 40
    steps_an_epoch: int = 500
    batch_size: int = 100
    learning_rate: float = 1e-3
    noise: float = 0.05
    noisy: float = 0.2
    balance: float = 0.5
    clip: float = 1.0
    minutes: float = 0.0

    def __post_init__(self) -> None:
        require(1 <= self.seeds <= 1000, "seeds", self.seeds, "1 to 1000 networks")
        for name in ("epochs", "steps_an_epoch", "batch_size"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        require(0 < self.learning_rate <= 1, "learning_rate", self.learning_rate, "above 0, at most 1")
        require(self.noise >= 0, "noise", self.noise, "0 or a positive share")
        for name in ("noisy", "balance"):
            require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "a share from 0 to 1")
        require(self.clip >= 0, "clip", self.clip, "0 or a positive number")
        require(self.minutes >= 0, "minutes", self.minutes, "0 or a positive number")


def _check_sizes(table: object, *names: str) -> None:
    for name in names:
        value = getattr(table, name)
        most = 16 if name.endswith("layers") else 4096
        require(1 <= value <= most, name, value, f"1 to {most}")
