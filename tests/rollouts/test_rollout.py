"""When a rollout is stopped, and what is said of it."""

import numpy as np
import pytest

from edgewise.errors import DataError
from edgewise.rollouts import diverging, reach, stopped
from rollouts.courses import course, straight


def test_what_stays_near_does_not_diverge():
    assert diverging(np.zeros((2, 3, 2)), np.zeros((2, 3, 2)), 1.0) is None


def test_the_first_object_that_is_too_far_is_named():
    position = np.zeros((2, 3, 2))
    position[1, 2] = [3.0, 4.0]
    position[1, 1] = [0.0, 9.0]
    system, entity, reason = diverging(position, None, 4.5)
    assert (system, entity) == (1, 1)
    assert reason == "is 9 from the centre, beyond the limit of 4.5"
    assert diverging(position, None, 4.5, centre=np.array([0.0, 4.6])) is not None
    assert diverging(position, None, 5.0, centre=np.array([0.0, 4.6])) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["position", "velocity"])
def test_a_number_that_is_not_finite_diverges(value, where):
    state = {"position": np.zeros((1, 2, 2)), "velocity": np.zeros((1, 2, 2))}
    state[where][0, 1, 0] = value
    found = diverging(state["position"], state["velocity"], 1e9)
    assert found == (0, 1, "is no longer at a finite place or speed")


def test_objects_that_are_not_there_are_not_looked_at():
    position = np.zeros((1, 2, 2))
    position[0, 1] = np.nan
    assert diverging(position, None, 1.0, present=np.array([[True, False]])) is None


def test_the_reach_is_measured_from_the_middle_of_all_places():
    centre, far = reach(course(straight(5)), times=3.0)
    assert centre.tolist() == [0.5, 2.0]
    assert far == pytest.approx(3 * np.hypot(0.5, 2.0))


def test_what_never_moves_reaches_one_unit():
    _, far = reach(course(np.zeros((1, 3, 2, 2))), times=7.0)
    assert far == 7.0


def test_frames_before_the_first_bad_one_are_kept():
    places = straight(6)
    places[1, 4, 1] = [1.0, 50.0]
    frames, divergence = stopped(course(places), 10.0)
    assert frames.sizes["time"] == 4
    assert (divergence.step, divergence.sequence, divergence.entity) == (4, "1", "moon")
    assert divergence.sentence() == (
        "the rollout diverged at step 4: 'moon' of recording '1' is 50.01 from the centre, beyond the limit of 10"
    )


def test_a_course_that_stays_is_kept_whole():
    frames, divergence = stopped(course(straight(6)), 10.0)
    assert (frames.sizes["time"], divergence) == (6, None)


def test_where_nothing_was_computed_there_is_nothing_to_keep():
    places = straight(4)
    places[0, 1:] = 100.0
    with pytest.raises(
        DataError, match=r"diverged at step 1: 'sun' of recording '0' is 141.4 from the centre"
    ):
        stopped(course(places), 10.0)


def test_series_without_places_are_refused():
    with pytest.raises(DataError, match="the data have no positions"):
        reach(course(straight()).assign_attrs(position=[]))
