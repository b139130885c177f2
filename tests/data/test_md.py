"""Trajectories of molecular dynamics, read by MDAnalysis."""

import sys

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from edgewise.data import load
from edgewise.data.md import superposed
from edgewise.errors import ConfigError, DataError


@pytest.fixture
def adk() -> dict[str, str]:
    """Adenylate kinase, which closes: 98 frames, 214 residues, from the tests of MDAnalysis."""
    pytest.importorskip("MDAnalysis", reason="the extra md is not installed")
    files = pytest.importorskip("MDAnalysisTests.datafiles", reason="MDAnalysisTests is not installed")
    return {"trajectory": files.DCD, "topology": files.PSF}


def read(adk: dict[str, str], **how):
    return load(adk["trajectory"], topology=adk["topology"], **how)


def points(ds) -> np.ndarray:
    return np.stack([ds[axis].to_numpy()[0] for axis in "xyz"], -1)


def test_alpha_carbons_in_angstrom_and_picoseconds(adk):
    ds = read(adk)
    assert dict(ds.sizes) == {"sequence": 1, "time": 98, "entity": 214}
    assert list(ds["entity"].to_numpy()[[0, -1]]) == ["MET1", "GLY214"]
    assert ds.attrs["position"] == ["x", "y", "z"]
    assert (ds["x"].attrs["units"], ds["time"].attrs["units"]) == ("A", "ps")
    bonds = np.linalg.norm(np.diff(points(ds), axis=1), axis=-1)
    assert 3.6 < np.median(bonds) < 4.0  # neighbouring alpha carbons are 3.8 A apart


def test_every_nth_frame_and_selected_atoms(adk):
    whole, some = read(adk), read(adk, select="name CA and resid 1:10", every=7)
    assert dict(some.sizes) == {"sequence": 1, "time": 14, "entity": 10}
    np.testing.assert_array_equal(points(some), points(whole)[::7, :10])


def test_atoms_of_one_residue_have_names_of_their_own(adk):
    ds = read(adk, select="resid 1:2 and name N CA C", every=49)
    assert list(ds["entity"].to_numpy()) == ["MET1-N", "MET1-CA", "MET1-C", "ARG2-N", "ARG2-CA", "ARG2-C"]


@pytest.mark.filterwarnings("ignore:DCDReader currently makes independent:DeprecationWarning")
def test_centres_of_mass_of_residues(adk):
    import MDAnalysis

    ds = read(adk, select="resid 5:7", residues=1, every=49)
    assert list(ds["entity"].to_numpy()) == ["LEU5", "LEU6", "GLY7"]
    atoms = MDAnalysis.Universe(adk["topology"], adk["trajectory"]).select_atoms("resid 6")
    by_hand = (atoms.masses[:, None] * atoms.positions).sum(0) / atoms.masses.sum()
    np.testing.assert_allclose(points(ds)[0, 1], by_hand, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:DCDReader currently makes independent:DeprecationWarning")
def test_runs_of_residues_are_even_and_have_the_mass_of_their_atoms(adk):
    import MDAnalysis

    ds = read(adk, select="protein", residues=10, every=49)
    names = list(ds["entity"].to_numpy())
    assert len(names) == 21
    assert names[0] == "MET1:ALA11"
    atoms = MDAnalysis.Universe(adk["topology"], adk["trajectory"]).select_atoms("resid 1:11")
    by_hand = (atoms.masses[:, None] * atoms.positions).sum(0) / atoms.masses.sum()
    np.testing.assert_allclose(points(ds)[0, 0], by_hand, rtol=1e-4)


def test_alignment_is_that_of_mdanalysis(adk):
    from MDAnalysis.analysis import align

    raw, aligned = points(read(adk, every=24)), points(read(adk, every=24, align=True))
    np.testing.assert_allclose(aligned[0], raw[0], atol=1e-6)
    centred = raw - raw.mean(1, keepdims=True)
    for frame in range(1, len(raw)):
        _, rmsd = align.rotation_matrix(centred[frame], centred[0])
        ours = np.sqrt(((aligned[frame] - aligned[0]) ** 2).sum(-1).mean())
        assert ours == pytest.approx(rmsd, abs=1e-4)


def test_a_body_that_only_turns_and_drifts_stands_still():
    body = np.random.default_rng(0).normal(size=(6, 3))
    turns = Rotation.random(5, rng=1)
    moved = np.stack([turn.apply(body) + k for k, turn in enumerate(turns)])
    np.testing.assert_allclose(superposed(moved), np.broadcast_to(moved[0], moved.shape), atol=1e-12)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"select": "name QQ"}, "gives 0 entities of 0 atoms"),
        ({"select": "nmae CA"}, "select='nmae CA' is no selection"),
        ({"time": "t"}, r"time='t' was asked for, but .* is no table"),
    ],
)
def test_wrong_choices_are_explained(adk, how, says):
    with pytest.raises(DataError, match=says):
        read(adk, **how)


def test_files_that_do_not_belong_together(adk, tmp_path):
    with pytest.raises(DataError, match="no such topology does not exist"):
        load(adk["trajectory"], topology=tmp_path / "no such topology")
    with pytest.raises(DataError, match="MDAnalysis cannot read it") as error:
        load(adk["trajectory"])
    assert "--topology" in str(error.value)
    with pytest.raises(ConfigError, match="every = 0"):
        read(adk, every=0)


def test_choices_of_molecular_trajectories_are_refused_elsewhere(tmp_path):
    (tmp_path / "tracks.csv").write_text("t,id,x,y\n0,a,0,0\n0,b,1,1\n1,a,0,1\n1,b,1,2\n")
    with pytest.raises(
        DataError, match=r"select='name CA', align=True was asked for, but .*tracks\.csv is no"
    ):
        load(tmp_path / "tracks.csv", select="name CA", align=True)


def test_without_mdanalysis_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "MDAnalysis", None)
    (tmp_path / "a.dcd").write_bytes(b"")
    with pytest.raises(ConfigError, match="MDAnalysis, which is not installed") as error:
        load(tmp_path / "a.dcd")
    assert "edgewise[md]" in str(error.value)
