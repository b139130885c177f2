"""Attention and sequence models against what people use, or write, today: the same weights and input, in turn.

Each contest first checks that both sides give the same numbers. Ratios above 1 are in our favour. --growth adds
attention on a band of up to 16384 positions.
"""

from harness import Contest, Pass, Row, arguments, begin, compare, finish, passes, peak_bytes, seconds  # isort: skip

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from edgewise.models.rnnsearch import RNNsearch, RNNsearchMemory, RNNsearchSettings
from edgewise.models.search import beam_search
from edgewise.models.sequence import Rows
from edgewise.models.transformer import Transformer, TransformerMemory
from edgewise.nn.attention import MultiHeadAttention, RelativePositions
from edgewise.nn.transformer import LayerDims
from edgewise.relation import Band, Complete, Relation, between

HEADS, DIM = 8, 512
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Query, key and value, heads side by side -> the result."""


def given(*size: int, seed: int = 1) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def on(relation: Relation, layer: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda x: layer(relation, x)


def split(x: Tensor) -> Tensor:
    """[batch, n, heads * d] -> [batch, heads, n, d]."""
    return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)


# ---- multi-head attention ------------------------------------------------------------------------------------------


def multihead(kind: str) -> Contest:
    """8 heads of 64, length 512, batch 8; torch's module in its fastest way, without asking for weights."""
    batch, n = 8, 512
    ours, x = MultiHeadAttention(DIM, HEADS), given(batch, n, DIM)
    theirs = nn.MultiheadAttention(DIM, HEADS, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.out_proj.weight.copy_(ours.out.weight)
    there = torch.arange(n) < torch.arange(n - 7 * 40, n + 1, 40)[:, None]  # sentences of 232 to 512
    causal = nn.Transformer.generate_square_subsequent_mask(n)
    relation = {"": Complete(n), ", causal": Complete(n, causal=True), ", padded": between(n, there)}[kind]
    how = {
        "": {},
        ", causal": {"attn_mask": causal, "is_causal": True},
        ", padded": {"key_padding_mask": ~there},
    }

    def run(x: Tensor) -> Tensor:
        return theirs(x, x, x, need_weights=False, **how[kind])[0]

    return Contest(
        f"self-attention{kind}, 8 heads of 64, length 512, batch 8",
        "nn.MultiheadAttention",
        passes(on(relation, ours), [x], list(ours.parameters())),
        passes(run, [given(batch, n, DIM)], list(theirs.parameters())),
        1.0,
    )


# ---- relative positions --------------------------------------------------------------------------------------------


def by_place(rows: Tensor, tables: Tensor) -> Tensor:
    """[batch, heads, n, a] times [n, a, b], place by place, as tensor2tensor's first form does it."""
    batch, heads, n, _ = rows.shape
    flat = rows.permute(2, 0, 1, 3).reshape(n, batch * heads, -1)
    return (flat @ tables).reshape(n, batch, heads, -1).permute(1, 2, 0, 3)


def materialised(relative: RelativePositions, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Shaw et al. (2018), eq. 3-5, with the vector of every pair looked up: two tables [n, n, d]."""
    assert relative.value is not None
    q, k, v = split(query) * (DIM // HEADS) ** -0.5, split(key), split(value)
    labels = relative.labels(Complete(query.shape[1]))
    keys, values = (nn.functional.embedding(labels, table[0]) for table in (relative.key, relative.value))
    weights = (q @ k.mT + by_place(q, keys.mT)).softmax(-1)
    return (weights @ v + by_place(weights, values)).transpose(1, 2).flatten(2)


def projected(layer: MultiHeadAttention, attend: Attend) -> Callable[[Tensor], Tensor]:
    """Attention with the projections of a layer around it."""

    def run(x: Tensor) -> Tensor:
        memory = layer.keys_values(x)
        return layer.out(attend(layer.query(x), memory.key, memory.value))

    return run


def relative() -> list[Contest]:
    """The same sizes with relative positions up to 16; alone, with the projections, and beside attention without."""
    batch, n, scale = 8, 512, (DIM // HEADS) ** -0.5
    positions = RelativePositions(DIM // HEADS, 16)
    layer = MultiHeadAttention(DIM, HEADS, relative=positions)
    tables, relation = list(positions.parameters()), Complete(n)
    parts = [given(batch, n, DIM, seed=seed) for seed in (1, 2, 3)]

    def ours(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return positions.attend(relation, q, k, v, heads=HEADS, scale=scale)

    def theirs(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return materialised(positions, q, k, v)

    def without(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return relation.attend(q, k, v, heads=HEADS, scale=scale)

    name, against = "relative attention, k = 16, 8 heads of 64, length 512, batch 8", "tables [n, n, d]"
    mine, other = passes(ours, parts, tables), passes(theirs, parts, tables)
    x, whole = given(batch, n, DIM), list(layer.parameters())
    return [
        Contest(name, against, mine, other, 1.8, 4.0),
        Contest(
            f"{name}, with projections",
            against,
            passes(on(relation, layer), [x], whole),
            passes(projected(layer, theirs), [x], whole),
        ),
        Contest(
            "attention without positions", "ours with them", passes(without, parts, []), mine, same=False
        ),
        Contest(
            "attention without positions", "tables [n, n, d]", passes(without, parts, []), other, same=False
        ),
    ]


def extra_memory(repeats: int) -> None:
    """What positions take beyond attention without them: the differences of the peaks of three of the passes above."""
    positions, _, without, _ = relative()
    peaks = []
    for run in (positions.ours, positions.theirs, without.ours):
        run()
        peaks.append(statistics.median(peak_bytes(run) for _ in range(repeats)) / 1e6)
    ours, theirs = (peak - peaks[2] for peak in peaks[:2])
    print(
        f"{'relative attention, memory beyond attention without positions':<62} {ours:8.0f} MB  "
        f"tables [n, n, d] {theirs:18.0f} MB   1/{theirs / ours:.2f} (asked 1/4)",
        flush=True,
    )


# ---- a band --------------------------------------------------------------------------------------------------------


def local(n: int = 4096, left: int = 32, right: int = 31) -> list[Contest]:
    """A window of 64 positions, and the same mask on torch's fused attention; alone and with the same projections."""
    layer, scale = MultiHeadAttention(DIM, HEADS), (DIM // HEADS) ** -0.5
    band, away = Band(n, left, right), torch.arange(n) - torch.arange(n)[:, None]
    mask = (away >= -left) & (away <= right)

    def ours(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return band.attend(q, k, v, heads=HEADS, scale=scale)

    def theirs(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out = scaled_dot_product_attention(split(q), split(k), split(v), attn_mask=mask, scale=scale)
        return out.transpose(1, 2).flatten(2)

    name = f"local attention, length {n}, window {left + right + 1}, 8 heads of 64"
    against = "the mask on torch's SDPA"
    parts = [given(1, n, DIM, seed=seed) for seed in (1, 2, 3)]
    x, whole = given(1, n, DIM), list(layer.parameters())
    return [
        Contest(name, against, passes(ours, parts, []), passes(theirs, parts, []), 8.0),
        Contest(
            f"{name}, with projections",
            against,
            passes(on(band, layer), [x], whole),
            passes(projected(layer, theirs), [x], whole),
        ),
    ]


def growth(repeats: int) -> None:
    print("\ngrowth: local attention, window 64, 8 heads of 64; an average position")
    for n in (2048, 4096, 8192, 16384):
        layer = MultiHeadAttention(DIM, HEADS)
        run = passes(on(Band(n, 32, 31), layer), [given(1, n, DIM)], list(layer.parameters()))
        run()
        spent = statistics.median(seconds(run) for _ in range(repeats))
        print(
            f"{n:>6} positions  {spent / n * 1e6:8.2f} us  {peak_bytes(run) / n / 1024:8.1f} KiB", flush=True
        )


# ---- Bahdanau's decoder --------------------------------------------------------------------------------------------


class Recomputing(RNNsearch):
    """The same model with the keys U h projected at every step."""

    def _run(self, memory: RNNsearchMemory, embedded: Tensor) -> tuple[Tensor, Tensor]:
        relation, state = between(1, memory.there), memory.first
        states, contexts = [], []
        for projected in self.cell.input(embedded).unbind(1):
            keys = self.attend.keys(memory.annotations)
            context = self.attend(relation, state[:, None], keys, memory.annotations)[:, 0]
            states.append(state)
            contexts.append(context)
            state = self.cell(projected, context, state)
        return torch.stack(states, 1), torch.stack(contexts, 1)


def bahdanau() -> Contest:
    """2 x 256 annotations, state 256, batch 64, length 30: the decoder alone, from given annotations."""
    batch, n, n_tokens = 64, 30, 4000
    settings = RNNsearchSettings(embedding_dim=256, hidden=256, align=256, maxout=256)
    ours = RNNsearch(n_tokens, n_tokens, settings)
    theirs = Recomputing(n_tokens, n_tokens, settings)
    theirs.load_state_dict(ours.state_dict())
    tokens = torch.randint(4, n_tokens, (batch, n), generator=torch.Generator().manual_seed(3))
    there = torch.ones(batch, n, dtype=torch.bool)

    def decoder(model: RNNsearch, *, once: bool) -> Callable[[Tensor], Tensor]:
        def run(annotations: Tensor) -> Tensor:
            keys = model.attend.keys(annotations) if once else annotations
            first = model.first(annotations[:, 0, 256:]).tanh()
            embedded = model.words(tokens)
            states, contexts = model._run(RNNsearchMemory(there, annotations, keys, first), embedded)
            return model._logits(states, embedded, contexts)

        return run

    return Contest(
        "Bahdanau decoder, 2 x 256, batch 64, length 30",
        "keys anew each step",
        passes(decoder(ours, once=True), [given(batch, n, 512)], list(ours.parameters())),
        passes(decoder(theirs, once=False), [given(batch, n, 512)], list(theirs.parameters())),
        1.5,
    )


# ---- beam search ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Prefix(Rows):
    tokens: Tensor


class WithoutCache(Transformer):
    """The same model; a step runs the decoder over the whole prefix."""

    def start(self, memory: TransformerMemory) -> Prefix:  # pyright: ignore[reportIncompatibleMethodOverride]
        return Prefix(torch.zeros(len(memory.there), 0, dtype=torch.int64))

    def step(self, memory: TransformerMemory, state: Prefix, tokens: Tensor) -> tuple[Tensor, Prefix]:  # pyright: ignore[reportIncompatibleMethodOverride]
        said = torch.cat([state.tokens, tokens[:, None]], 1)
        nodes = self._decoded(memory, said, len(self.decoder))
        return self.logits(nodes[:, -1]), Prefix(said)


def search() -> Contest:
    """16 sentences of 20 tokens, 60 tokens of each said, 3 + 3 layers of 256."""
    n_tokens, dims = 4000, LayerDims(256, 4, 512, norm="pre", dropout=0.0)
    layers = {"encoder_layers": 3, "decoder_layers": 3}
    ours, theirs = (kind(n_tokens, n_tokens, dims, **layers).eval() for kind in (Transformer, WithoutCache))
    theirs.load_state_dict(ours.state_dict())
    source = torch.randint(4, n_tokens, (16, 20), generator=torch.Generator().manual_seed(4))

    def found(model: Transformer) -> Pass:
        def run() -> list[Tensor]:
            best = beam_search(model, source, beam=5, most=60)
            return [torch.tensor([[h.score for h in hypotheses] for hypotheses in best])]

        return run

    return Contest(
        "beam search, beam 5, 60 tokens, batch 16",
        "the prefix anew each step",
        found(ours),
        found(theirs),
        5.0,
    )


def main() -> None:
    chosen = arguments(__doc__).parse_args()
    begin()
    contests = [multihead(kind) for kind in ("", ", causal", ", padded")]
    contests += [*relative(), *local(), bahdanau(), search()]
    rows: list[Row] = []
    for contest in contests:
        if chosen.only in contest.name:
            contest.check()
            rows.append(compare(contest, chosen.repeats))
    if chosen.only in "relative attention":
        extra_memory(chosen.repeats)
    if chosen.growth:
        growth(chosen.repeats)
    finish(rows, chosen.json)


if __name__ == "__main__":
    main()
