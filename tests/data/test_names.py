"""Names as programs write them."""

import numpy as np
import pandas as pd
import pytest

from edgewise.data.names import as_names


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ([7, 12], ["7", "12"]),
        ([7.0, 12.0], ["7", "12"]),
        (["7.0", "12.0"], ["7", "12"]),
        (["7.0", "7"], ["7", "7"]),
        (["7.0", "8"], ["7.0", "8"]),  # nothing says that they were one column of numbers
        (["007", "7"], ["007", "7"]),
        ([7.5, 12.0], ["7.5", "12.0"]),
        ([" a ", None], ["a", ""]),
        (["é", "e\u0301"], ["é", "é"]),
        (["\uf900", "b"], ["\uf900", "b"]),  # as it is written, where no other name is the same
    ],
)
def test_cells_as_names(cells, names):
    assert as_names(pd.Series(cells)).tolist() == names


def test_missing_numbers_are_no_names():
    assert as_names(pd.Series([1.0, np.nan])).tolist() == ["1", ""]
