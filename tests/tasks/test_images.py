"""Recipes for images and videos: two networks a seed, what is measured, and what a run leaves behind."""

import csv
import gzip
import json
import signal
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from edgewise.data.images import Pictures
from edgewise.errors import ConfigError, DataError
from edgewise.report import write_report
from edgewise.tasks import TrainingRun, experiment_of, predictions, read_recipe, read_trained
from edgewise.tasks.images_arrows import arrows_of
from edgewise.tasks.images_data import PictureParts, shares_of
from edgewise.tasks.images_learning import PicturesObjective, side_by_side
from edgewise.tasks.images_tables import ImagesTraining, MovingDigitsData, NonLocalModel
from edgewise.tasks.records import with_weights
from edgewise.training import batch_indices

RECIPES = Path(__file__).parents[2] / "recipes"
STRIPES = """
task = "images"
[data]
format = "archive"
path = "stripes.npz"
train = 48
validation = 16
test = 24
[model]
kind = "non-local"
blocks = 1
channels = 4
[training]
seeds = 2
epochs = 10
learning_rate = 2e-2
batch_size = 8
"""
VIDEOS = """
task = "images"
[data]
format = "moving-digits"
path = "few-images-idx3-ubyte.gz"
train = 8
validation = 3
test = 4
[model]
kind = "non-local"
pairwise = "dot"
channels = 2
stem_stride = 2
[training]
seeds = 1
epochs = 1
batch_size = 4
"""


def write_stripes(folder: Path, text: str = STRIPES) -> Path:
    """Noisy images of 8 x 8 with bright rows or bright columns."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 90, (100, 8, 8)), rng.integers(0, 2, 100)
    for image, label in zip(images, labels, strict=True):
        (image if label else image.T)[rng.integers(0, 8)] += 160
    names = np.array(["columns", "rows"])[labels]
    np.savez(folder / "stripes.npz", images=images.astype(np.uint8), labels=names)
    (folder / "stripes.toml").write_text(text)
    return folder / "stripes.toml"


def write_digits(folder: Path, text: str = VIDEOS) -> Path:
    """Sixty noise digits of ten classes as IDX files."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (60, 28, 28)), np.arange(60) % 10
    for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
        head = b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
        content = gzip.compress(head + values.astype(np.uint8).tobytes())
        (folder / f"few-{kind}-ubyte.gz").write_bytes(content)
    (folder / "videos.toml").write_text(text)
    return folder / "videos.toml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def experiment(folder):
    return experiment_of(read_recipe(write_stripes(folder)))


@pytest.fixture(scope="module")
def run(folder, experiment):
    TrainingRun(experiment, folder / "run")(["train", "stripes.toml"])
    return folder / "run"


@pytest.fixture(scope="module")
def videos(folder):
    return experiment_of(read_recipe(write_digits(folder)))


def record(folder, name):
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def test_the_parts_share_no_picture(experiment):
    seen = [{picture.numpy().tobytes() for picture in part.pixels} for part in experiment.parts]
    assert [len(part) for part in seen] == [48, 16, 24]
    assert len(set.union(*seen)) == 48 + 16 + 24


def test_both_networks_start_alike_and_agree(experiment):
    torch.manual_seed(0)
    both = experiment.network().eval()
    weights = both.network.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in both.plain.state_dict().items())
    with_blocks, without = both(torch.rand(5, 1, 8, 8))
    assert torch.allclose(with_blocks, without, atol=1e-6)
    assert {weight.data_ptr() for weight in both.network.parameters()}.isdisjoint(
        weight.data_ptr() for weight in both.plain.parameters()
    )


def test_a_step_is_the_cross_entropy_of_each_network_on_the_same_batch(experiment):
    module = experiment.network()
    objective = experiment.learning("x", module, 0, 5).objective
    module.eval()
    with torch.no_grad():
        losses = objective.losses(module, 7)
    train = experiment.parts.train
    picked = batch_indices(5, 7, 48, 8)
    for loss, one in zip(losses, module.networks(), strict=True):
        alone = cross_entropy(one(shares_of(train.pixels[picked])), train.labels[picked])
        assert loss.item() == pytest.approx(alone.item(), rel=1e-5)
    assert objective.loss(module, 7).item() == pytest.approx(losses.sum().item(), rel=1e-5)


def test_the_curves_are_those_of_the_network_with_blocks(experiment):
    module = experiment.network()
    learning = experiment.learning("x", module, 0, 0)
    for step in range(6):
        total = learning.loss(module, step)
        learning.after(step, total.item())
        shown = learning.course.train_loss or learning.losses
        assert 0 < shown[-1] < total.item()
    logits = module.network(shares_of(experiment.parts.validation.pixels))
    loss = cross_entropy(logits, experiment.parts.validation.labels)
    assert learning.course.validation_loss == pytest.approx([loss.item()], rel=1e-5)


def test_the_metrics_stand_beside_those_of_the_network_without_blocks(run):
    metrics = record(run, "metrics")
    assert (metrics["metric"], metrics["unit"], metrics["higher_is_better"]) == ("accuracy", "%", True)
    without = [one["without_blocks"]["test"] for one in metrics["runs"]]
    named = {row["name"]: row["value"] for row in metrics["baselines"]}
    assert named["the same network without non-local blocks"] == pytest.approx(np.mean(without))
    assert named["the largest class of the training part"] <= 70
    assert metrics["mean"] > 80  # a row or a column of eight bright pixels is easily seen
    sizes = [(one["parameters"], one["without_blocks"]["parameters"]) for one in metrics["runs"]]
    assert all(more > fewer > 0 for more, fewer in sizes)
    assert [one["epochs"] for one in metrics["runs"]] == [10, 10]


def test_the_predictions_give_the_figures(run):
    with (run / "predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 24
    for one in record(run, "metrics")["runs"]:
        own = [row for row in rows if row["seed"] == str(one["seed"])]
        right = np.mean([row["true"] == row["predicted"] for row in own])
        without = np.mean([row["true"] == row["predicted_without_blocks"] for row in own])
        assert (100 * right, 100 * without) == pytest.approx((one["test"], one["without_blocks"]["test"]))
        assert all(0.5 <= float(row["probability"]) <= 1 for row in own)


def test_the_arrows_are_the_largest_weights_of_the_block(experiment, run):
    both = with_weights(experiment.network(), read_trained(run), 1)
    found = record(run, "preview")["arrows"]
    assert (found["size"], found["grid"], len(found["examples"])) == ([8, 8], [4, 4], 4)
    first = found["examples"][0]
    pixels = experiment.parts.test.pixels[:1]
    assert first["frames"] == [pixels[0, 0].flatten().tolist()]
    with torch.no_grad():
        weights = both.network.blocks[0].weights(both.network.before_first_block(shares_of(pixels)))[0]
    for position in range(16):
        order = weights[position].abs().argsort(descending=True)[:8]
        assert set(first["senders"][position]) == set(order.tolist())
        assert first["weights"][position] == pytest.approx(weights[position][order].tolist(), abs=1e-4)
    assert first["chosen"] == int(weights.max(1).values.argmax())


def test_weights_of_either_sign_become_shares_of_their_sizes(videos):
    both = videos.network().eval()
    found = arrows_of(both.network, videos.parts.test)
    assert found["grid"] == [12, 5, 5]
    assert len(found["examples"][0]["frames"]) == 12
    for example in found["examples"]:
        assert example["chosen"] >= 11 * 25  # a position of the last frame
        shares = np.abs(example["weights"])
        assert (np.diff(shares) <= 0).all()
        assert (shares.sum(1) <= 1.0001).all()


def test_the_preview_counts_all_runs(run):
    preview = record(run, "preview")
    assert (preview["kind"], preview["classes"]) == ("classification", ["columns", "rows"])
    assert np.sum(preview["confusion"]) == 2 * 24
    assert [row["seed"] for row in preview["blocks"]] == [0, 1]
    assert 'id="arrows-view"' in write_report(run).read_text("utf-8")


def test_a_resumed_run_is_the_one_that_was_never_stopped(folder, experiment, run):
    def told(progress):
        if (progress.phase, progress.step) == ("network 2 of 2", 5):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        TrainingRun(experiment, folder / "again", on_progress=told)(["train"])
    TrainingRun(experiment, folder / "again", resume=True)(["train"])
    for name in ("history.json", "preview.json", "predictions.csv"):
        assert (folder / "again" / name).read_bytes() == (run / name).read_bytes()


def test_new_pictures_are_classified_by_all_networks(folder, run, experiment):
    test = experiment.parts.test
    np.savez(folder / "new.npz", images=test.pixels[:, 0].numpy())
    columns = predictions(read_trained(run), folder / "new.npz")
    assert columns["picture"] == list(range(24))
    assert set(columns) == {"picture", "predicted", "p(columns)", "p(rows)"}
    every = [with_weights(experiment.network(), read_trained(run), seed) for seed in (0, 1)]
    with torch.no_grad():
        p = torch.stack([both.network(shares_of(test.pixels)).softmax(-1) for both in every]).mean(0)
    assert columns["p(rows)"] == pytest.approx(p[:, 1].tolist(), abs=1e-5)


def test_pictures_of_another_size_are_refused(folder, run):
    np.savez(folder / "small.npz", images=np.zeros((2, 6, 8), np.uint8))
    with pytest.raises(DataError, match=r"holds pictures of \(1, 6, 8\)") as error:
        predictions(read_trained(run), folder / "small.npz")
    assert "(1, 8, 8), as the data that the networks were trained on" in str(error.value)


def test_without_blocks_there_is_one_network_and_nothing_to_compare(tmp_path):
    recipe = read_recipe(
        write_stripes(tmp_path, STRIPES.replace("blocks = 1", "blocks = 0").replace("s = 2", "s = 1"))
    )
    experiment = experiment_of(recipe)
    both = experiment.network()
    assert both.plain is None
    measured = experiment.measure(0, [both.eval()])
    assert "without_blocks" not in measured.more
    assert "predicted_without_blocks" not in measured.predictions
    assert [row["name"] for row in experiment.baselines()] == [
        "the largest class of the training part",
        "logistic regression on the pixels",
    ]
    preview = experiment.preview([measured])
    assert "arrows" not in preview
    assert "blocks" not in preview


def test_a_run_on_videos_leaves_its_records(folder, videos):
    TrainingRun(videos, folder / "videos")(["train"])
    preview = record(folder / "videos", "preview")
    assert preview["classes"] == ["upper", "lower"]
    assert preview["arrows"]["grid"] == [12, 5, 5]
    assert ["grid", "12 x 20 x 20"] in record(folder / "videos", "run")["data"]["facts"]
    assert any("sees 5 frames" in sentence for sentence in record(folder / "videos", "run")["protocol"])


def test_videos_of_each_part_show_digits_of_their_own(videos):
    shown = [{frame[0].numpy().tobytes() for frame in part.pixels[:, :, -1]} for part in videos.parts]
    assert [len(part) for part in videos.parts] == [8, 3, 4]
    assert len(set.union(*shown)) == sum(map(len, shown))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("train = 48", "train = 480", "stripes.npz has 100 pictures, and the recipe asks for 520"),
        ('format = "archive"', 'format = "idx"', "stripes.npz is not named like a file of images"),
    ],
)
def test_data_that_do_not_suffice_are_named(tmp_path, old, new, found):
    recipe = read_recipe(write_stripes(tmp_path, STRIPES.replace(old, new)))
    with pytest.raises(DataError) as error:
        experiment_of(recipe)
    assert found in str(error.value)


def test_pictures_without_classes_cannot_be_learnt_from(tmp_path):
    recipe = read_recipe(write_stripes(tmp_path))
    np.savez(tmp_path / "stripes.npz", images=np.zeros((100, 8, 8), np.uint8))
    with pytest.raises(DataError, match="has no classes"):
        experiment_of(recipe)
    np.savez(tmp_path / "stripes.npz", images=np.zeros((100, 8, 8), np.uint8), labels=np.ones(100, int))
    with pytest.raises(DataError, match="has 1 class\n"):
        experiment_of(recipe)


@pytest.mark.parametrize(
    ("table", "name", "value"),
    [
        (NonLocalModel, "blocks", 3),
        (NonLocalModel, "channels", 0),
        (NonLocalModel, "stem_stride", 3),
        (ImagesTraining, "seeds", 0),
        (ImagesTraining, "learning_rate", 0.0),
        (ImagesTraining, "weight_decay", -1.0),
        (ImagesTraining, "epochs", 0),
        (ImagesTraining, "batch_size", 1),
        (MovingDigitsData, "train", 3),
        (MovingDigitsData, "validation", 0),
        (MovingDigitsData, "seed", -1),
        (MovingDigitsData, "size", 19),
        (MovingDigitsData, "before", 1),
        (MovingDigitsData, "dark", 0),
    ],
)
def test_a_setting_out_of_range_is_refused(table, name, value):
    needed = {"path": "a"} if table is MovingDigitsData else {}
    with pytest.raises(ConfigError, match=f"{name} is {value!r}"):
        table(**needed, **{name: value})


def test_a_batch_holds_whole_scenes():
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (26, 1, 4, 4), dtype=np.uint8))
    pictures = Pictures(pixels, torch.zeros(26, dtype=torch.int64), ("a", "b"))
    parts = PictureParts(pictures, pictures, pictures, together=4)
    objective = PicturesObjective(parts, ImagesTraining(batch_size=9), 0)
    epoch = [objective.batch(step).reshape(2, 4) for step in range(objective.steps_an_epoch)]
    scenes = torch.cat(epoch)
    assert (scenes[:, 0] % 4 == 0).all()
    assert (scenes == scenes[:, :1] + torch.arange(4)).all()
    assert sorted(scenes[:, 0].tolist()) == [0, 4, 8, 12, 16, 20]


def test_a_normalisation_that_does_not_go_with_the_function_is_refused():
    assert NonLocalModel(pairwise="dot").block_normalisation is None
    assert NonLocalModel(pairwise="dot", normalisation="softmax").block_normalisation == "softmax"
    with pytest.raises(ConfigError, match="'gaussian' with the normalisation 'mean'"):
        NonLocalModel(pairwise="gaussian", normalisation="mean")


def test_a_pairwise_function_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match=r"unknown pairwise 'dto' \(did you mean 'dot'\?\)"):
        NonLocalModel(pairwise="dto")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", ["digits-nonlocal", "moving-digits"])
def test_the_shipped_recipes_are_read_and_built(shared, name):
    recipe = read_recipe(RECIPES / f"{name}.toml")
    assert recipe.training.seeds == 3
    both = side_by_side(recipe.model, 1, 10, 3 if name == "moving-digits" else 2)
    assert both.plain is not None
    assert Path(recipe.data.path).exists()
    if isinstance(recipe.data, MovingDigitsData):  # the network without blocks must not reach across
        assert recipe.data.dark >= 4
