import torch
from torch import nn

from edgewise.training import LastWeights


def test_the_mean_is_that_of_the_last_copies():
    module, last, seen = nn.BatchNorm1d(3), LastWeights(2), []
    for k in range(4):
        with torch.no_grad():
            module.weight.fill_(float(k))
        module.num_batches_tracked.fill_(k)
        last.keep(module)
        seen.append(module.weight.detach().clone())
    mean = last.mean()
    torch.testing.assert_close(mean["weight"], (seen[2] + seen[3]) / 2)
    assert mean["num_batches_tracked"] == 3  # a count is no mean
    assert mean["weight"].dtype == torch.float32


def test_copies_do_not_follow_the_module():
    module, last = nn.Linear(2, 1), LastWeights(3)
    before = module.weight.detach().clone()
    last.keep(module)
    with torch.no_grad():
        module.weight.add_(1.0)
    torch.testing.assert_close(last.mean()["weight"], before)
