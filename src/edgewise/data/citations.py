"""Graphs whose nodes are to be classified: the citation graphs of Planetoid, and graphs of one's own."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from edgewise.data.graphs import numeric_columns
from edgewise.data.unpickle import read_pickle, stored_bytes, stored_file
from edgewise.data.wording import did_you_mean, listing
from edgewise.errors import DataError
from edgewise.relation import Sparse

if TYPE_CHECKING:
    import networkx as nx

PARTS = ("train", "validation", "test")
VALIDATION_NODES = 500
"""Nodes that Planetoid's split validates on: those behind the training nodes."""


@dataclass(frozen=True, eq=False)
class NodeClassification:
    """One graph, features and classes of its nodes, and which of them are for training, validation and test.

    Args:
        relation: the edges, without loops; an undirected edge is one in each direction.
        words: which feature (sender) which node (receiver) has, as a relation: features other than 0 are edges.
        values: [n_edges of words, 1] float32, how much of the feature, in the layout of `words`.
        labels: [n_nodes] int64, the class of each node; -1 where it is unknown (never in the three parts).
        train, validation, test: [n] int64 each, node numbers; no node is in two parts.
        classes: a name a class.
        name: of the data set.
        nodes: a name a node.

    Raises:
        DataError: for numbers of nodes or classes out of range, a node in two parts or in one without its class, an
            empty part, values that are not finite, or sizes that do not fit.
    """

    relation: Sparse
    words: Sparse
    values: Tensor
    labels: Tensor
    train: Tensor
    validation: Tensor
    test: Tensor
    classes: tuple[str, ...]
    name: str
    nodes: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_types(self)
        _check_sizes(self)
        _check_values(self)
        _check_labels(self)
        _check_parts(self)


def _check_types(data: NodeClassification) -> None:
    for what in ("labels", *PARTS):
        index = getattr(data, what)
        if index.dtype != torch.int64 or index.dim() != 1:
            raise DataError(
                f"{data.name}: {what} {'are' if what == 'labels' else 'is'} {index.dtype} with {index.dim()} axes",
                expected="torch.int64 with one axis",
            )
    twice = [name for name in data.classes if data.classes.count(name) > 1]
    if twice:
        raise DataError(f"{data.name}: two classes are called '{twice[0]}'", expected="a name a class")


def _check_sizes(data: NodeClassification) -> None:
    n = data.relation.n_receivers
    found = {"words": data.words.n_receivers, "labels": len(data.labels), "node names": len(data.nodes)}
    for what, size in found.items():
        if size != n:
            raise DataError(f"{data.name}: {what} for {size} nodes", expected=f"{n}, as the relation has")
    if tuple(data.values.shape) != (data.words.n_edges, 1):
        raise DataError(
            f"{data.name}: values have shape {list(data.values.shape)}",
            expected=f"[{data.words.n_edges}, 1], one for each edge of words",
        )


def _check_values(data: NodeClassification) -> None:
    wrong = ~data.values[:, 0].isfinite()
    if wrong.any():
        at = int(wrong.nonzero()[0])
        node, feature = data.nodes[int(data.words.receivers[at])], int(data.words.senders[at])
        raise DataError(
            f"{data.name}: feature {feature} of node '{node}' is {float(data.values[at])}",
            expected="finite numbers",
        )


def _check_labels(data: NodeClassification) -> None:
    wrong = (data.labels < -1) | (data.labels >= len(data.classes))
    if wrong.any():
        at = int(wrong.nonzero()[0])
        raise DataError(
            f"{data.name}: the label of node '{data.nodes[at]}' is {int(data.labels[at])}",
            expected=f"a class from 0 to {len(data.classes) - 1}, or -1 where it is unknown",
        )


def _check_parts(data: NodeClassification) -> None:
    owner = np.full(data.relation.n_receivers, -1)
    for number, part in enumerate(PARTS):
        index = getattr(data, part)
        if not len(index):
            raise DataError(f"{data.name}: no node is in the part {part}", expected="at least one node")
        wrong = (index < 0) | (index >= len(owner))
        if wrong.any():
            raise DataError(
                f"{data.name}: {part} holds node number {int(index[wrong][0])}",
                expected=f"0 to {len(owner) - 1}",
            )
        unknown = index[data.labels[index] < 0]
        if len(unknown):
            raise DataError(
                f"{data.name}: node '{data.nodes[int(unknown[0])]}' is in the part {part} and has no label",
                expected="a class for every node in a part",
            )
        for node in index.tolist():
            if owner[node] >= 0:
                raise DataError(
                    f"{data.name}: node '{data.nodes[node]}' is in the part {PARTS[owner[node]]} and again in {part}",
                    expected="each node once, in one part",
                )
            owner[node] = number


def _undirected(pairs: np.ndarray, n_nodes: int) -> Sparse:
    """Each pair of nodes once in both directions; loops are left out. pairs: [n, 2] int64."""
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    both = torch.from_numpy(np.concatenate([pairs, pairs[:, ::-1]]))
    return Sparse(both[:, 0].contiguous(), both[:, 1].contiguous(), n_nodes)


def _bag(
    rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, ...]
) -> tuple[Sparse, Tensor]:
    """The relation feature -> node of a matrix's entries, and the entries in its layout: [n_edges, 1] float32."""
    senders, receivers = (torch.from_numpy(axis.astype(np.int64)) for axis in (columns, rows))
    words = Sparse(senders, receivers, shape[0], shape[1])
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as such
        entries = values.astype(np.float32)
    return words, torch.from_numpy(entries)[words.order, None]


# ---- Planetoid -----------------------------------------------------------------------------------------------------

_MATRIX = csr_array, "a sparse matrix"
_ONE_HOTS = np.ndarray, "an array with two axes"
_LISTS = dict, "a dict of a list of nodes for each node"
_KINDS: dict[str, tuple[type, str]] = {
    "x": _MATRIX,
    "y": _ONE_HOTS,
    "tx": _MATRIX,
    "ty": _ONE_HOTS,
    "allx": _MATRIX,
    "ally": _ONE_HOTS,
    "graph": _LISTS,
}
"""What each pickle of a data set holds."""
_FILES = (*_KINDS, "test.index")


def load_planetoid(folder: str | Path, name: str) -> NodeClassification:
    """A citation graph in the files of Planetoid (Yang et al. 2016), with its fixed split.

    Training nodes are those of `x`, validation nodes the 500 behind them, test nodes those of `test.index`. A number
    that `test.index` leaves out (15 nodes of Citeseer) is a node without features, without a class and in no part.
    Citations are undirected here; repeated ones and loops are left out. The files do not name the classes: they are
    "0", "1", ... in the order of the columns of `y`.

    Args:
        folder: holds ind.NAME.x, y, tx, ty, allx, ally, graph and test.index, each perhaps with .gz behind it.
        name: cora, citeseer, pubmed, or whatever the folder holds.

    Raises:
        DataError: for a missing or damaged file, one that would run code, or files that do not fit together.
    """
    folder = Path(folder)
    _refuse_missing(folder, name)
    prefix = folder / f"ind.{name}"
    files = {part: stored_file(f"{prefix}.{part}") or prefix for part in _FILES}
    parts = {part: read_pickle(files[part]) for part in _KINDS}
    _check_kinds(prefix, parts)
    test, n_rows = _test_index(files["test.index"], parts), parts["allx"].shape[0]
    n_nodes = int(test.max(initial=n_rows - 1)) + 1
    n_train = parts["x"].shape[0]
    if n_train + VALIDATION_NODES > n_rows:
        raise DataError(
            f"{prefix}.allx has {n_rows} rows, and {n_train} are training nodes",
            expected=f"{VALIDATION_NODES} more for validation",
        )
    labels = np.full(n_nodes, -1, dtype=np.int64)
    labels[:n_rows] = _classes_of(prefix, "ally", parts["ally"])
    labels[test] = _classes_of(prefix, "ty", parts["ty"])
    words, values = _words(parts["allx"], parts["tx"], test, n_nodes)
    return NodeClassification(
        relation=_citations(prefix, parts["graph"], n_nodes),
        words=words,
        values=values,
        labels=torch.from_numpy(labels),
        train=torch.arange(n_train),
        validation=torch.arange(n_train, n_train + VALIDATION_NODES),
        test=torch.from_numpy(test),
        classes=tuple(str(k) for k in range(parts["y"].shape[1])),
        name=name,
        nodes=tuple(str(k) for k in range(n_nodes)),
    )


def _refuse_missing(folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise DataError(
            f"{folder} is not a folder", expected=f"the folder that holds ind.{name}.x and its like"
        )
    missing = [f"ind.{name}.{part}" for part in _FILES if stored_file(folder / f"ind.{name}.{part}") is None]
    if len(missing) == len(_FILES):
        names = sorted({file.name.split(".")[1] for file in folder.glob("ind.*.*")})
        raise DataError(
            f"{folder} has no data set '{name}'; it has {listing(names)}",
            expected=f"the files {listing(missing)}",
            fix=did_you_mean(name, names),
        )
    if missing:
        raise DataError(
            f"{folder} lacks {listing(missing)} of the data set '{name}'",
            expected=f"ind.{name}. with {listing(_FILES)} behind it, each perhaps with .gz",
        )


def _check_kinds(prefix: Path, parts: Mapping[str, Any]) -> None:
    """Matrices of one width, as many labels as rows, and lists of neighbours."""
    for part, content in parts.items():
        kind, expected = _KINDS[part]
        if not isinstance(content, kind) or getattr(content, "ndim", 2) != 2:
            raise DataError(f"{prefix}.{part} holds {_kind(content)}", expected=expected)
    for features, labels in (("x", "y"), ("tx", "ty"), ("allx", "ally")):
        for part, first in ((features, "x"), (labels, "y")):
            fits = (parts[features].shape[0], parts[first].shape[1])
            if parts[part].shape != fits:
                raise DataError(
                    f"{prefix}.{part} has shape {list(parts[part].shape)}",
                    expected=f"{list(fits)}: a row for each of {features}, a column for each of {first}",
                )


def _kind(content: object) -> str:
    shape = getattr(content, "shape", None)
    return f"a {type(content).__name__}" + (f" of shape {list(shape)}" if shape is not None else "")


def _test_index(file: Path, parts: Mapping[str, Any]) -> np.ndarray:
    n_rows, n_test, n_nodes = parts["allx"].shape[0], parts["tx"].shape[0], len(parts["graph"])
    lines = stored_bytes(file).decode("utf-8", "replace").split()
    for number, line in enumerate(lines, 1):
        if not (line.isascii() and line.isdecimal() and n_rows <= int(line) < n_nodes):
            raise DataError(
                f"{file}: line {number} is '{line}'",
                expected=f"a node number from {n_rows} to {n_nodes - 1}: behind the rows of allx, in graph",
            )
    test = np.array([int(line) for line in lines], dtype=np.int64)
    if len(test) != n_test or len(np.unique(test)) != n_test:
        raise DataError(
            f"{file} has {len(test)} numbers, {len(np.unique(test))} of them different",
            expected=f"{n_test} different ones, one for each row of tx",
        )
    return test


def _classes_of(prefix: Path, part: str, rows: np.ndarray) -> np.ndarray:
    """One-hot rows -> class numbers; -1 for a row of zeros."""
    wrong = ~np.isin(rows, (0, 1)).all(1) | (rows.sum(1) > 1)
    if wrong.any():
        at = int(wrong.argmax())
        raise DataError(
            f"{prefix}.{part}: row {at} is {rows[at].tolist()}",
            expected="a single 1 at the node's class, or zeros",
        )
    return np.where(rows.any(1), rows.argmax(1), -1)


def _words(allx: csr_array, tx: csr_array, test: np.ndarray, n_nodes: int) -> tuple[Sparse, Tensor]:
    """Row i of tx is node test[i]; the rows of allx are the first nodes."""
    known, tested = allx.tocoo(), tx.tocoo()
    rows = np.concatenate([known.row, test[tested.row]])
    columns = np.concatenate([known.col, tested.col])
    values = np.concatenate([known.data, tested.data])
    kept = values != 0
    return _bag(rows[kept], columns[kept], values[kept], (n_nodes, allx.shape[1]))


def _citations(prefix: Path, graph: Any, n_nodes: int) -> Sparse:
    if not all(isinstance(found, list) for found in graph.values()):
        raise DataError(f"{prefix}.graph holds {_kind(graph)}", expected=_LISTS[1])
    pairs = [(node, other) for node, others in graph.items() for other in others]
    for node, other in pairs:
        if not all(isinstance(end, int) and 0 <= end < n_nodes for end in (node, other)):
            raise DataError(
                f"{prefix}.graph: node {node!r} cites {other!r}",
                expected=f"node numbers from 0 to {n_nodes - 1}",
            )
    return _undirected(np.array(pairs, dtype=np.int64).reshape(-1, 2), n_nodes)


# ---- graphs of one's own -------------------------------------------------------------------------------------------


def classification_from_networkx(
    graph: "nx.Graph",
    *,
    label: str = "label",
    split: str = "split",
    features: Sequence[str] | None = None,
    name: str = "graph",
) -> NodeClassification:
    """The nodes of a NetworkX graph, to be classified by their numeric attributes and their edges.

    An undirected edge counts in both directions, a directed one in its own. Loops and parallel edges are left out,
    as are attributes of edges. A node whose class is absent (no attribute, None, NaN or an empty text) is unlabelled.

    Args:
        graph: its nodes carry a class, the part they are of, and numbers.
        label: attribute that holds the class.
        split: attribute that says train, validation or test; absent or empty: the node is in no part.
        features: attributes that become features, in this order; None: all others that hold numbers, in the order in
            which they first appear.
        name: of the data set.

    Raises:
        DataError: naming node and attribute, for features that are absent, no numbers or not finite; for another part;
            and as `NodeClassification`.
    """
    records = [(str(node), attributes) for node, attributes in graph.nodes(data=True)]
    _refuse_absent(name, records, label=label, split=split)
    columns, values = numeric_columns("node", records, features, leave=(label, split))
    if not columns:
        raise DataError(
            f"{name}: no node attribute beside '{label}' and '{split}' holds numbers",
            expected="at least one feature a node",
            fix="give the nodes one, e.g. their degree",
        )
    named = [_class(name, node, label, attributes.get(label)) for node, attributes in records]
    classes = _ordered({value for value in named if value is not None})
    number = {value: k for k, value in enumerate(classes)}
    parts = [_part(name, node, split, attributes.get(split)) for node, attributes in records]
    rows, where = values.nonzero()
    words, filled = _bag(rows, where, values[rows, where], values.shape)
    return NodeClassification(
        relation=_distinct_edges(graph),
        words=words,
        values=filled,
        labels=torch.tensor([-1 if value is None else number[value] for value in named], dtype=torch.int64),
        classes=tuple(str(value) for value in classes),
        name=name,
        nodes=tuple(node for node, _ in records),
        **{part: _numbers_of(parts, part) for part in PARTS},
    )


def load_graphml(
    path: str | Path, *, label: str = "label", split: str = "split", features: Sequence[str] | None = None
) -> NodeClassification:
    """`classification_from_networkx` of a GraphML file, named after the file.

    Raises:
        DataError: for a file that is missing or no GraphML, and as `classification_from_networkx`.
    """
    import networkx as nx

    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path} does not exist", expected="a GraphML file", fix="check the path")
    try:
        graph = nx.read_graphml(path)
    except Exception as error:  # the reader of XML and that of GraphML fail in many ways
        raise DataError(
            f"{path} cannot be read: {type(error).__name__}: {error}",
            expected="a GraphML file, as nx.write_graphml writes it",
        ) from error
    return classification_from_networkx(graph, label=label, split=split, features=features, name=path.stem)


def _refuse_absent(name: str, records: Sequence[tuple[str, Mapping[str, Any]]], **wanted: str) -> None:
    known = list(dict.fromkeys(key for _, attributes in records for key in attributes))
    for role, attribute in wanted.items():
        if attribute not in known:
            raise DataError(
                f"{name}: no node has the attribute '{attribute}'; the attributes are {listing(known)}",
                expected=f"the {role} of the nodes",
                fix=did_you_mean(attribute, known),
            )


def _blank_to_none(value: Any) -> Any:
    blank = value is None or value == "" or (isinstance(value, Real) and value != value)
    return None if blank else value


def _class(name: str, node: str, label: str, value: Any) -> Any:
    found = _blank_to_none(value)
    if found is not None and not isinstance(found, str | Real | np.bool_):
        raise DataError(
            f"{name}: node '{node}', attribute '{label}' is {value!r}",
            expected="a text or a number, or nothing for a node of no class",
        )
    return found


def _ordered(values: set[Hashable]) -> list[Any]:
    """Numbers by size, before texts by alphabet."""

    def place(value: Any) -> tuple[bool, float, str]:
        number = isinstance(value, Real)
        return not number, float(value) if number else 0.0, str(value)

    return sorted(values, key=place)


def _part(name: str, node: str, split: str, value: Any) -> str | None:
    part = _blank_to_none(value)
    if part is not None and part not in PARTS:
        raise DataError(
            f"{name}: node '{node}', attribute '{split}' is {value!r}",
            expected=f"{', '.join(PARTS)}, or nothing for a node in no part",
            fix=did_you_mean(str(value), PARTS),
        )
    return None if part is None else str(part)


def _numbers_of(parts: Sequence[str | None], part: str) -> Tensor:
    return torch.tensor([k for k, own in enumerate(parts) if own == part], dtype=torch.int64)


def _distinct_edges(graph: "nx.Graph") -> Sparse:
    place = {node: k for k, node in enumerate(graph)}
    pairs = np.array([(place[a], place[b]) for a, b in graph.edges()], dtype=np.int64).reshape(-1, 2)
    if not graph.is_directed():
        return _undirected(pairs, len(place))
    pairs = torch.from_numpy(np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0))
    return Sparse(pairs[:, 0].contiguous(), pairs[:, 1].contiguous(), len(place))
