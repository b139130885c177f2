"""Neural relational inference: a training step against one-hot products, and the graphs of springs without labels.

    make bench-nri            (or: python benchmarks/nri.py --only step)

"step": forward and backward of the bound at the paper's size (hidden 256, 128 systems of 5 bodies, 49 frames), ours
against the same equations with one-hot matrices and concatenated pairs, as the authors' code writes them. Both have the
same weights and graphs and must give the same numbers first. Asked: 1.3 times faster. Two further rows have products in
bfloat16 (`precision = "bfloat16"`), ours alone and both sides.

"springs": the faithful model at a reduced size (`SPRINGS`), read on fresh systems of another seed. Asked: 95 % of the
pairs within 15 minutes on two cores.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness import Contest, Pass, Row, arguments, begin, compare, finish  # isort: skip
import time

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, relu

from edgewise.inference.nri.decoder import MLPDecoder
from edgewise.inference.nri.encoder import MLPEncoder
from edgewise.inference.nri.gumbel import gumbel_noise, relaxed_sample
from edgewise.inference.nri.layers import MLPBlock
from edgewise.inference.nri.model import NRI
from edgewise.inference.nri.objective import categorical_kl, gaussian_nll
from edgewise.nn.linear import PairLinear
from edgewise.relation import Complete

BATCH, ENTITIES, FRAMES, FEATURES, TYPES, HIDDEN, STEPS = 128, 5, 49, 4, 2, 256, 10
TAU, VARIANCE = 0.5, 5e-5
ASKED_STEP, ASKED_ACCURACY, ASKED_SECONDS = 1.3, 0.95, 900.0
SPRINGS = {
    "sequences": 5000,
    "hidden": 64,
    "batch_size": 32,
    "learning_rate": 2e-3,
    "max_steps": 20_000,
    "time_limit": 940.0,
}
"""The size of the run on springs: a tenth of the paper's systems, a quarter of its width."""


class PlainBlock(nn.Module):
    """Linear, ELU, linear, ELU, batch normalisation on rows that hold everything."""

    def __init__(self, fan_in: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(fan_in, hidden), nn.Linear(hidden, hidden)
        self.norm = nn.BatchNorm1d(hidden)

    def forward(self, rows: Tensor) -> Tensor:
        hidden = elu(self.second(elu(self.first(rows))))
        return self.norm(hidden.view(-1, hidden.shape[-1])).view(hidden.shape)


class OneHot:
    """Who receives and who sends on each edge, as matrices [edge, entity]; edges by receiver, then by sender."""

    def __init__(self, n: int) -> None:
        ends = [(i, j) for i in range(n) for j in range(n) if j != i]
        self.receiver = torch.eye(n)[[i for i, _ in ends]]
        self.sender = torch.eye(n)[[j for _, j in ends]]

    def to_edges(self, nodes: Tensor) -> Tensor:
        """[..., n, d] -> [..., edge, 2 d]"""
        return torch.cat([self.receiver @ nodes, self.sender @ nodes], -1)

    def to_nodes(self, edges: Tensor) -> Tensor:
        """[..., edge, d] -> the sum [..., n, d]"""
        return self.receiver.t() @ edges


class PlainNRI(nn.Module):
    """Equations 5 to 12 of Kipf et al. (2018) on one-hot matrices, one type after the other."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.hot = OneHot(ENTITIES)
        self.embed = PlainBlock(FRAMES * FEATURES, hidden)
        self.to_edges, self.middle = PlainBlock(2 * hidden, hidden), PlainBlock(hidden, hidden)
        self.last, self.logits = PlainBlock(3 * hidden, hidden), nn.Linear(hidden, TYPES)
        self.first = nn.ModuleList(nn.Linear(2 * FEATURES, hidden) for _ in range(TYPES))
        self.second = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(TYPES))
        self.out = nn.ModuleList(
            [nn.Linear(FEATURES + hidden, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, FEATURES)]
        )

    def encode(self, x: Tensor) -> Tensor:
        """[batch, entity, time, feature] -> logits [batch, edge, type]."""
        hot = self.hot
        edges = self.to_edges(hot.to_edges(self.embed(x.flatten(2))))
        nodes = self.middle(hot.to_nodes(edges) / ENTITIES)
        return self.logits(self.last(torch.cat([hot.to_edges(nodes), edges], -1)))

    def step(self, nodes: Tensor, weights: Tensor) -> Tensor:
        """[batch, stretch, entity, feature], weights [batch, 1, edge, type] -> the next frame."""
        pairs = self.hot.to_edges(nodes)
        total = torch.zeros(*pairs.shape[:-1], self.second[0].out_features)
        for k in range(TYPES):
            message = relu(self.second[k](relu(self.first[k](pairs))))
            total = total + message * weights[..., k : k + 1]
        hidden = torch.cat([nodes, self.hot.to_nodes(total)], -1)
        return nodes + self.out[2](relu(self.out[1](relu(self.out[0](hidden)))))

    def bound(self, x: Tensor, noise: Tensor) -> Tensor:
        log_q = self.encode(x).log_softmax(-1)
        weights = relaxed_sample(log_q, noise, TAU)[:, None]
        truth = x.transpose(1, 2)
        nodes, frames = truth[:, :-1:STEPS], []
        for _ in range(STEPS):
            nodes = self.step(nodes, weights)
            frames.append(nodes)
        predicted = torch.stack(frames, 2).flatten(1, 2)[:, : FRAMES - 1]
        kl = categorical_kl(
            log_q.unflatten(1, (ENTITIES, -1)), torch.full((TYPES,), 1 / TYPES).log(), ENTITIES
        )
        return gaussian_nll(predicted, truth[:, 1:], VARIANCE) + kl


@torch.no_grad()
def copy_weights(ours: NRI, theirs: PlainNRI) -> None:
    """Give the plain model our weights."""
    encoder, decoder = ours.encoder, ours.decoder
    assert isinstance(encoder, MLPEncoder)
    assert isinstance(decoder, MLPDecoder)
    edges = encoder.edges
    blocks = (
        (encoder.embed, theirs.embed),
        (encoder.to_edges, theirs.to_edges),
        (edges.middle, theirs.middle),
        (edges.last, theirs.last),
    )
    for block, plain in blocks:
        plain.first.weight.copy_(whole(block))
        plain.first.bias.copy_(block.first.bias)
        plain.second.load_state_dict(block.second.state_dict())
        plain.norm.load_state_dict(block.norm.state_dict())
    theirs.logits.load_state_dict(edges.logits.state_dict())
    messages = decoder.messages
    first = torch.cat([messages.pair.receiver, messages.pair.sender], 1).unflatten(0, (TYPES, -1))
    for k in range(TYPES):
        theirs.first[k].weight.copy_(first[k])
        theirs.first[k].bias.copy_(messages.pair.bias.unflatten(0, (TYPES, -1))[k])
        theirs.second[k].weight.copy_(messages.weight[k].t())
        theirs.second[k].bias.copy_(messages.bias[k, 0])
    layers = [layer for layer in decoder.out if isinstance(layer, nn.Linear)]
    for layer, plain in zip(layers, theirs.out, strict=True):
        plain.load_state_dict(layer.state_dict())


def whole(block: MLPBlock) -> Tensor:
    """The matrix of a block's first map: [hidden, inputs]."""
    first = block.first
    if isinstance(first, PairLinear):
        return torch.cat([p for p in (first.receiver, first.sender, first.edge) if p is not None], 1)
    return first.weight


def step_contest(hidden: int, batch: int) -> Contest:
    """A step of both on the same batch with the same Gumbel noise; they agree on the bound and one gradient."""
    relation = Complete(ENTITIES, loops=False)
    encoder = MLPEncoder(FRAMES, FEATURES, TYPES, hidden=hidden)
    decoder = MLPDecoder(FEATURES, TYPES, hidden=hidden, silent=False)
    ours = NRI(encoder, decoder, torch.full((TYPES,), 1 / TYPES).log(), variance=VARIANCE, tau=TAU)
    theirs = PlainNRI(hidden)
    copy_weights(ours, theirs)
    x = torch.randn(batch, FRAMES, ENTITIES, FEATURES) / 3
    noise = gumbel_noise(torch.empty(batch, ENTITIES, ENTITIES - 1, TYPES))
    by_entity = x.transpose(1, 2).contiguous()

    def our_bound() -> Tensor:
        log_q = ours.log_posterior(x)
        weights = relaxed_sample(log_q, noise, TAU)
        predicted = decoder.teacher_forced(relation, x, weights, STEPS)
        kl = categorical_kl(log_q, ours.log_prior, ENTITIES)
        return gaussian_nll(predicted, x[:, 1:], VARIANCE) + kl

    def run(
        bound: Callable[[], Tensor], module: nn.Module, embed: nn.Parameter
    ) -> Callable[[], list[Tensor]]:
        def step() -> list[Tensor]:
            module.zero_grad()
            value = bound()
            value.backward()
            assert embed.grad is not None
            scale = value.detach()
            return [scale.log(), embed.grad / embed.grad.norm()]

        return step

    first = encoder.embed.first
    assert isinstance(first, nn.Linear)
    return Contest(
        f"step, hidden {hidden}, {batch} systems of {ENTITIES}",
        "one-hot products",
        run(our_bound, ours, first.weight),
        run(lambda: theirs.bound(by_entity, noise.flatten(1, 2)), theirs, theirs.embed.first.weight),
        asked=ASKED_STEP,
    )


def in_bfloat16(contest: Contest, *, both: bool) -> Contest:
    """The same with matrix products in bfloat16, ours alone or both sides."""

    def cast(run: Pass) -> Pass:
        def step() -> list[Tensor]:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return run()

        return step

    name = contest.name + (", both in bfloat16" if both else ", ours in bfloat16")
    theirs = cast(contest.theirs) if both else contest.theirs
    return replace(contest, name=name, ours=cast(contest.ours), theirs=theirs, asked=0.0, same=False)


def springs_row(sizes: dict[str, Any], fresh_systems: int) -> Row:
    """Train without labels, read the graphs of fresh systems."""
    from edgewise.inference.infer import infer
    from edgewise.physics import simulate

    settings = {key: value for key, value in sizes.items() if key != "sequences"}
    data = simulate("springs", sequences=sizes["sequences"], entities=ENTITIES, steps=FRAMES, seed=1000)
    fresh = simulate("springs", sequences=fresh_systems, entities=ENTITIES, steps=FRAMES, seed=2000)
    start = time.perf_counter()
    result = infer(data, method="nri", **settings)
    seconds = time.perf_counter() - start
    accuracy = result.apply(fresh).metrics["edge_accuracy"]
    met = accuracy >= ASKED_ACCURACY and seconds <= ASKED_SECONDS
    steps = 0 if result.history is None else result.history["steps"]
    print(
        f"springs {ENTITIES}: {100 * accuracy:.2f} % of the pairs of {fresh_systems} fresh systems (asked"
        f" {100 * ASKED_ACCURACY:g}) after {seconds:.0f} s (allowed {ASKED_SECONDS:g}), {steps} steps on"
        f" {sizes['sequences']} systems, hidden {sizes['hidden']}: {'met' if met else 'NOT met'}",
        flush=True,
    )
    ratio = ASKED_SECONDS / seconds
    return {
        "name": f"springs {ENTITIES}, {sizes['sequences']} systems",
        "against": f"{ASKED_SECONDS:g} s allowed",
        "ratio": ratio,
        "memory_ratio": None,
        "spread": [ratio, ratio],
        "accuracy": accuracy,
        "seconds": seconds,
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    for name in ("sequences", "max-steps", "hidden"):
        parser.add_argument(f"--{name}", type=int, help="of the run on springs")
    parser.add_argument("--time-limit", type=float, help="seconds of the run on springs")
    given = parser.parse_args()
    begin()
    rows: list[Row] = []
    if given.only in "step":
        contest = step_contest(HIDDEN, BATCH)
        contest.check()
        contests = (contest, in_bfloat16(contest, both=False), in_bfloat16(contest, both=True))
        rows += [compare(one, given.repeats) for one in contests]
    if given.only in "springs":
        named = {key: getattr(given, key) for key in SPRINGS if getattr(given, key, None) is not None}
        rows.append(springs_row(SPRINGS | named, fresh_systems=1000))
    finish(rows, given.json)


if __name__ == "__main__":
    main()
