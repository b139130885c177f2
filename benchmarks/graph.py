"""Graph layers against PyG, forward and backward: the same weights, the same input, in turn in one process.

Each contest first checks that both sides give the same numbers, then times them in turn, and takes the peak memory of
each (growth of the resident set over the pass, read by a thread). Ratios above 1 are in our favour. Our side is
measured with the fused Numba loops (extra `fast`) and in pure torch; --growth adds 10 thousand to 5 million edges.
"""

from harness import Contest, Row, arguments, begin, compare, finish, passes, peak_bytes, seconds  # isort: skip

import statistics
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.nn import EdgeNetwork, GraphAttention, GraphConvolution, PairMLP
from edgewise.nn.blocks import (
    Dims,
    EdgeBlock,
    GlobalBlock,
    NodeBlock,
    all_nodes,
    edges,
    full_block,
    globals_,
    incoming_edges,
    nodes,
    receiver_nodes,
    sender_nodes,
)
from edgewise.relation import Complete, Relation, Sparse, from_edge_index, fused

# ---- measuring -----------------------------------------------------------------------------------------------------


@contextmanager
def pure_torch() -> Iterator[None]:
    installed, fused.INSTALLED = fused.INSTALLED, False
    try:
        yield
    finally:
        fused.INSTALLED = installed


def measure(contest: Contest, repeats: int) -> list[Row]:
    """With the fused loops, where they are installed, and in pure torch."""
    contest.check()
    rows = []
    for kind in ("numba", "torch") if fused.INSTALLED else ("torch",):
        with pure_torch() if kind == "torch" else warnings.catch_warnings():
            rows.append(compare(contest, repeats, kind))
    return rows


def random_graph(n_nodes: int, n_edges: int) -> Tensor:
    """An undirected graph, each edge in both directions (PyG's GCNConv takes in-degrees for both ends)."""
    half = torch.randint(n_nodes, (2, n_edges // 2), generator=torch.Generator().manual_seed(0))
    return torch.cat([half, half.flip(0)], 1)


def features(*size: int, seed: int = 1) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def of(*modules: nn.Module) -> list[nn.Parameter]:
    return [parameter for module in modules for parameter in module.parameters()]


# ---- the contests --------------------------------------------------------------------------------------------------


def gcn(n_nodes: int, n_edges: int, *, in_order: bool = False) -> Contest:
    """`in_order`: PyG is given its edges sorted by receiver, as our relation keeps them; else as they were drawn."""
    from torch_geometric.nn import GCNConv

    edge_index, x = random_graph(n_nodes, n_edges), features(n_nodes, 64)
    theirs, ours = GCNConv(64, 64, cached=True, bias=False), GraphConvolution(64, 64)
    ours.linear.weight.data.copy_(theirs.lin.weight)
    plain = without_loops(edge_index, n_nodes)
    relation, edge_index = plain.with_loops(), given(plain, in_order=in_order)
    return Contest(
        f"GCN layer, {n_nodes} nodes, {n_edges} edges, 64 -> 64{', PyG in order' if in_order else ''}",
        "GCNConv(cached=True)",
        passes(lambda x: ours(relation, x), [x], of(ours)),
        passes(lambda x: theirs(x, edge_index), [x], of(theirs)),
        asked=5,
    )


def without_loops(edge_index: Tensor, n_nodes: int) -> Sparse:
    return from_edge_index(edge_index[:, edge_index[0] != edge_index[1]], n_nodes)


def given(relation: Sparse, *, in_order: bool) -> Tensor:
    """The edge index of a relation, sorted by receiver or in a random order."""
    edge_index = torch.stack([relation.senders, relation.receivers])
    drawn = torch.randperm(relation.n_edges, generator=torch.Generator().manual_seed(5))
    return edge_index if in_order else edge_index[:, drawn]


def gat(n_nodes: int, n_edges: int, *, in_order: bool = False) -> Contest:
    from torch_geometric.nn import GATConv

    edge_index, x = random_graph(n_nodes, n_edges), features(n_nodes, 64)
    theirs, ours = GATConv(64, 8, heads=8), GraphAttention(64, 8, 8)
    ours.linear.weight.data.copy_(theirs.lin.weight)
    ours.core.receiver.data.copy_(theirs.att_dst[0])
    ours.core.sender.data.copy_(theirs.att_src[0])
    plain = without_loops(edge_index, n_nodes)
    relation, edge_index = plain.with_loops(), given(plain, in_order=in_order)
    return Contest(
        f"GAT layer, {n_nodes} nodes, {n_edges} edges, 8 heads of 8{', PyG in order' if in_order else ''}",
        "GATConv",
        passes(lambda x: ours(relation, x), [x], of(ours)),
        passes(lambda x: theirs(x, edge_index), [x], of(theirs)),
        asked=3,
    )


def edge_network(n_nodes: int, n_edges: int, hidden: int) -> Contest:
    from torch_geometric.nn import NNConv

    edge_index, x, e = random_graph(n_nodes, n_edges), features(n_nodes, 64), features(n_edges, 8, seed=2)
    network = nn.Sequential(nn.Linear(8, hidden), nn.ReLU(), nn.Linear(hidden, 64 * 64))
    theirs, ours = NNConv(64, 64, network, root_weight=False, bias=False), EdgeNetwork(8, 64, 64, hidden)
    ours.network[0].load_state_dict(network[0].state_dict())
    stacked = torch.cat([network[2].weight.t(), network[2].bias[None]]).unflatten(1, (64, 64))
    ours.matrices.data.copy_(stacked)
    relation = from_edge_index(edge_index, n_nodes)
    order = relation.order
    return Contest(
        f"edge network message, {n_nodes} nodes, {n_edges} edges, 8 -> {hidden} -> 64 x 64",
        "NNConv",
        passes(lambda x, e: ours(relation, x, e[order]), [x, e], of(ours)),
        passes(lambda x, e: theirs(x, edge_index, e), [x, e], of(theirs)),
        asked=6,
        asked_memory=8,
    )


class Documented:
    """The edge, node and global models of PyG's documentation of MetaLayer."""

    class Edges(nn.Module):
        def __init__(self, d: int) -> None:
            super().__init__()
            self.edge_mlp = nn.Sequential(nn.Linear(4 * d, d), nn.ReLU(), nn.Linear(d, d))

        def forward(self, src: Tensor, dst: Tensor, edge_attr: Tensor, u: Tensor, batch: Tensor) -> Tensor:
            return self.edge_mlp(torch.cat([src, dst, edge_attr, u[batch]], 1))

    class Nodes(nn.Module):
        def __init__(self, d: int) -> None:
            super().__init__()
            self.node_mlp_1 = nn.Sequential(nn.Linear(2 * d, d), nn.ReLU(), nn.Linear(d, d))
            self.node_mlp_2 = nn.Sequential(nn.Linear(3 * d, d), nn.ReLU(), nn.Linear(d, d))

        def forward(
            self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, u: Tensor, batch: Tensor
        ) -> Tensor:
            from torch_geometric.utils import scatter

            row, col = edge_index
            out = self.node_mlp_1(torch.cat([x[row], edge_attr], dim=1))
            out = scatter(out, col, dim=0, dim_size=x.size(0), reduce="mean")
            return self.node_mlp_2(torch.cat([x, out, u[batch]], dim=1))

    class Globals(nn.Module):
        def __init__(self, d: int) -> None:
            super().__init__()
            self.global_mlp = nn.Sequential(nn.Linear(2 * d, d), nn.ReLU(), nn.Linear(d, d))

        def forward(
            self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, u: Tensor, batch: Tensor
        ) -> Tensor:
            from torch_geometric.utils import scatter

            return self.global_mlp(torch.cat([u, scatter(x, batch, dim=0, reduce="mean")], dim=1))


class DocumentedBlocks(nn.Module):
    """The same functions by our blocks: edges, messages (a second edge block), nodes, globals."""

    def __init__(self, d: int) -> None:
        super().__init__()
        dims = Dims(d, d, d)
        self.edge = EdgeBlock(dims, (d, d), (sender_nodes, receiver_nodes, edges, globals_))
        self.message = EdgeBlock(dims, (d, d), (sender_nodes, edges))
        self.node = NodeBlock(dims, (d, d), (nodes, incoming_edges("mean"), globals_))
        self.global_ = GlobalBlock(dims, (d, d), (globals_, all_nodes("mean")))

    def forward(self, graph: Graph) -> Graph:
        graph = self.edge(graph)
        graph = graph.replace(nodes=self.node(self.message(graph)).nodes)
        return self.global_(graph)

    def load(self, meta: nn.Module) -> None:
        pairs = (
            (self.edge, meta.edge_model.edge_mlp),
            (self.message, meta.node_model.node_mlp_1),
            (self.node, meta.node_model.node_mlp_2),
            (self.global_, meta.global_model.global_mlp),
        )
        for block, mlp in pairs:
            for ours, theirs in zip(
                block.weights, mlp[0].weight.split(block.weights[0].shape[1], 1), strict=True
            ):
                ours.data.copy_(theirs)
            block.bias.data.copy_(mlp[0].bias)
            block.layers[1].load_state_dict(mlp[2].state_dict())


def gn_block(n_nodes: int, n_edges: int, *, documented: bool) -> Contest:
    """Against MetaLayer with the models of its documentation, which have one more MLP on edges than a full GN block.

    `documented`: the same functions and weights on both sides; else our full GN block, which has no such second MLP.
    """
    from torch_geometric.nn import MetaLayer

    edge_index = random_graph(n_nodes, n_edges)
    inputs = [features(n_nodes, 64), features(n_edges, 64, seed=2), features(1, 64, seed=3)]
    meta = MetaLayer(Documented.Edges(64), Documented.Nodes(64), Documented.Globals(64))
    relation, graph_of = from_edge_index(edge_index, n_nodes), torch.zeros(n_nodes, dtype=torch.int64)
    order = relation.order
    block = DocumentedBlocks(64) if documented else full_block(Dims(64, 64, 64), Dims(64, 64, 64))
    if documented:
        block.load(meta)

    def theirs(x: Tensor, e: Tensor, u: Tensor) -> Tensor:
        x, e, u = meta(x, edge_index, e, u, graph_of)
        return together(x, e[order], u)

    def ours(x: Tensor, e: Tensor, u: Tensor) -> Tensor:
        out = block(Graph(relation, x, e[order], u))
        return together(out.nodes, out.edges, out.globals_)

    name = "GN block of MetaLayer's documentation" if documented else "full GN block (Battaglia 2018)"
    return Contest(
        f"{name}, {n_nodes} nodes, {n_edges} edges, 64",
        "MetaLayer, documented",
        passes(ours, inputs, of(block)),
        passes(theirs, inputs, of(meta)),
        asked=2,
        same=documented,
    )


def together(x: Tensor, e: Tensor, u: Tensor) -> Tensor:
    """A node, an edge and a global result as one tensor, so that all get a gradient."""
    return torch.cat([x, e, u])


def complete(n: int, batch: int) -> Contest:
    mlp = PairMLP((64, 64), receiver_dim=64, sender_dim=64)
    x = features(batch, n, 64)
    whole = Complete(n)
    listed = whole.to_sparse()

    def layer(relation: Relation) -> Callable[[Tensor], Tensor]:
        return lambda x: mlp.summed(relation, x, x)

    return Contest(
        f"complete graph of {n}, batch {batch}, pair MLP 64",
        "the same through Sparse",
        passes(layer(whole), [x], of(mlp)),
        passes(layer(listed), [x], of(mlp)),
        asked=1.5,
    )


# ---- growth --------------------------------------------------------------------------------------------------------


def growth(sizes: list[int], repeats: int) -> None:
    """Nanoseconds and bytes an edge of our layers (25 edges a node), forward and backward."""
    print("\ngrowth: ns an edge, bytes an edge (fused loops where installed)")
    for name, make in {"GCN 64 -> 64": gcn, "GAT 8 x 8": gat}.items():
        for n_edges in sizes:
            run = make(n_edges // 25, n_edges).ours
            run()
            spent = statistics.median(seconds(run) for _ in range(repeats))
            print(
                f"{name:<14} {n_edges:>9} edges  {spent / n_edges * 1e9:8.1f} ns  {peak_bytes(run) / n_edges:8.0f} B",
                flush=True,
            )


def main() -> None:
    chosen = arguments(__doc__).parse_args()
    import torch_geometric

    begin(f", PyG {torch_geometric.__version__}")
    makers = [
        lambda: gcn(20_000, 500_000),
        lambda: gat(20_000, 500_000),
        lambda: gcn(20_000, 500_000, in_order=True),
        lambda: gat(20_000, 500_000, in_order=True),
        lambda: edge_network(2_000, 40_000, 64),
        lambda: edge_network(2_000, 40_000, 128),
        lambda: gn_block(20_000, 200_000, documented=True),
        lambda: gn_block(20_000, 200_000, documented=False),
        lambda: complete(200, 32),
    ]
    rows: list[Row] = []
    for make in makers:
        contest = make()
        if chosen.only in contest.name:
            rows += measure(contest, chosen.repeats)
    if chosen.growth:
        growth([10_000, 30_000, 100_000, 300_000, 1_000_000, 5_000_000], 3)
    finish(rows, chosen.json)


if __name__ == "__main__":
    main()
