"""What `import edgewise` offers."""

import subprocess
import sys
from types import FunctionType

import pytest

import edgewise as ew


@pytest.mark.parametrize("name", ew.__all__)
def test_every_public_name_is_there(name):
    assert getattr(ew, name) is not None
    assert name in dir(ew)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'edgewise' has no attribute 'infre'"):
        ew.infre  # noqa: B018


def test_public_names_are_in_order_and_few():
    assert len(ew.__all__) == len(set(ew.__all__)) <= 30


@pytest.mark.parametrize(
    "before",
    ["import edgewise.inference.infer", "import edgewise.inference; edgewise.inference.Inference"],
)
def test_infer_is_the_function_whatever_was_imported_before(before):
    code = (
        f"{before}\nfrom edgewise import infer\nimport edgewise.inference, edgewise.inference.infer\n"
        "from types import FunctionType as F\n"
        "assert isinstance(infer, F) and infer is edgewise.infer is edgewise.inference.infer"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_five_lines_of_the_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ew.save(ew.simulate("springs", entities=3, sequences=1, steps=25, seed=0), "made.csv")
    table = (tmp_path / "made.csv").read_text().replace("sequence,time,entity", "trial,t,id", 1)
    (tmp_path / "tracks.csv").write_text(table)

    data = ew.load("tracks.csv", time="t", entity="id", position=["x", "y"])
    result = ew.infer(data)
    page = result.report("report.html")

    assert isinstance(ew.infer, FunctionType)
    assert isinstance(result, ew.Inference)
    assert result.entities == ["0", "1", "2"]
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert page.samefile(tmp_path / "report.html")
