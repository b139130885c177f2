import gzip
import re

import pytest

from edgewise.data.inflection import inflection_symbols, read_inflection
from edgewise.data.reversal import reversal
from edgewise.data.text import read_lines, read_parallel
from edgewise.errors import ConfigError, DataError


def write(folder, name, *lines, ending="\n"):
    path = folder / name
    content = ("\n".join(lines) + ending).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
@pytest.mark.parametrize("ending", ["\n", ""])
def test_lines_are_read_without_spaces_at_their_ends(tmp_path, name, ending):
    path = write(tmp_path, name, " ein Satz\u2028noch einer ", "", "ä", ending=ending)
    assert read_lines(path) == ["ein Satz\u2028noch einer", "", "ä"]


def test_windows_endings_and_a_byte_order_mark_vanish(tmp_path):
    (tmp_path / "a").write_bytes("\ufeffa\r\nb\r\n".encode())
    assert read_lines(tmp_path / "a") == ["a", "b"]


def test_bytes_that_are_not_utf8_name_their_line(tmp_path):
    (tmp_path / "a").write_bytes(b"good\nb\xe4d\n")
    with pytest.raises(DataError, match=r"a, line 2: byte 0xe4 is not UTF-8\n  expected: a text in UTF-8"):
        read_lines(tmp_path / "a")


@pytest.mark.parametrize(("name", "content"), [("none.txt", None), ("a.gz", b"no gzip")])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=re.escape(str(tmp_path / name))):
        read_lines(tmp_path / name)


def test_an_empty_file_has_no_lines(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    assert read_lines(tmp_path / "a") == []


def test_pairs_with_an_empty_side_are_left_out_and_told(tmp_path):
    source, target = write(tmp_path, "s", "a", "", "c", "d"), write(tmp_path, "t", "A", "B", " ", "D")
    text = read_parallel(source, target)
    assert (text.source, text.target, text.left_out) == (("a", "d"), ("A", "D"), (2, 3))


def test_files_of_different_length_name_the_first_line_without_a_partner(tmp_path):
    source, target = write(tmp_path, "s", "a", "b", "c"), write(tmp_path, "t", "A", "B")
    with pytest.raises(DataError) as error:
        read_parallel(source, target)
    assert f"{source} has 3 lines and {target} has 2" in str(error.value)
    assert f"line 3 of {source} is the first without a partner" in str(error.value)


def test_files_without_a_pair_are_refused(tmp_path):
    with pytest.raises(DataError, match="no line has something on both sides"):
        read_parallel(write(tmp_path, "s", "a", ""), write(tmp_path, "t", "", "b"))


def test_an_inflection_is_a_lemma_with_tags_and_a_form(tmp_path):
    text = read_inflection(write(tmp_path, "i", "gehen\tpos=V,per=3\tgeht", "", "Haus\tnum=PL\tHäuser"))
    assert text.source == ("gehen\tpos=V,per=3", "Haus\tnum=PL")
    assert (text.target, text.left_out) == (("geht", "Häuser"), (2,))
    assert inflection_symbols(text.source[0]) == ["pos=V", "per=3", *"gehen"]


@pytest.mark.parametrize(
    ("line", "said"), [("a\tb", "2 columns"), ("a", "1 column"), ("a\tb\tc\td", "4 columns")]
)
def test_an_inflection_with_other_columns_names_its_line(tmp_path, line, said):
    path = write(tmp_path, "i", "a\tb\tc", line)
    with pytest.raises(DataError, match=re.escape(f"{path}, line 2: {said} in {line!r}")):
        read_inflection(path)


def test_words_backwards_are_a_function_of_the_seed():
    text = reversal(200, (2, 5), 7)
    assert text == reversal(200, (2, 5), 7) != reversal(200, (2, 5), 8)
    assert all(word == back[::-1] for word, back in zip(text.source, text.target, strict=True))
    assert {len(word) for word in text.source} == {2, 3, 4, 5}
    with pytest.raises(ConfigError, match="words of 3 to 2 letters"):
        reversal(1, (3, 2), 0)


@pytest.mark.shared
def test_the_shared_texts_have_their_lines(shared):
    folder = shared / "data" / "multi30k"
    text = read_parallel(folder / "train.en.gz", folder / "train.de.gz")
    assert (len(text), text.left_out) == (29000, ())
    assert text.source[0] == "Two young, White males are outside near many bushes."
    forms = read_inflection(shared / "data" / "sigmorphon2016" / "german-task1-train.gz")
    assert (len(forms), forms.source[2], forms.target[2]) == (
        12490,
        "aalen\tpos=V,mood=IND,tense=PST,aspect=PFV,per=2,num=SG",
        "aaltest",
    )
    assert len(read_inflection(shared / "data" / "sigmorphon2016" / "german-task1-dev.gz")) == 1597
