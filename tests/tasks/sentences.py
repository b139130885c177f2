"""Small recipes of sequences, with their data."""

from pathlib import Path

TOY = """
task = "sequences"
[data]
format = "reversal"
words = 300
shortest = 1
longest = 3
beyond = 6
[model]
kind = "{kind}"
{model}
[training]
seeds = {seeds}
learning_rate = 1e-2
warmup = 20
tokens = 200
epochs = 3
average = {average}
beam = 2
length_penalty = 0.0
"""
TRANSFORMER = 'dim = 16\nheads = 2\nfeed_forward = 32\nencoder_layers = 1\ndecoder_layers = 1\nnorm = "pre"'
MODELS = {
    "seq2seq": "embedding_dim = 8\nhidden = 16\nlayers = 1",
    "bahdanau": "embedding_dim = 8\nhidden = 16\nalign = 8\nmaxout = 8",
    "luong": 'embedding_dim = 8\nhidden = 16\nlayers = 1\nalignment = "local-p"\nreach = 2',
    "transformer": TRANSFORMER,
}
BY_LOCATION = 'embedding_dim = 8\nhidden = 16\nlayers = 1\nscore = "location"\nlongest_source = {most}'
PAIRS = [
    ("the dog runs", "der Hund rennt"),
    ("a cat sleeps", "eine Katze schläft"),
    ("the cat runs", "die Katze rennt"),
]


def toy(
    folder: Path, kind: str = "transformer", *, seeds: int = 1, average: int = 1, model: str | None = None
) -> Path:
    path = folder / "toy.toml"
    text = TOY.format(kind=kind, model=MODELS[kind] if model is None else model, seeds=seeds, average=average)
    path.write_text(text, encoding="utf-8")
    return path


def parallel(folder: Path, **more: object) -> Path:
    """A recipe of translation with three files of a few sentences."""
    for stem, times in (("train", 8), ("val", 1), ("test", 2)):
        for side, ending in enumerate(("en", "de")):
            text = "".join(f"{pair[side]}\n" for pair in PAIRS * times)
            (folder / f"{stem}.{ending}").write_text(text, encoding="utf-8")
    values = {"source": "en", "target": "de", "test": "test", "vocabulary": 30} | more
    lines = "\n".join(f"{name} = {value!r}".replace("'", '"') for name, value in values.items())
    path = folder / "small.toml"
    data = f'[data]\nformat = "parallel"\npath = "."\n{lines}\n'
    text = TOY.format(kind="transformer", model=MODELS["transformer"], seeds=1, average=1)
    start, end = text.index("[data]"), text.index("[model]")
    path.write_text(text[:start] + data + text[end:], encoding="utf-8")
    return path
