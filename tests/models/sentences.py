"""A batch of sentences of different length, for tests of sequence models."""

import torch

from edgewise.tokens import BOS, EOS, PAD

N_SOURCE, N_TARGET = 12, 9
SOURCE = torch.tensor(
    [[4, 5, 6, 7, 8, 9, EOS], [10, 4, 11, 5, EOS, PAD, PAD], [6, EOS, PAD, PAD, PAD, PAD, PAD]]
)
LENGTHS = [7, 5, 2]
TARGET_IN = torch.tensor([[BOS, 4, 5, 8, 6], [BOS, 7, 7, PAD, PAD], [BOS, 8, 4, 6, PAD]])
TARGET_LENGTHS = [5, 3, 4]


def drawn(model, seed=0):
    """The model in float64, in evaluation mode, with parameters that are large enough to tell everything apart."""
    generator = torch.Generator().manual_seed(seed)
    model = model.double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7, generator=generator)
    return model


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


def exact_gradients(model, source, target_in):
    """Whether every parameter's gradient is that of finite differences."""
    names, parameters = zip(*model.named_parameters(), strict=True)

    def function(*values):
        return torch.func.functional_call(model, dict(zip(names, values, strict=True)), (source, target_in))

    return torch.autograd.gradcheck(function, parameters, fast_mode=True)
