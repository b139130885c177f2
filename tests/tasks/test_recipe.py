"""Recipes: those that are shipped are complete, and every kind of mistake is named before any work is lost."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from edgewise.errors import ConfigError, RunError
from edgewise.tasks.recipe import KEYS, TASKS, read_recipe, recipe_from, write_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
SHIPPED = (
    *("cora-gat", "cora-gcn", "digits-nonlocal", "esol-mpnn"),
    *("forces-balls", "forces-nbody", "forces-string", "freesolv-mpnn"),
    *("in-balls", "in-nbody", "in-nbody-energy", "in-string", "in-string-energy", "moving-digits"),
    *("multi30k-bahdanau", "multi30k-luong-global", "multi30k-luong-local", "multi30k-seq2seq"),
    *("multi30k-shaw", "multi30k-transformer", "pubmed-gat", "pubmed-gcn"),
    *("reverse-bahdanau", "reverse-seq2seq", "reverse-shaw", "reverse-transformer"),
    *("sigmorphon-bahdanau", "sigmorphon-transformer", "solar-system"),
)

CORA = """
task = "citation"
[data]
format = "planetoid"
path = "papers"
name = "cora"
[model]
kind = "gcn"
[training]
seeds = 2
"""
ESOL = """
task = "molecules"
[data]
format = "table"
path = "a.csv"
[model]
kind = "mpnn"
"""


def changed(text, old, new):
    assert old in text
    return tomllib.loads(text.replace(old, new))


def test_all_recipes_are_known_here():
    assert tuple(sorted(path.stem for path in RECIPES.glob("*.toml"))) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_recipe_is_complete(name):
    path = RECIPES / f"{name}.toml"
    recipe, values = read_recipe(path), tomllib.loads(path.read_text("utf-8"))
    assert recipe.name == name
    assert path.read_text("utf-8").startswith("# ")
    assert f"edgewise train recipes/{name}.toml" in path.read_text("utf-8")
    for table in ("data", "model", "training"):
        written = values[table].keys() - {"format", "kind"}
        assert written == {f.name for f in fields(getattr(recipe, table))}, table
    assert recipe.published is None or "201" in recipe.published.source
    assert recipe.published is not None or recipe.task in ("sequences", "central-forces", "images", "physics")
    path = values["data"]["path"]
    assert not path or Path(recipe.data.path) == (RECIPES / path).resolve()


@pytest.mark.parametrize("name", SHIPPED)
def test_the_data_of_a_shipped_recipe_are_there(name, shared):
    path = read_recipe(RECIPES / f"{name}.toml").data.path
    assert not path or Path(path).exists()


def test_the_protocols_are_those_of_the_papers():
    by = {name: read_recipe(RECIPES / f"{name}.toml") for name in SHIPPED}
    for name in ("cora-gcn", "pubmed-gcn"):
        training = by[name].training
        assert (training.learning_rate, training.l2, training.l2_on) == (0.01, 5e-4, "first-layer")
        assert (training.max_epochs, training.stopping, training.patience) == (200, "rising-loss", 10)
        assert (by[name].model.hidden, by[name].model.dropout) == (16, 0.5)
    gats = ("cora-gat", 0.005, 5e-4, 1, "patience"), ("pubmed-gat", 0.01, 1e-3, 8, "patience-loss")
    for name, rate, l2, heads, stopping in gats:
        training, model = by[name].training, by[name].model
        assert (training.learning_rate, training.l2, training.l2_on) == (rate, l2, "everything")
        assert (training.max_epochs, training.stopping, training.patience) == (100_000, stopping, 100)
        assert (model.hidden, model.heads, model.output_heads, model.dropout) == (8, 8, heads, 0.6)
        assert model.logit_bias
    assert all(by[name].training.seeds == 20 for name in SHIPPED if by[name].task == "citation")
    assert all(by[name].training.seeds == 3 for name in SHIPPED if by[name].task == "molecules")


@pytest.mark.parametrize("text", [CORA, ESOL])
def test_a_recipe_survives_being_written_and_read(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    recipe = read_recipe(tmp_path / "mine.toml")
    assert recipe.name == "mine"
    assert Path(recipe.data.path).parent == tmp_path.resolve()
    (tmp_path / "elsewhere").mkdir()
    write_recipe(recipe, tmp_path / "elsewhere" / "recipe.toml")
    assert read_recipe(tmp_path / "elsewhere" / "recipe.toml") == recipe
    assert set(tomllib.loads((tmp_path / "elsewhere" / "recipe.toml").read_text())) == set(KEYS) - {
        "published"
    }


def test_data_and_seeds_can_be_overruled():
    recipe = recipe_from(tomllib.loads(CORA), "r.toml", "r")
    assert recipe.with_data(Path("other")).data.path == "other"
    assert recipe.with_seeds(7).training.seeds == 7
    assert recipe.with_seeds(7).settings() == recipe.settings() | {"training.seeds": 7}
    with pytest.raises(ConfigError, match=r"seeds is 0\n  expected: 1 to 1000 networks"):
        recipe.with_seeds(0)


@pytest.mark.parametrize(
    ("old", "new", "found", "expected"),
    [
        (
            "[training]",
            "[trainig]",
            "unknown table or setting 'trainig' (did you mean 'training'?)",
            "one of task",
        ),
        (
            "seeds",
            "sedes",
            "table [training]: unknown setting 'sedes' (did you mean 'seeds'?)",
            "learning_rate",
        ),
        ('task = "citation"', "", "r.toml names no task", 'task = "citation", say'),
        (
            "citation",
            "citations",
            "unknown task 'citations' (did you mean 'citation'?)",
            "citation, molecules",
        ),
        ('"gcn"', '"gnc"', "table [model]: unknown kind 'gnc' (did you mean 'gcn'?)", "one of gcn, gat"),
        ('"gcn"', '"mpnn"', "table [model]: unknown kind 'mpnn'", "one of gcn, gat"),
        ('kind = "gcn"', "", "table [model]: kind is not given", "one of gcn, gat"),
        (
            'kind = "gcn"',
            'kind = "gcn"\nheads = 8',
            "table [model]: unknown setting 'heads'",
            "dropout, hidden",
        ),
        ('"planetoid"', '"planetoids"', "unknown format 'planetoids' (did you mean 'planetoid'?)", "graphml"),
        ('path = "papers"', "", "table [data]: path is not given", "a value (str)"),
        ('path = "papers"', "path = 3", "table [data]: path is 3", "a value like '' (str)"),
        ("seeds = 2", 'seeds = "2"', "table [training]: seeds is '2'", "a value like 20 (int)"),
        ("seeds = 2", "seeds = 0", "table [training]: seeds is 0", "1 to 1000 networks"),
        ("seeds = 2", "l2 = -1.0", "table [training]: l2 is -1.0", "0 or a positive number"),
        ("seeds = 2", 'l2_on = "first"', "unknown l2_on 'first' (did you mean", "first-layer, all-weights"),
        ("seeds = 2", 'stopping = "never"', "unknown stopping 'never'", "rising-loss, patience"),
        (
            "[training]",
            "[published]\nvalue = 1\n[training]",
            "table [published]: source is not given",
            "(str)",
        ),
        ('task = "citation"', 'task = "citation"\nname = 3', "r.toml: name is 3", "a text"),
        ("[model]", "[[model]]", "r.toml: model is [", "a table [model] with kind"),
    ],
)
def test_a_mistake_is_named_with_its_place(old, new, found, expected):
    with pytest.raises(ConfigError) as error:
        recipe_from(changed(CORA, old, new), "r.toml", "r")
    assert str(error.value).startswith("r.toml")
    assert found in str(error.value)
    assert expected in str(error.value)


def test_a_recipe_without_data_says_so():
    with pytest.raises(ConfigError) as error:
        recipe_from({"task": "citation"}, "r.toml", "r")
    assert "r.toml has no table [data]" in str(error.value)
    assert "a table [data] with format = one of planetoid, graphml" in str(error.value)


RANGES = [
    ("citation", "training", name, value)
    for name, value in [
        ("learning_rate", 0.0),
        ("learning_rate", 1.5),
        ("max_epochs", 0),
        ("patience", 0),
        ("seeds", 1001),
    ]
] + [
    ("molecules", "training", name, value)
    for name, value in [
        ("ensemble", 0),
        ("epochs", 0),
        ("batch_size", 0),
        ("clip", -1.0),
        ("patience", -1),
        ("weight_decay", -0.1),
        ("learning_rate", 2.0),
    ]
]


@pytest.mark.parametrize(("task", "table", "name", "value"), RANGES)
def test_a_value_out_of_range_is_refused(task, table, name, value):
    record = getattr(TASKS[task], table)
    with pytest.raises(ConfigError, match=f"{name} is {value!r}"):
        record(**{name: value})


@pytest.mark.parametrize("task", TASKS)
def test_every_field_of_a_table_is_described(task):
    kinds = TASKS[task]
    for record in (*kinds.data.values(), *kinds.model.values(), kinds.training):
        about = "".join((kind.__doc__ or "").partition("Attributes:")[2] for kind in record.__mro__)
        for f in fields(record):
            assert f"{f.name}:" in about, f"{record.__name__}.{f.name}"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RunError) as error:
        read_recipe(tmp_path / "none.toml")
    assert f"{tmp_path / 'none.toml'} cannot be read: No such file or directory" in str(error.value)
    assert "take one of the folder `recipes` as a start" in str(error.value)
