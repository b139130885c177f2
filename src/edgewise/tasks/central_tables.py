"""What a recipe of the task "central-forces" may say."""

from dataclasses import dataclass

from edgewise.settings import require


@dataclass(frozen=True)
class EphemerisData:
    """Places and velocities of the bodies of the solar system, in a file without pickles.

    Arrays: names [body]; for each table, daily and 10day: jd_TABLE [frame] (Julian days at equal distances),
    pos_TABLE_km and vel_TABLE_km_per_day [frame, body, 3]. The law is learnt on the daily table, forecasts are measured
    on the other, which is longer. `gm_km3_s2` [body], where it is there, is the truth for the masses that are found.

    Attributes:
        path: the `.npz` file, relative to the recipe.
        train_from: the Julian year (2000.0 is JD 2451545.0) from which on the law is learnt.
        train_to: the year in which the training part ends.
        validation_to: the years from train_to to here choose between laws; all others are for the test.
        horizon: days of a forecast.
        forecast: bodies whose forecasts are the figure of the recipe; none named: all.
        masses: bodies whose masses are correlated with the true ones; none named: all.
    """

    path: str
    train_from: float = 2000.0
    train_to: float = 2005.0
    validation_to: float = 2007.0
    horizon: float = 365.25
    forecast: tuple[str, ...] = ()
    masses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(self.train_from < self.train_to, "train_to", self.train_to, "a year after train_from")
        require(
            self.train_to < self.validation_to, "validation_to", self.validation_to, "a year after train_to"
        )
        require(self.horizon > 0, "horizon", self.horizon, "a positive number of days")


@dataclass(frozen=True)
class TrajectoryFileData:
    """Trajectories of one's own with positions and velocities, whose entities are the same in all recordings.

    Attributes:
        path: a file that `edgewise infer` reads, with the roles position and velocity; relative to the recipe.
        train: share of the frames, from the first, that the law is learnt on.
        validation: share of the frames after them that chooses between laws; the rest is for the test.
        horizon: frames of a forecast.
        forecast: entities whose forecasts are the figure of the recipe; none named: all.
        masses: entities whose masses are correlated with the feature `mass`; none named: all.
    """

    path: str
    train: float = 0.5
    validation: float = 0.2
    horizon: int = 50
    forecast: tuple[str, ...] = ()
    masses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(0 < self.train < 1, "train", self.train, "a share above 0 and below 1")
        rest = 1 - self.train
        require(
            0 < self.validation < rest, "validation", self.validation, f"above 0, below 1 - train = {rest:g}"
        )
        require(self.horizon >= 1, "horizon", self.horizon, "at least 1 frame")


CentralForceData = EphemerisData | TrajectoryFileData


@dataclass(frozen=True)
class CentralForceModel:
    """A strength a body and one law of distance; see `edgewise.models.central_force`.

    Attributes:
        hidden: units of the network in the free law, which is fitted beside the power law; 0: the power law alone.
        substeps: steps of the integrator a frame of the data that the law is learnt on.
    """

    hidden: int = 8
    substeps: int = 4

    def __post_init__(self) -> None:
        require(0 <= self.hidden <= 256, "hidden", self.hidden, "0 (the power law alone) to 256 units")
        require(1 <= self.substeps <= 10_000, "substeps", self.substeps, "1 to 10000 steps a frame")


@dataclass(frozen=True)
class CentralForceTraining:
    """How the law is fitted: Adam from a start that knows nothing, then nonlinear least squares to the last digits.

    Attributes:
        seeds: fits, with seeds 0, 1, ...; the seed draws the network of the free law.
        learning_rate: step size of Adam at the start; it falls to 0 along half a cosine.
        epochs: of Adam, ten steps each on all frames that are used.
        frames: most frames of the training part that are used, evenly spaced.
        iterations: most iterations of the least squares that follow.
    """

    seeds: int = 3
    learning_rate: float = 0.1
    epochs: int = 40
    frames: int = 600
    iterations: int = 200

    def __post_init__(self) -> None:
        require(1 <= self.seeds <= 1000, "seeds", self.seeds, "1 to 1000 fits")
        require(0 < self.learning_rate <= 1, "learning_rate", self.learning_rate, "above 0, at most 1")
        require(self.epochs >= 1, "epochs", self.epochs, "at least 1 epoch")
        require(self.frames >= 20, "frames", self.frames, "at least 20 frames")
        require(self.iterations >= 1, "iterations", self.iterations, "at least 1 iteration")
