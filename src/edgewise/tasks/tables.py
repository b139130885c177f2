"""What a recipe may say: one small record a table, each field with its own help."""

from dataclasses import dataclass
from typing import Literal

from edgewise.settings import one_of, require


@dataclass(frozen=True)
class PlanetoidData:
    """A citation graph in the files of Planetoid (Yang et al. 2016), with its fixed split.

    Attributes:
        path: folder that holds the files ind.NAME.*, relative to the recipe.
        name: which data set of the folder, e.g. cora.
        normalise_rows: whether each node's features are divided by their sum.
    """

    path: str
    name: str
    normalise_rows: bool = True


@dataclass(frozen=True)
class GraphFileData:
    """A graph of one's own: a GraphML file whose nodes carry features, a class and the part that they are of.

    Attributes:
        path: the file, relative to the recipe.
        label: node attribute that holds the class.
        split: node attribute that says train, validation or test; other nodes have no part but their edges.
        normalise_rows: whether each node's features are divided by their sum.
    """

    path: str
    label: str = "label"
    split: str = "split"
    normalise_rows: bool = False


@dataclass(frozen=True)
class MoleculeTableData:
    """A table of molecules with one number each.

    Attributes:
        path: the table, relative to the recipe.
        smiles: column of the SMILES; empty: the usual names are tried.
        target: column of the number to be predicted; empty: the usual names are tried.
        validation: share of the molecules that early stopping looks at.
        test: share of the molecules that are looked at once, at the end.
    """

    path: str
    smiles: str = ""
    target: str = ""
    validation: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        for name in ("validation", "test"):
            value = getattr(self, name)
            require(0 < value < 0.5, name, value, "a share above 0 and below 0.5")


@dataclass(frozen=True)
class GCNModel:
    """The graph convolutional network of Kipf & Welling (2017), two layers.

    Attributes:
        hidden: units of the hidden layer.
        dropout: share of the inputs of both layers that is dropped in training.
    """

    hidden: int = 16
    dropout: float = 0.5

    def __post_init__(self) -> None:
        require(1 <= self.hidden <= 4096, "hidden", self.hidden, "1 to 4096 units")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "a share from 0 to below 1")


@dataclass(frozen=True)
class GATModel:
    """The graph attention network of Velickovic et al. (2018), two layers.

    Attributes:
        hidden: units a head of the first layer.
        heads: heads of the first layer, concatenated.
        output_heads: heads of the second layer, averaged.
        dropout: share dropped in training: of both layers' inputs, of projected features, of attention weights.
        logit_bias: whether the attention logits have a bias a head, as in the authors' code.
    """

    hidden: int = 8
    heads: int = 8
    output_heads: int = 1
    dropout: float = 0.6
    logit_bias: bool = False

    def __post_init__(self) -> None:
        require(1 <= self.hidden <= 4096, "hidden", self.hidden, "1 to 4096 units")
        require(1 <= self.heads <= 64, "heads", self.heads, "1 to 64 heads")
        require(1 <= self.output_heads <= 64, "output_heads", self.output_heads, "1 to 64 heads")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "a share from 0 to below 1")


@dataclass(frozen=True)
class MPNNModel:
    """The message passing network of Gilmer et al. (2017): edge network, tied GRU, readout.

    Attributes:
        hidden: width of an atom's state.
        edge_hidden: width of the hidden layer of the edge network.
        steps: rounds of messages, with the same weights.
        readout: "set2set", or "sum" of the atoms' states, which knows how large a molecule is.
        readout_steps: rounds of set2set.
        dropout: share of the molecule's vector that is dropped in training.
    """

    hidden: int = 64
    edge_hidden: int = 32
    steps: int = 3
    readout: Literal["set2set", "sum"] = "set2set"
    readout_steps: int = 3
    dropout: float = 0.0

    def __post_init__(self) -> None:
        one_of("readout", self.readout, ("set2set", "sum"))
        require(1 <= self.hidden <= 4096, "hidden", self.hidden, "1 to 4096 units")
        require(1 <= self.edge_hidden <= 4096, "edge_hidden", self.edge_hidden, "1 to 4096 units")
        require(1 <= self.steps <= 64, "steps", self.steps, "1 to 64 rounds")
        require(1 <= self.readout_steps <= 64, "readout_steps", self.readout_steps, "1 to 64 rounds")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "a share from 0 to below 1")


@dataclass(frozen=True)
class CitationTraining:
    """How a network that classifies nodes is trained; every epoch is one step on the whole graph.

    Attributes:
        seeds: networks that are trained, with seeds 0, 1, ...; their mean and spread are reported.
        learning_rate: step size of Adam (betas 0.9 and 0.999).
        l2: weight of 1/2 the sum of squared weights in the loss.
        l2_on: "first-layer", also in the validation loss (GCN); "all-weights", biases left out; or "everything" that
            is trained (GAT as its code has it).
        max_epochs: most epochs, should nothing stop the training earlier.
        stopping: "rising-loss" tests the last weights, "patience" those with the best validation accuracy and loss, and
            "patience-loss" those with the lowest validation loss; see `edgewise.tasks.stopping`.
        patience: epochs that the rule looks back at, or waits for.
    """

    seeds: int = 20
    learning_rate: float = 0.01
    l2: float = 5e-4
    l2_on: Literal["first-layer", "all-weights", "everything"] = "first-layer"
    max_epochs: int = 200
    stopping: Literal["rising-loss", "patience", "patience-loss"] = "rising-loss"
    patience: int = 10

    def __post_init__(self) -> None:
        require(1 <= self.seeds <= 1000, "seeds", self.seeds, "1 to 1000 networks")
        require(0 < self.learning_rate <= 1, "learning_rate", self.learning_rate, "above 0, at most 1")
        require(self.l2 >= 0, "l2", self.l2, "0 or a positive number")
        one_of("l2_on", self.l2_on, ("first-layer", "all-weights", "everything"))
        require(self.max_epochs >= 1, "max_epochs", self.max_epochs, "at least 1 epoch")
        one_of("stopping", self.stopping, ("rising-loss", "patience", "patience-loss"))
        require(self.patience >= 1, "patience", self.patience, "at least 1 epoch")


@dataclass(frozen=True)
class MoleculeTraining:
    """How networks that predict a number a molecule are trained.

    Attributes:
        seeds: random splits 0, 1, ... of the molecules; the mean and spread over them are reported.
        ensemble: networks a split, of different seeds, whose predictions are averaged.
        learning_rate: step size of AdamW at the start; it falls to 0 along half a cosine.
        weight_decay: decoupled decay of the weight matrices (not of biases).
        epochs: passes over the training molecules.
        batch_size: molecules a step.
        patience: epochs without a better validation RMSE after which the training stops (0: none).
        clip: largest norm of the gradient (0: none).
    """

    seeds: int = 3
    ensemble: int = 1
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    epochs: int = 100
    batch_size: int = 32
    patience: int = 0
    clip: float = 0.0

    def __post_init__(self) -> None:
        require(1 <= self.seeds <= 1000, "seeds", self.seeds, "1 to 1000 splits")
        require(1 <= self.ensemble <= 100, "ensemble", self.ensemble, "1 to 100 networks a split")
        require(0 < self.learning_rate <= 1, "learning_rate", self.learning_rate, "above 0, at most 1")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or a positive number")
        require(self.epochs >= 1, "epochs", self.epochs, "at least 1 epoch")
        require(self.batch_size >= 1, "batch_size", self.batch_size, "at least 1 molecule")
        require(self.patience >= 0, "patience", self.patience, "0 (none) or a number of epochs")
        require(self.clip >= 0, "clip", self.clip, "0 (none) or a positive norm")


@dataclass(frozen=True)
class Published:
    """The figure that the result is compared with.

    Attributes:
        value: of the metric, in the unit of the task (accuracy in %, RMSE in the target's unit).
        source: paper and table.
        sd: its standard deviation; 0 where the source gives none.
    """

    value: float
    source: str
    sd: float = 0.0
