"""People in streets (ETH and UCY): forecasts scene by scene, and who gives way (docs/results/pedestrians.md).

    python benchmarks/recordings/pedestrians.py --out docs/images/pedestrians.png

Leave one scene out: the law is fitted on the other recordings, on the first four fifths of each, and forecasts 12
frames (4.8 s) of every person in the held-out scene from 8. Settings: recipes/inference/pedestrians.toml. Errors are
means over people and windows, averaged over the five scenes: ADE over the 12 frames, FDE at the last. Constant velocity
goes on with the last step; "nobody near" is the same law where nobody is heard. `--validation` measures on the last
fifth of the training recordings instead, which is what settings are to be chosen by.
"""

import gzip
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from _begin import arguments, begin

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "eth_ucy"
RECIPE = ROOT / "recipes" / "inference" / "pedestrians.toml"
RECORDINGS = (
    "biwi_eth",
    "biwi_hotel",
    "crowds_zara01",
    "crowds_zara02",
    "crowds_zara03",
    "students001",
    "students003",
    "uni_examples",
)
SCENES = {
    "eth": ("biwi_eth",),
    "hotel": ("biwi_hotel",),
    "univ": ("students001", "students003"),
    "zara1": ("crowds_zara01",),
    "zara2": ("crowds_zara02",),
}
SEEN, AHEAD, SECONDS = 8, 12, 0.4
TRAINING_LENGTH, TRAINING_STRIDE = SEEN + AHEAD + 1, 10
AT_ONCE = 200
NEAR = (0.0, 0.7, 1.5, 3.0, np.inf)
CROSSING = {"nearest": 1.2, "apart": 2.0, "turn": 0.5}
"""What counts as a crossing: pass within so many metres, from so far apart, headings at least so many radians apart."""


def recording(name: str) -> xr.Dataset:
    """One file as a data set: frames of 0.4 s, an entity a track without gaps."""
    from edgewise.data import from_arrays

    with gzip.open(DATA / f"{name}.txt.gz", "rt") as file:
        rows = np.loadtxt(file)
    stamps = np.unique(rows[:, 0])
    frame = np.rint((rows[:, 0] - stamps[0]) / np.median(np.diff(stamps))).astype(int)
    people = np.unique(rows[:, 1])
    x = np.full((2, 1, frame.max() + 1, len(people)), np.nan)
    x[:, 0, frame, np.searchsorted(people, rows[:, 1])] = rows[:, 2:].T
    return from_arrays(
        {"x": x[0], "y": x[1]},
        position=["x", "y"],
        time=np.arange(frame.max() + 1) * SECONDS,
        entity=people.astype(int).astype(str),
        sequence=[name],
        units={"x": "m", "y": "m", "time": "s"},
    )


def training_windows(names: Iterable[str]) -> xr.Dataset:
    """Windows of the first four fifths of some recordings."""
    from edgewise.data import scenes, select_frames

    parts = [recording(name) for name in names]
    early = [select_frames(part, 0, int(part.sizes["time"] * 0.8)) for part in parts]
    return scenes(early, TRAINING_LENGTH, TRAINING_STRIDE, known=SEEN)


@dataclass(frozen=True)
class Forecasts:
    """What is measured, of the people who are observed throughout their window.

    ours, constant, alone [person, step]: distance to the truth of our forecast, of constant velocity, and of ours with
    nobody near; nearest [person]: metres to the nearest other at the last seen frame.
    """

    ours: np.ndarray
    constant: np.ndarray
    alone: np.ndarray
    nearest: np.ndarray

    def ade_fde(self, errors: np.ndarray, chosen: np.ndarray | slice = slice(None)) -> tuple[float, float]:
        return float(errors[chosen].mean()), float(errors[chosen, -1].mean())


def places(ds: xr.Dataset) -> np.ndarray:
    """[window, time, person, 2]."""
    return np.stack([ds["x"].to_numpy(), ds["y"].to_numpy()], -1)


def foretold(law: Any, past: xr.Dataset) -> np.ndarray:
    """The next frames of windows: [window, step, person, 2]."""
    parts = []
    for at in range(0, past.sizes["sequence"], AT_ONCE):
        some = past.isel(sequence=slice(at, at + AT_ONCE))
        parts.append(places(law.apply(some).forecast(AHEAD)))
    return np.concatenate(parts)


def measured(law: Any, ds: xr.Dataset) -> Forecasts:
    """Every window of a recording, one starting at each frame."""
    from edgewise.data import scenes

    windows = scenes(ds, SEEN + AHEAD, 1, known=SEEN)
    whole = places(windows)
    there = np.isfinite(whole).all((1, 3))
    ours = foretold(law, windows.isel(time=slice(0, SEEN)))
    last, steps = whole[:, SEEN - 1 : SEEN], np.arange(1, AHEAD + 1)[:, None, None]
    constant = last + (last - whole[:, SEEN - 2 : SEEN - 1]) * steps
    apart = np.linalg.norm(last[:, 0, :, None] - last[:, 0, None], axis=-1)
    apart = np.where(np.isfinite(apart) & ~np.eye(apart.shape[1], dtype=bool), apart, np.inf)

    def missed(guess: np.ndarray) -> np.ndarray:
        return np.linalg.norm(guess - whole[:, SEEN:], axis=-1).swapaxes(1, 2)[there]

    return Forecasts(missed(ours), missed(constant), missed(on_their_own(law, windows)), apart.min(-1)[there])


def on_their_own(law: Any, windows: xr.Dataset) -> np.ndarray:
    """The forecast of the same law where nobody hears anybody: [window, step, person, 2]."""
    from edgewise.inference.forecast import roll_out

    fitted, n = law.fitted, windows.sizes["entity"]
    model = fitted.model if fitted.refit is None else fitted.refit.model
    nobody = np.zeros((1, n, n, 2))
    nobody[..., 0] = 1 - np.eye(n)
    parts = []
    for at in range(0, windows.sizes["sequence"], AT_ONCE):
        past = windows.isel(time=slice(0, SEEN), sequence=slice(at, at + AT_ONCE))
        parts.append(places(roll_out(model, fitted.encoding, past, nobody, steps=AHEAD)))
    return np.concatenate(parts)


def joined(found: Iterable[Forecasts]) -> Forecasts:
    parts = list(found)
    return Forecasts(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Forecasts.__annotations__)
    )


def fitted_on(names: Iterable[str], seed: int, overrule: dict[str, Any]) -> Any:
    from edgewise import InferenceConfig, infer

    plain = tomllib.loads(RECIPE.read_text())
    plain["training"] |= {"seed": seed} | overrule
    return infer(training_windows(names), InferenceConfig.from_dict(plain))


def run_scene(scene: str, seed: int, overrule: dict[str, Any], *, validation: bool) -> tuple[Any, Forecasts]:
    from edgewise.data import select_frames

    others = [name for name in RECORDINGS if name not in SCENES[scene]]
    start = time.monotonic()
    law = fitted_on(others, seed, overrule)
    seconds = time.monotonic() - start
    parts = [recording(name) for name in (others if validation else SCENES[scene])]
    if validation:
        parts = [select_frames(part, int(part.sizes["time"] * 0.8)) for part in parts]
    found = joined(measured(law, part) for part in parts)
    texts = [
        f"{found.ade_fde(errors)[0]:.3f} / {found.ade_fde(errors)[1]:.3f}"
        for errors in (found.ours, found.alone, found.constant)
    ]
    print(
        f"| {scene}, seed {seed} | {len(found.ours):,} | {' | '.join(texts)} | {seconds:.0f} s |", flush=True
    )
    return law, found


def print_means(found: dict[str, Forecasts]) -> None:
    for name, text in (("ours", "edgewise"), ("alone", "nobody near"), ("constant", "constant velocity")):
        pairs = [forecast.ade_fde(getattr(forecast, name)) for forecast in found.values()]
        ade, fde = np.mean(pairs, axis=0)
        print(f"mean over {len(pairs)} scenes, {text}: ADE {ade:.4f}, FDE {fde:.4f}")
    print("\n| metres to the nearest other | people | edgewise | nobody near | constant velocity |")
    print("|---|---|---|---|---|")
    whole = joined(found.values())
    for low, high in pairwise(NEAR):
        chosen = (whole.nearest >= low) & (whole.nearest < high)
        texts = [
            "{:.3f} / {:.3f}".format(*whole.ade_fde(errors, chosen))
            for errors in (whole.ours, whole.alone, whole.constant)
        ]
        print(f"| {low:g} to {high:g} | {chosen.sum():,} | {' | '.join(texts)} |")


@dataclass(frozen=True)
class Crossing:
    """Two people whose ways cross: their paths [time, 2 people, 2], and how much each moved the other.

    pushes [2]: metres by which the other's presence shifts each one's forecast at its end.
    """

    where: str
    paths: np.ndarray
    pushes: np.ndarray


def crossings(law: Any, ds: xr.Dataset) -> list[Crossing]:
    """All pairs on crossing courses, one window apart, with who gives way to whom as the law has it."""
    from edgewise.data import scenes

    windows = scenes(ds, SEEN + AHEAD, SEEN, known=SEEN)
    whole = places(windows)
    past = windows.isel(time=slice(0, SEEN))
    shift = np.linalg.norm(foretold(law, past)[:, -1] - on_their_own(law, windows)[:, -1], axis=-1)
    found = []
    for w in range(len(whole)):
        people = np.flatnonzero(np.isfinite(whole[w]).all((0, 2)))
        for k, a in enumerate(people):
            for b in people[k + 1 :]:
                if _cross(paths := whole[w][:, [a, b]]):
                    name = str(windows["sequence"].values[w])
                    found.append(Crossing(name, paths, shift[w, [a, b]]))
    return found


def _cross(paths: np.ndarray) -> bool:
    """Whether two people start apart, head elsewhere, walk, and pass near each other after the seen frames."""
    apart = np.linalg.norm(paths[:, 0] - paths[:, 1], axis=-1)
    way = paths[SEEN - 1] - paths[0]
    speed = np.linalg.norm(way, axis=-1) / (SECONDS * (SEEN - 1))
    cosine = float(way[0] @ way[1]) / max(float(np.prod(np.linalg.norm(way, axis=-1))), 1e-9)
    turned = np.arccos(np.clip(cosine, -1, 1))
    return bool(
        speed.min() > 0.5
        and turned > CROSSING["turn"]
        and apart[SEEN - 1] > CROSSING["apart"]
        and apart[SEEN:].min() < CROSSING["nearest"]
    )


def gave_way(crossing: Crossing) -> np.ndarray:
    """How far each one ended from where its last step would have taken it: [2], metres."""
    paths = crossing.paths
    straight = paths[SEEN - 1] + (paths[SEEN - 1] - paths[SEEN - 2]) * AHEAD
    return np.linalg.norm(paths[-1] - straight, axis=-1)


def print_crossings(found: list[Crossing]) -> None:
    told = [c.pushes.argmax() == gave_way(c).argmax() for c in found]
    print(
        f"\n{len(found)} crossings; the one whom the law moves more is the one who left its line more in"
        f" {np.mean(told):.0%} of them (chance 50 %)"
    )


def draw(crossing: Crossing, path: Path) -> None:
    """The crossing: seen paths, what followed, and an arrow from who acts to who gives way."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
    giver = int(crossing.pushes.argmax())
    for k, colour in enumerate(("#1f6f8b", "#b5532c")):
        seen, after = crossing.paths[:SEEN, k], crossing.paths[SEEN - 1 :, k]
        axes.plot(*seen.T, "o-", color=colour, ms=4, label=f"person {k + 1}, 3.2 s seen")
        axes.plot(*after.T, "o:", color=colour, ms=3, mfc="white", label="the 4.8 s after")
    start, end = crossing.paths[SEEN - 1, 1 - giver], crossing.paths[SEEN - 1, giver]
    axes.annotate("", xy=end, xytext=start, arrowprops={"arrowstyle": "-|>", "color": "#444444", "lw": 1.5})
    push = crossing.pushes
    axes.set_title(
        f"{crossing.where}: person {giver + 1} gives way\n(moved {push[giver]:.2f} m by the neighbours;"
        f" the other {push[1 - giver]:.2f} m)",
        fontsize=10,
    )
    axes.set_xlabel("x (m)")
    axes.set_ylabel("y (m)")
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    parser = arguments(__doc__, seeds=1, threads=1)
    parser.add_argument("--only", choices=tuple(SCENES), action="append", help="these scenes; default all")
    parser.add_argument("--validation", action="store_true", help="measure on validation parts")
    parser.add_argument("--refit-steps", type=int, help="another number than the recipe's")
    given = parser.parse_args()
    begin(parser, DATA, given.threads)
    overrule = {} if given.refit_steps is None else {"refit_steps": given.refit_steps}
    print("| scene | people | edgewise, ADE / FDE (m) | nobody near | constant velocity | fit |")
    print("|---|---|---|---|---|---|")
    found: dict[str, Forecasts] = {}
    seen: list[Crossing] = []
    for seed in range(given.seeds):
        for scene in given.only or SCENES:
            law, found[f"{scene}, seed {seed}"] = run_scene(
                scene, seed, overrule, validation=given.validation
            )
            if not given.validation and seed == 0:
                seen += [c for name in SCENES[scene] for c in crossings(law, recording(name))]
    print()
    print_means(found)
    if seen:
        print_crossings(seen)
    clear = [
        c for c in seen if c.where.startswith("crowds_zara01") and c.pushes.argmax() == gave_way(c).argmax()
    ]
    if given.out and clear:
        draw(max(clear, key=lambda c: float(np.ptp(c.pushes))), given.out)


if __name__ == "__main__":
    main()
