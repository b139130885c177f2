"""What is known of relations does not enter an inference."""

import numpy as np

from edgewise import infer, simulate


def test_an_inference_does_not_look_at_pair_variables():
    plain = simulate("springs", entities=3, sequences=2, steps=8)
    told = plain.assign(stiffness=plain["edges"] * 5.0).assign_attrs(pair=["stiffness"])
    found = [infer(ds, max_steps=2).probability.to_numpy() for ds in (plain, told)]
    np.testing.assert_array_equal(*found)
