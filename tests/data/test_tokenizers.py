import io
import sys

import pytest

from edgewise.data.tokenizers import Subwords, Symbols, load_tokenizer
from edgewise.errors import ConfigError, DataError
from edgewise.tokens import BOS, EOS, N_SPECIAL, PAD, UNK

TEXT = [
    f"{a} {b} runs{end}" for a in ("a", "the") for b in ("dog", "cat", "wölf") for end in (".", " fast.")
] * 4


def subwords():
    pytest.importorskip("sentencepiece", reason="the extra `text` is not installed")
    return Subwords.train(TEXT, 23)


def written(tokenizer, folder):
    path = folder / f"mine.{'model' if isinstance(tokenizer, Subwords) else 'json'}"
    path.write_bytes(tokenizer.content)
    return path


@pytest.fixture(params=["subwords", "characters", "inflection"])
def tokenizer(request):
    if request.param == "subwords":
        return subwords()
    return Symbols.train(TEXT, request.param)


def test_the_special_tokens_have_their_numbers(tokenizer):
    assert (PAD, BOS, EOS, UNK) == (0, 1, 2, 3)
    tokens = tokenizer.encode("the dog runs.")
    assert min(tokens) >= N_SPECIAL
    assert max(tokens) < tokenizer.size
    assert tokenizer.decode([BOS, *tokens, EOS, PAD]) == "the dog runs."


def test_text_comes_back_as_it_was(tokenizer):
    for text in [*TEXT, "wölf ffast"]:
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_what_it_does_not_have_is_unknown(tokenizer):
    tokens = tokenizer.encode("dog ☃ ☃")
    assert UNK in tokens
    assert tokenizer.unknown("dog ☃ ☃") == ["☃"]
    assert tokenizer.unknown("the dog") == []
    assert len(tokenizer.pieces(tokens)) == len(tokens)
    assert all(tokenizer.pieces([BOS, EOS]))


def test_it_survives_a_file(tokenizer, tmp_path):
    again = load_tokenizer(written(tokenizer, tmp_path), tokenizer.fingerprint)
    assert (again.size, again.fingerprint) == (tokenizer.size, tokenizer.fingerprint)
    assert again.encode("the cat runs.") == tokenizer.encode("the cat runs.")


def test_training_twice_gives_the_same(tokenizer):
    again = subwords() if isinstance(tokenizer, Subwords) else Symbols.train(TEXT[::-1], tokenizer.splitting)
    assert again.fingerprint == tokenizer.fingerprint


def test_the_tokenizer_of_another_run_is_refused(tokenizer, tmp_path):
    with pytest.raises(DataError, match="is not the tokenizer that the networks were trained with"):
        load_tokenizer(written(tokenizer, tmp_path), "0" * 64)


@pytest.mark.parametrize(("name", "content"), [("a.json", b"{"), ("a.json", b"{}"), ("a.model", b"nothing")])
def test_a_damaged_file_is_refused(tmp_path, name, content):
    if name.endswith(".model"):
        pytest.importorskip("sentencepiece", reason="the extra `text` is not installed")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} is damaged"):
        load_tokenizer(tmp_path / name)
    with pytest.raises(DataError, match="cannot be read"):
        load_tokenizer(tmp_path / "none.json")


def test_without_sentencepiece_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(ConfigError, match="subwords need SentencePiece, which is not installed") as error:
        Subwords.train(TEXT, 23)
    assert error.value.fix == "pip install 'edgewise[text]'"


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (4000, "a vocabulary of 4000 pieces: Vocabulary size too high (4000)"),
        (5, "a vocabulary of 5 pieces: Vocabulary size is smaller than required_chars"),
        (4, "a vocabulary of 4 pieces from 48 lines of text"),
        (0, "a vocabulary of 0 pieces from 48 lines of text"),
    ],
)
def test_a_vocabulary_that_the_text_does_not_allow_is_refused_in_silence(size, said, capfd):
    pytest.importorskip("sentencepiece", reason="the extra `text` is not installed")
    with pytest.raises(ConfigError) as error:
        Subwords.train(TEXT, size)
    assert error.value.found.startswith(said)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("lines", [[], ["", " "]])
def test_a_vocabulary_of_no_text_is_refused(lines):
    pytest.importorskip("sentencepiece", reason="the extra `text` is not installed")
    with pytest.raises(ConfigError, match="a vocabulary of 20 pieces from 0 lines of text"):
        Subwords.train(lines, 20)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_subwords_are_learnt_in_silence_and_the_same_each_time(kind, capfd):
    pytest.importorskip("sentencepiece", reason="the extra `text` is not installed")
    first, again = (Subwords.train(iter(TEXT), 30 if kind == "bpe" else 23, kind) for _ in range(2))
    assert first.content == again.content
    assert capfd.readouterr() == ("", "")


def test_subwords_keep_the_characters_as_they_are_but_one_space_of_a_run():
    pytest.importorskip("sentencepiece", reason="the extra `text` is not installed")
    text = "Ａ ﬁ ½ é e\u0301"  # that NFKC would change
    tokenizer = Subwords.train([text, *TEXT], 28)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(tokenizer.encode("the   dog")) == "the dog"


def test_characters_of_very_long_lines_are_known_too():
    pytest.importorskip("sentencepiece", reason="the extra `text` is not installed")
    assert Subwords.train(["the dog " * 1000 + "ß", *TEXT], 24).unknown("ß") == []


def test_the_names_of_special_tokens_in_a_text_are_text():
    pytest.importorskip("sentencepiece", reason="the extra `text` is not installed")
    tokens = subwords().encode("the </s> dog")
    assert not {PAD, BOS, EOS} & set(tokens)


def test_subwords_that_number_special_tokens_otherwise_are_refused():
    module = pytest.importorskip("sentencepiece", reason="the extra `text` is not installed")
    made = io.BytesIO()
    module.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT), model_writer=made, vocab_size=22, minloglevel=2
    )
    with pytest.raises(DataError, match="numbers its special tokens in another way"):
        Subwords(made.getvalue())


def test_inflection_cuts_tags_from_letters():
    tokenizer = Symbols.train(["gehen\tpos=V,num=SG"], "inflection")
    assert tokenizer.pieces(tokenizer.encode("neg\tnum=SG")) == ["num=SG", "n", "e", "g"]


def test_a_list_with_a_symbol_twice_is_refused():
    with pytest.raises(DataError, match="a list of 2 symbols to be cut as 'characters'"):
        Symbols(["a", "a"])
