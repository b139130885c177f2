"""Decoders: what happens next, given who acts on whom (Kipf et al. 2018, sections 3.3 and 3.4)."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from edgewise.inference.nri.messages import RELU, TANH, TypedMessages
from edgewise.nn.dropout import QuickDropout
from edgewise.relation import Complete


class Decoder(nn.Module):
    """A step from one frame to the next, and what follows from it: teacher forcing and roll-outs.

    Features are those the model was given, scaled. `state` is what a decoder remembers beside the last frame
    [..., n, size]; a Markovian one has size 0. Where the first type is `silent`, no message is computed for it.

    Args:
        silent: whether type 0 means that nothing acts (`skip_first` of the authors' code).
    """

    def __init__(self, *, silent: bool) -> None:
        super().__init__()
        self.silent = silent

    def acting(self, weights: Tensor) -> Tensor:
        """The weights of the types that act."""
        return weights[..., 1:] if self.silent else weights

    @abstractmethod
    def start(self, nodes: Tensor) -> Tensor:
        """The state before the first frame: nodes [..., n, feature] -> [..., n, size]."""

    @abstractmethod
    def step(
        self, relation: Complete, nodes: Tensor, state: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The next frame and state.

        Shapes: nodes [..., n, feature], state [..., n, size], weights [..., n, n - 1, type] -> as nodes, as state.
        """

    @abstractmethod
    def teacher_forced(self, relation: Complete, truth: Tensor, weights: Tensor, steps: int) -> Tensor:
        """Predictions of frames 1 to T - 1, where every `steps`-th input is the true frame and the others predictions.

        Section 3.3, "avoiding degenerate decoders": over several steps the edges matter, over one they hardly do.

        Shapes: truth [batch, time, n, feature], weights [batch, n, n - 1, type] -> [batch, time - 1, n, feature].
        """

    @abstractmethod
    def warmed(self, relation: Complete, past: Tensor, weights: Tensor) -> Tensor:
        """The state at the last frame of the past [batch, time, n, feature]: [batch, n, size]."""


class MarkovDecoder(Decoder):
    """A decoder for which the last frame says everything. Stretches of teacher forcing run side by side."""

    def start(self, nodes: Tensor) -> Tensor:
        return nodes[..., :0]

    def warmed(self, relation: Complete, past: Tensor, weights: Tensor) -> Tensor:
        return self.start(past[:, -1])

    def teacher_forced(self, relation: Complete, truth: Tensor, weights: Tensor, steps: int) -> Tensor:
        wanted = truth.shape[1] - 1
        nodes = truth[:, :-1:steps]  # [batch, stretch, n, feature]
        state, weights = self.start(nodes), weights[:, None]
        made = []
        for ahead in range(min(steps, wanted)):
            going = -(
                -(wanted - ahead) // steps
            )  # stretches that have such a frame: the last one may be shorter
            nodes, state = self.step(relation, nodes[:, :going], state[:, :going], weights)
            made.append(nodes.unbind(1))
        return torch.stack([made[frame % steps][frame // steps] for frame in range(wanted)], 1)


class MLPDecoder(MarkovDecoder):
    """The Markovian decoder (section 3.3, equations 10 to 12):

        x_i(t + 1) = x_i(t) + f_out([x_i(t); m_i(t)]),    m_i = sum_j sum_k z_ijk f_k([x_i; x_j])

    f_k has two layers with ReLU, f_out three (none on the last). Departure from equation 12: f_out reads the state
    beside the messages, as in the authors' code.

    Args:
        n_features: of a node; n_types: of edges; silent: see `Decoder`.
        hidden: width of all layers; dropout: within f_k and f_out.
    """

    def __init__(
        self, n_features: int, n_types: int, *, hidden: int, silent: bool, dropout: float = 0.0
    ) -> None:
        super().__init__(silent=silent)
        self.messages = TypedMessages(
            n_features,
            hidden=hidden,
            n_types=n_types - int(silent),
            activation=RELU,
            dropout=dropout,
        )
        self.out = output_network(n_features + hidden, hidden, n_features, dropout)

    def step(
        self, relation: Complete, nodes: Tensor, state: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        heard = self.messages(relation, nodes, self.acting(weights))
        return nodes + self.out(torch.cat([nodes, heard], -1)), state


def output_network(fan_in: int, hidden: int, fan_out: int, dropout: float) -> nn.Sequential:
    """Linear, ReLU, dropout, linear, ReLU, dropout, linear."""
    return nn.Sequential(
        nn.Linear(fan_in, hidden),
        nn.ReLU(inplace=True),
        QuickDropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(inplace=True),
        QuickDropout(dropout),
        nn.Linear(hidden, fan_out),
    )


class RNNDecoder(Decoder):
    """The recurrent decoder, for motion that the last frame does not determine (section 3.4, equations 13 to 16):

        m_i = sum_j sum_k z_ijk f_k([h_i; h_j]) / (n_types (N - 1))
        h_i <- GRU([m_i; x_i], h_i)
        x_i(t + 1) = x_i(t) + f_out(h_i)

    f_k has two layers with tanh; the sum is divided by the number of types that act and of incoming edges. (The
    authors' code divides by the number of features.) f_out has three layers with ReLU.

    Args:
        burn_in: frames at the start of which all are true inputs; after them every input is a prediction (0: see
            `Decoder.teacher_forced`). For the others see `MLPDecoder`.
    """

    def __init__(
        self,
        n_features: int,
        n_types: int,
        *,
        hidden: int,
        silent: bool,
        dropout: float = 0.0,
        burn_in: int = 0,
    ) -> None:
        super().__init__(silent=silent)
        self.burn_in = burn_in
        self.messages = TypedMessages(
            hidden, hidden=hidden, n_types=n_types - int(silent), activation=TANH, dropout=dropout
        )
        self.cell = nn.GRUCell(hidden + n_features, hidden)
        self.out = output_network(hidden, hidden, n_features, dropout)

    def start(self, nodes: Tensor) -> Tensor:
        return nodes.new_zeros(*nodes.shape[:-1], self.cell.hidden_size)

    def step(
        self, relation: Complete, nodes: Tensor, state: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        heard = self.messages(relation, state, self.acting(weights))
        heard = heard / (self.messages.n_types * max(relation.in_degree, 1))
        inputs = torch.cat([heard, nodes], -1)
        state = self.cell(inputs.flatten(0, -2), state.flatten(0, -2)).view(state.shape)
        return nodes + self.out(state), state

    def _is_true(self, frame: int, steps: int) -> bool:
        return frame < self.burn_in if self.burn_in else frame % steps == 0

    def teacher_forced(self, relation: Complete, truth: Tensor, weights: Tensor, steps: int) -> Tensor:
        nodes = truth[:, 0]
        state, frames = self.start(nodes), []
        for frame in range(truth.shape[1] - 1):
            if self._is_true(frame, steps):
                nodes = truth[:, frame]
            nodes, state = self.step(relation, nodes, state, weights)
            frames.append(nodes)
        return torch.stack(frames, 1)

    def warmed(self, relation: Complete, past: Tensor, weights: Tensor) -> Tensor:
        state = self.start(past[:, 0])
        for frame in range(past.shape[1] - 1):
            _, state = self.step(relation, past[:, frame], state, weights)
        return state
