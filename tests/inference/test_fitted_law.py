"""What a fitted law says of data that it reads."""

from types import SimpleNamespace

import pytest
import torch

from edgewise.inference import fitted_law, infer

from .worlds import planted


@pytest.mark.parametrize(
    ("scope", "pairs", "said"),
    [("per-sequence", 1, False), ("per-sequence", 3, True), ("shared", 1, True), ("shared", 0, False)],
)
def test_a_few_of_many_pairs_that_share_motion_are_a_law_s_misfit(scope, pairs, said, monkeypatch):
    """12 graphs of 4 entities have 72 pairs, of which 2 % are between one and two; of one graph each pair counts."""
    graphs = 12 if scope == "per-sequence" else 1
    flagged = torch.zeros(graphs, 4, 4, dtype=torch.bool)
    for graph in range(pairs):
        flagged[graph, 0, 1] = flagged[graph, 1, 0] = True
    monkeypatch.setattr(fitted_law, "shared_residuals", lambda *_: SimpleNamespace(flagged=flagged))
    result = infer(planted(sequences=12, frames=20)[0], graph=scope, max_steps=10, hidden=16)
    noted = [note for note in result.about["notes"] if "share motion" in note]
    assert bool(noted) == said
    if said:
        assert noted[0].startswith(f"{pairs} of {graphs * 6} pairs")
