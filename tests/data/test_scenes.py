"""Windows of recordings in which entities come and go."""

import numpy as np
import pytest

from edgewise.data import from_arrays, scenes
from edgewise.errors import ConfigError, DataError


def street(name="street", **attributes):
    """Twelve frames, half a second apart: a all the time, b from 3 to 8, c from 6 on with a gap at 9."""
    x = np.arange(12.0)[None, :, None] + 100.0 * np.arange(3)
    y = -x
    for values in (x, y):
        values[0, :3, 1] = values[0, 9:, 1] = values[0, :6, 2] = values[0, 9, 2] = np.nan
    return from_arrays(
        {"x": x, "y": y},
        position=["x", "y"],
        time=np.arange(12) * 0.5,
        entity=["a", "b", "c"],
        sequence=[name],
        units={"x": "m", "y": "m", "time": "s"},
        **attributes,
    )


def test_a_window_holds_those_who_are_there_all_the_while():
    found = scenes(street(), 4, 2)
    assert found["sequence"].values.tolist() == [f"street/{start}" for start in (0, 2, 4, 6, 8)]
    assert found["who"].values.tolist() == [["a", ""], ["a", ""], ["a", "b"], ["a", ""], ["a", ""]]
    assert found.sizes == {"sequence": 5, "time": 4, "entity": 2}
    assert found["x"].values[2].tolist() == [[4, 104], [5, 105], [6, 106], [7, 107]]
    assert np.isnan(found["x"].values[0, :, 1]).all()
    assert found["clock"].values[2].tolist() == [2.0, 2.5, 3.0, 3.5]
    assert found["x"].attrs["units"] == "m"
    assert found.attrs["position"] == ["x", "y"]


def test_known_keeps_those_who_leave_and_forgets_who_comes_back():
    found = scenes(street(), 6, 6, known=2)
    assert found["who"].values[1].tolist() == ["a", "b", "c"]
    x = found["x"].values[1]
    assert x[:3, 1].tolist() == [106, 107, 108]
    assert np.isnan(x[3:, 1]).all()
    assert x[:3, 2].tolist() == [206, 207, 208]
    assert np.isnan(x[3:, 2]).all()  # seen again at frame 10: then somebody new


def test_several_recordings_become_one_data_set():
    found = scenes([street("one"), street("two")], 4, 4)
    assert found["sequence"].values.tolist() == [
        f"{name}/{start}" for name in ("one", "two") for start in (0, 4, 8)
    ]
    np.testing.assert_array_equal(found["x"].values[:3], found["x"].values[3:])


def test_windows_without_anybody_are_left_out():
    ds = street()
    for name in ("x", "y"):
        ds[name][0, 5, :] = np.nan
    assert scenes(ds, 4, 2)["sequence"].values.tolist() == ["street/0", "street/6", "street/8"]


@pytest.mark.parametrize("wrong", [{"length": 1}, {"stride": 0}, {"known": 5}, {"known": -1}])
def test_impossible_windows_are_refused(wrong):
    with pytest.raises(ConfigError, match="length="):
        scenes(street(), **({"length": 4, "stride": 2} | wrong))


def test_recordings_that_do_not_go_together_are_refused():
    other = from_arrays({"x": np.zeros((1, 8, 2)) + np.arange(8)[:, None]}, sequence=["other"])
    with pytest.raises(DataError, match="different features: x, y, and x"):
        scenes([street(), other], 4)
    with pytest.raises(DataError, match="two recordings are called 'street'"):
        scenes([street(), street()], 4)
    with pytest.raises(ConfigError, match="no recording"):
        scenes([], 4)


def test_too_long_a_window_is_refused():
    with pytest.raises(DataError, match="nobody is observed in 13 frames"):
        scenes(street(), 13)
