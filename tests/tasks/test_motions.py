"""Recordings as tensors: what describes objects and relations, in which units, and what is refused."""

import numpy as np
import pytest
import torch

from edgewise import simulate
from edgewise.data import from_arrays, validate
from edgewise.errors import DataError
from edgewise.relation import Complete, Sparse
from edgewise.tasks.motion_scales import scales_of
from edgewise.tasks.motions import described, read_motions, relations_of, time_step_of


def recording(n=3, frames=6, systems=2, **more):
    rng = np.random.default_rng(0)
    drawn = {name: rng.standard_normal((systems, frames, n)) for name in ("x", "y", "vx", "vy")}
    constants = {
        name: np.broadcast_to(np.asarray(v, float), (systems, frames, n)) for name, v in more.items()
    }
    return from_arrays(
        {**drawn, **constants}, position=["x", "y"], velocity=["vx", "vy"], time=0.5 * np.arange(frames)
    )


def read(ds):
    return read_motions(ds, described(ds))


def with_edges(ds, edges):
    return validate(ds.assign(edges=(("sequence", "receiver", "sender"), np.asarray(edges))))


def test_constants_are_attributes_and_some_of_them_more():
    ds = recording(
        mass=[1, 2, 3], charge=[1, -1, 1], fixed=[0, 0, 1], radius=0.5, half_width=0.1, half_height=0.2
    )
    names = described(ds)
    assert names.attributes == ("mass", "charge", "fixed", "radius")
    motions = read(ds)
    assert motions.attributes.shape == (2, 3, 4)
    assert motions.mass[0, :, 0].tolist() == [1, 2, 3]
    assert motions.fixed[0, :, 0].tolist() == [False, False, True]
    assert motions.half_extents[0, 0].tolist() == pytest.approx([0.1, 0.2])
    assert motions.dims().shaped
    assert motions.dims().mass


def test_accelerations_from_outside_may_change_over_time():
    ds = recording()
    pull = np.random.default_rng(1).standard_normal((2, 6, 3))
    ds = validate(ds.assign(ax=(ds.x.dims, pull), ay=(ds.x.dims, 2 * pull)))
    motions = read(ds)
    assert described(ds).external == ("ax", "ay")
    np.testing.assert_allclose(
        motions.at(torch.tensor([1]), torch.tensor([4])).external[0, :, 1], 2 * pull[1, 4]
    )


def test_frames_of_some_systems_are_gathered():
    ds = recording()
    objects = read(ds).at(torch.tensor([1, 0]), torch.tensor([2, 5]))
    np.testing.assert_array_equal(objects.position[0, :, 0], ds.x.to_numpy()[1, 2])
    np.testing.assert_array_equal(objects.velocity[1, :, 1], ds.vy.to_numpy()[0, 5])


def test_without_a_graph_everybody_acts_on_everybody():
    relation, present, labels = relations_of(recording())
    assert isinstance(relation, Complete)
    assert (relation.n_edges, present, labels) == (6, None, None)


def test_one_graph_for_all_is_a_list_of_its_edges():
    edges = np.array([[0, 1, 2], [0, 0, 0], [1, 0, 0]])
    relation, present, labels = relations_of(with_edges(recording(), np.stack([edges, edges])))
    assert isinstance(relation, Sparse)
    assert present is None
    pairs = zip(relation.receivers.tolist(), relation.senders.tolist(), labels[0].tolist(), strict=True)
    assert set(pairs) == {(0, 1, 1), (0, 2, 2), (2, 0, 1)}


def test_graphs_that_differ_are_a_mask():
    edges = np.zeros((2, 3, 3), int)
    edges[0, 0, 1] = edges[1, 2, 0] = 1
    ds = with_edges(recording(), edges)
    relation, present, _ = relations_of(ds)
    np.testing.assert_array_equal(relation.to_dense(present[..., None].int())[..., 0], edges)
    assert read(ds).at(torch.tensor([1]), torch.tensor([0])).relation.in_degrees.tolist() == [[0, 0, 1]]


def test_kinds_of_relations_and_what_pairs_have_are_attributes():
    ds = simulate("string", entities=3, sequences=2, steps=4, seed=0)
    motions = read(validate(ds))
    names = described(validate(ds))
    assert names.pairs == ("spring_constant", "rest_length")
    relation = motions.relation
    assert isinstance(relation, Sparse)
    known = {
        (r, s): row.tolist()
        for r, s, row in zip(
            relation.receivers.tolist(),
            relation.senders.tolist(),
            motions.relation_attributes[0],
            strict=True,
        )
    }
    ball = ds.sizes["entity"] - 1
    assert known[(1, 0)][:2] == [1, 0]  # a spring
    assert known[(1, 0)][2] == pytest.approx(ds.spring_constant.to_numpy()[0, 1, 0])
    assert known[(1, ball)] == [0, 1, 0, 0]  # a contact


def test_scales_hold_the_middle_of_the_data():
    ds = recording(n=3, frames=400, mass=[0.01, 1, 100], spin=[1, 2, 3])
    ds = ds.assign(x=10 + 3 * ds.x, y=3 * ds.y)
    scales = scales_of(read(validate(ds)))
    assert scales.center == pytest.approx((10, 0), abs=0.5)
    assert scales.length == pytest.approx(3 * 1.645, rel=0.1)  # 95th percentile of the normal distribution
    assert scales.change == pytest.approx(2**0.5, rel=0.1)
    assert scales.time_step == 0.5
    assert [scale.log for scale in scales.attributes] == [True, False]
    assert scales.attributes[1].center == 2
    assert scales.attributes[1].scale == 1


def test_scales_leave_out_what_is_fixed():
    ds = recording(frames=50, fixed=[0, 0, 1])
    far = ds.assign(x=ds.x.where(ds.entity != "2", 1000.0))
    assert scales_of(read(validate(far))) == scales_of(read(ds))


def test_masses_must_be_above_zero():
    with pytest.raises(DataError, match=r"the mass of '1' in recording '0' is -2"):
        read(recording(mass=[1, -2, 3]))


def test_points_must_not_coincide():
    ds = recording()
    x, y = ds.x.to_numpy().copy(), ds.y.to_numpy().copy()
    x[1, 3, 2], y[1, 3, 2] = x[1, 3, 0], y[1, 3, 0]
    ds = ds.assign(x=(ds.x.dims, x), y=(ds.y.dims, y))
    with pytest.raises(DataError, match=r"'0' and '2' are at the same place in frame 3 of recording '1'"):
        read(ds)


def test_the_clock_must_be_even():
    ds = recording().assign_coords(time=[0, 1, 2, 3, 5, 6])
    with pytest.raises(DataError, match=r"the step from frame 3 to 4 of recording '0' takes 2, others 1"):
        time_step_of(ds)


def test_gaps_are_refused():
    ds = recording()
    x = ds.x.to_numpy().copy()
    x[0, 2, 1] = np.nan
    with pytest.raises(DataError, match=r"'x' is missing at recording '0', frame 2, entity '1'"):
        read(ds.assign(x=(ds.x.dims, x)))


def test_other_features_must_not_change():
    ds = recording()
    ds = validate(ds.assign(temperature=ds.x * 2))
    with pytest.raises(
        DataError, match=r"the feature 'temperature' changes over time \(recording '0', entity '0'\)"
    ):
        described(ds)


def test_velocities_are_needed():
    ds = recording()
    ds.attrs["velocity"] = []
    with pytest.raises(DataError, match="the data have no velocity"):
        described(ds)


def test_a_graph_that_changes_is_refused():
    ds = recording().assign(edges=(("sequence", "time", "receiver", "sender"), np.ones((2, 6, 3, 3), int)))
    with pytest.raises(DataError, match="the graph changes over time"):
        read_motions(validate(ds), described(recording()))


def test_unknown_relations_are_refused():
    edges = np.ones((2, 3, 3), int)
    edges[0, 0, 1] = -1
    with pytest.raises(DataError, match="labelled -1"):
        relations_of(with_edges(recording(), edges))


def test_features_of_the_training_must_be_there():
    with pytest.raises(DataError, match="the data have no 'mass'"):
        read_motions(recording(), described(recording(mass=[1, 2, 3])))
