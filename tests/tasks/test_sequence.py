"""Sequences from a recipe to a run folder and back to text."""

import json
import signal

import pytest
import torch

from edgewise.data.reversal import reversal
from edgewise.errors import ConfigError, DataError, RunError
from edgewise.tasks import TrainingRun, experiment_of, predictions, read_recipe, read_trained
from edgewise.tasks.scoring import Bleu, ExactMatch, by_length
from edgewise.tasks.sequence_learning import AveragedLearning, TokenObjective
from edgewise.tasks.sequences import Pairs, padded
from edgewise.tasks.translate import read_lines_of
from edgewise.tasks.translator import longest_answer
from edgewise.tokens import EOS

from .sentences import BY_LOCATION, MODELS, PAIRS, parallel, toy


def train(recipe, folder, **choices):
    return TrainingRun(experiment_of(read_recipe(recipe)), folder, **choices)(["train", recipe.name])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    train(toy(folder, seeds=2, average=2), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def translation(tmp_path_factory):
    pytest.importorskip("sentencepiece", reason="the extra `text` is not installed")
    pytest.importorskip("sacrebleu", reason="the extra `text` is not installed")
    folder = tmp_path_factory.mktemp("translation")
    train(parallel(folder), folder / "run")
    return folder / "run"


def record(folder, name):
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_of_model_is_trained_measured_and_read_back(kind, tmp_path):
    outcome = train(toy(tmp_path, kind), tmp_path / "run")
    metrics = outcome.metrics()
    assert metrics["metric"] == "exact match"
    assert 0 <= metrics["mean"] <= 100
    assert metrics["runs"][0]["parameters"] > 1000
    lines = read_lines_of(tmp_path / "run")
    said = [line.target for line in lines(["abc", "", "b"])]
    assert said == [lines.translate(["abc"])[0], "", lines.translate(["b"])[0]]


def test_the_validation_loss_falls(run):
    for course in record(run, "history")["runs"]:
        assert course["validation_loss"][-1] < course["validation_loss"][0] - 0.2


def test_longer_words_are_measured_apart(run):
    for one in record(run, "metrics")["runs"]:
        assert {"longer", "by_length", "longer_by_length"} <= one.keys()
        assert one["training_tokens"] == 2 * sum(
            len(word) + 1 for word in reversal(300, (1, 3), 0).source
        )  # both sides, each with its end
        assert sum(row["n"] for row in one["by_length"]) == 500
        assert all(row["from"] >= 0 for row in one["longer_by_length"])


def test_a_translation_is_measured_by_bleu_with_its_signature(translation):
    one = record(translation, "metrics")["runs"][0]
    assert "tok:13a" in one["signature"]
    assert "case:mixed" in one["signature"]
    assert one["chrf_signature"]
    assert record(translation, "metrics")["baselines"][0]["name"] == "the source as it is"
    assert {path.name for path in (translation / "tokenizers").iterdir()} == {"both.model"}
    assert "sacrebleu" in record(translation, "run")["versions"]


def test_averaged_weights_are_the_mean_of_the_last_epochs(tmp_path):
    experiment = experiment_of(read_recipe(toy(tmp_path, average=2)))
    torch.manual_seed(0)
    task = experiment.learning("x", experiment.network(), 0, 0)
    assert isinstance(task, AveragedLearning)
    for epoch in range(3):
        with torch.no_grad():
            for parameter in task.module.parameters():
                parameter.fill_(float(epoch))
        task.after((epoch + 1) * task.objective.steps_an_epoch - 1, 0.0)
    assert task.finish() == 3
    for parameter in task.module.parameters():
        torch.testing.assert_close(parameter.detach(), torch.full_like(parameter.detach(), 1.5))


def test_running_out_of_time_ends_with_a_whole_epoch(tmp_path):
    experiment = experiment_of(read_recipe(toy(tmp_path)))
    task = experiment.learning("x", experiment.network(), 0, 0)
    whole, most = task.objective.steps_an_epoch, task.most
    for step, left in ((0, 1), (whole - 1, 1), (whole, whole), (whole + 1, 2)):
        task.wind_down(
            step, left
        )  # the first epoch, or one that is begun, is finished, and one that fits is begun
        assert task.most == most
    task.wind_down(2 * whole, whole - 1)
    assert task.most == 2 * whole


def test_a_resumed_training_gives_the_same_bytes(run, tmp_path):
    def told(progress):
        if (progress.phase, progress.step) == ("network 2 of 2", 9):
            signal.raise_signal(signal.SIGINT)

    recipe = toy(tmp_path, seeds=2, average=2)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "run", on_progress=told)
    train(recipe, tmp_path / "run", resume=True)
    for name in ("models/seed-0.safetensors", "models/seed-1.safetensors", "predictions.csv", "history.json"):
        assert (tmp_path / "run" / name).read_bytes() == (run / name).read_bytes(), name


def test_the_loss_is_the_smoothed_cross_entropy_of_the_tokens_that_are_there(tmp_path):
    experiment = experiment_of(read_recipe(toy(tmp_path)))
    pairs = Pairs([[5, 6, 2], [7, 2]], [[6, 5, 2], [7, 2]])
    module = experiment.network().double().eval()
    objective = TokenObjective(pairs, pairs, experiment.training, 0)
    source, target_in, target = pairs.batch([0, 1])
    log_p = module(source, target_in).log_softmax(-1).detach()
    total = 0.0
    for row in range(2):
        for place in range(len(pairs.target[row])):
            right = log_p[row, place, target[row, place]]
            total += float(-0.9 * right - 0.1 * log_p[row, place].mean())
    assert objective.validate(module)[0] == pytest.approx(total / 5)


def test_batches_begin_and_end_as_the_models_expect():
    source, target_in, target = Pairs([[5, 2], [6, 7, 2]], [[8, 9, 2], [9, 2]]).batch([0, 1])
    assert source.tolist() == [[5, 2, 0], [6, 7, 2]]
    assert target_in.tolist() == [[1, 8, 9], [1, 9, 0]]
    assert target.tolist() == [[8, 9, 2], [9, 2, 0]]
    assert padded([[4]]).tolist() == [[4]]


def test_exact_matches_and_length_classes():
    said, right = ["a", "bb", "c" * 9], ["a", "b", "c" * 9]
    assert ExactMatch().score(said, right) == pytest.approx(200 / 3)
    rows = by_length(ExactMatch(), right, said, right)
    assert [(row["from"], row["below"], row["n"], row["score"]) for row in rows] == [
        (0, 8, 2, 50.0),
        (8, 12, 1, 100.0),
    ]


def test_bleu_is_sacrebleus():
    sacrebleu = pytest.importorskip("sacrebleu", reason="the extra `text` is not installed")
    said, right = ["the dog runs fast today"], ["the dog runs very fast today"]
    assert Bleu().score(said, right) == sacrebleu.corpus_bleu(said, [right]).score
    assert Bleu().score(right, right) == pytest.approx(100.0)


# ---- text in, text out ---------------------------------------------------------------------------------------------


def test_lines_come_in_order_whatever_is_read_at_once(run):
    lines = read_lines_of(run)
    text = ["abc", "", "z", "yx", "abcabc"]
    answers = [list(lines(text, at_once=n)) for n in (1, 2, 64)]
    assert answers[0] == answers[1] == answers[2]
    assert [line.number for line in answers[0]] == [1, 2, 3, 4, 5]


def test_alignments_have_a_row_a_target_piece(run):
    line = next(iter(read_lines_of(run, aligned=True)(["abc"])))
    assert line.alignment is not None
    assert line.alignment["source"] == ["a", "b", "c", "</s>"]
    assert len(line.alignment["weights"]) == len(line.alignment["target"]) == len(line.target) + 1
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in line.alignment["weights"])


def test_unknown_characters_are_told(run):
    assert [line.unknown for line in read_lines_of(run)(["aé", "b"])] == [("é",), ()]


def test_a_line_that_is_too_long_is_named_after_those_before_it(run):
    answers = read_lines_of(run)(["ab", "a" * 300], at_once=64)
    assert next(answers).number == 1
    with pytest.raises(DataError, match=r"line 2 has 301 tokens, the end included\n  expected: at most 200"):
        next(answers)


def test_a_line_that_cannot_be_read_is_told_after_those_before_it(run):
    def lines():
        yield "ab"
        raise DataError("line 2 is broken")

    answers = read_lines_of(run)(lines(), at_once=64)
    assert next(answers).number == 1
    with pytest.raises(DataError, match="line 2 is broken"):
        next(answers)


def test_an_answer_is_the_same_whatever_is_asked_beside_it(run):
    translate = read_lines_of(run, beam=1).translate
    model = translate.model
    with torch.no_grad():  # a model that never comes to an end says how long it may be
        model.target.table.weight[EOS] = -10 * model.target.table.weight[4:].mean(0)
    alone, short = translate(["a" * 20]), translate(["a"])
    assert translate(["a", "a" * 20]) == [*short, *alone]
    assert len(short[0]) <= longest_answer(2)


def test_a_score_by_location_knows_how_long_a_source_may_be(tmp_path):
    train(toy(tmp_path, "luong", model=BY_LOCATION.format(most=7)), tmp_path / "run")
    lines = read_lines_of(tmp_path / "run")
    assert len(list(lines(["abcdef"]))) == 1
    with pytest.raises(DataError, match=r"line 1 has 8 tokens, the end included\n  expected: at most 7"):
        list(lines(["abcdefg"]))


def test_a_score_by_location_that_is_too_short_is_refused_before_the_training(tmp_path):
    recipe = toy(tmp_path, "luong", model=BY_LOCATION.format(most=6))
    with pytest.raises(
        ConfigError, match="longest_source is 6, and the longest source has 7 tokens"
    ) as error:
        experiment_of(read_recipe(recipe))
    assert error.value.fix == "longest_source = 7"


def test_a_model_without_attention_has_no_alignment(tmp_path):
    train(toy(tmp_path, "seq2seq"), tmp_path / "run")
    assert record(tmp_path / "run", "preview")["examples"][0]["alignment"] is None
    with pytest.raises(ConfigError, match="Seq2Seq has no attention"):
        read_lines_of(tmp_path / "run", aligned=True)


@pytest.mark.parametrize("wrong", [{"beam": 0}, {"length_penalty": -1.0}])
def test_a_search_that_cannot_be_is_refused(run, wrong):
    with pytest.raises(ConfigError, match="expected: a beam of 1 or more, a penalty of 0 or more"):
        read_lines_of(run, **wrong)


def test_the_tokenizer_of_another_run_is_refused(run, translation, tmp_path):
    import shutil

    copy = shutil.copytree(run, tmp_path / "copy")
    path = copy / "tokenizers" / "both.json"
    path.write_text(path.read_text("utf-8").replace('"a"', '"A"'), "utf-8")
    with pytest.raises(
        RunError, match=r"both\.json is not the tokenizer that the networks were trained with"
    ):
        read_lines_of(copy)


def test_predict_points_to_translate(run, tmp_path):
    with pytest.raises(ConfigError, match="use `edgewise translate`"):
        predictions(read_trained(run), tmp_path)


def test_a_run_of_another_task_is_refused(tmp_path):
    from .papers import write_papers

    recipe = write_papers(tmp_path)
    train(recipe, tmp_path / "run")
    with pytest.raises(RunError, match="holds a run of the task 'citation'"):
        read_lines_of(tmp_path / "run")


# ---- data that cannot be -------------------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path):
    pytest.importorskip("sentencepiece", reason="the extra `text` is not installed")
    recipe = parallel(tmp_path)
    (tmp_path / "val.de").unlink()
    with pytest.raises(DataError, match=r"neither .*val\.de nor val\.de\.gz exists"):
        experiment_of(read_recipe(recipe))


def test_files_of_different_length_are_refused_before_any_work(tmp_path):
    recipe = parallel(tmp_path)
    (tmp_path / "train.de").write_text(f"{PAIRS[0][1]}\n", "utf-8")
    with pytest.raises(DataError, match=r"has 24 lines and .* has 1"):
        experiment_of(read_recipe(recipe))


def test_a_joint_table_of_two_vocabularies_is_refused(tmp_path):
    (tmp_path / "forms").write_text("gehen\tnum=SG\tgeht\nsehen\tnum=PL\tsieht\n" * 20, "utf-8")
    text = toy(tmp_path).read_text("utf-8")
    start, end = text.index("[data]"), text.index("[model]")
    data = '[data]\nformat = "inflection"\npath = "."\ntrain = "forms"\ntest = "forms"\n'
    (tmp_path / "i.toml").write_text(text[:start] + data + text[end:], "utf-8")
    with pytest.raises(ConfigError, match='tied = "target" or "none"'):
        experiment_of(read_recipe(tmp_path / "i.toml")).network()


def test_an_ensemble_writes_with_all_of_its_networks(tmp_path):
    recipe = toy(tmp_path)
    recipe.write_text(recipe.read_text("utf-8").replace("seeds = 1", "seeds = 2\nensemble = 2"), "utf-8")
    train(recipe, tmp_path / "run")
    assert [row["seed"] for row in record(tmp_path / "run", "metrics")["runs"]] == [0, 2]
    lines, weights = read_lines_of(tmp_path / "run"), read_trained(tmp_path / "run").weights
    assert sorted(weights) == [0, 1, 2, 3]
    networks = lines.translate.model.networks
    for seed, network in zip((0, 1), networks, strict=True):
        for name, value in network.state_dict().items():
            assert torch.equal(value, weights[seed][name])
    first = record(tmp_path / "run", "metrics")["runs"][0]
    assert first["networks"] == 2
    assert first["parameters"] == sum(value.numel() for seed in (0, 1) for value in weights[seed].values())


@pytest.mark.parametrize("count", [0, 101])
def test_an_ensemble_has_1_to_100_networks(count, tmp_path):
    recipe = toy(tmp_path)
    recipe.write_text(
        recipe.read_text("utf-8").replace("seeds = 1", f"seeds = 1\nensemble = {count}"), "utf-8"
    )
    with pytest.raises(ConfigError, match="1 to 100 networks a run"):
        read_recipe(recipe)
