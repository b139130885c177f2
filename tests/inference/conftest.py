"""Results that several files look at: one that has learnt its law, one that only ran."""

import pytest

from .worlds import QUICK, springs


@pytest.fixture(scope="session")
def learnt():
    """(data, result) of forty systems of five bodies on springs: enough to learn the law."""
    from edgewise.inference import infer

    ds = springs(sequences=40, entities=5, steps=40, seed=3)
    return ds, infer(ds, hidden=16, max_steps=300, batch_size=6, learning_rate=1e-2)


@pytest.fixture(scope="session")
def quick():
    """(data, result) of a fit that has hardly begun: for what does not depend on how good it is."""
    from edgewise.inference import infer

    ds = springs()
    return ds, infer(ds, **QUICK)
