"""From the settings of a recipe to an untrained network."""

from torch import Tensor, nn

from edgewise.models import MPNN, GraphRegressor, gat_on_bags, gcn_on_bags
from edgewise.models.mpnn import two_layers
from edgewise.nn.readout import SumReadout
from edgewise.settings import plain
from edgewise.tasks.recipe import CitationModel
from edgewise.tasks.tables import GCNModel, MPNNModel


def node_classifier(model: CitationModel, n_features: int, n_classes: int) -> nn.Module:
    """A network (relation with loops, bag of features) -> logits [n_nodes, n_classes]."""
    build = gcn_on_bags if isinstance(model, GCNModel) else gat_on_bags
    return build(n_features, n_classes, **plain(model))


def molecule_network(model: MPNNModel, n_atom_features: int, n_bond_features: int) -> nn.Module:
    """A network: union of graphs -> [n_graphs, 1]."""
    settings = plain(model)
    readout, dim = settings.pop("readout"), settings.pop("hidden")
    network = MPNN(n_atom_features, n_bond_features, dim=dim, **settings)
    if readout == "sum":
        head = two_layers(dim, dim, 1, model.dropout)
        return GraphRegressor(network.embed, network.passing, SumReadout("sum"), head)
    return network


def decayed_weights(module: nn.Module, which: str) -> list[Tensor]:
    """The weights that an L2 penalty is on: those of the module's `first` layer, all but the biases, or everything."""
    chosen = {
        "first-layer": lambda name: name.startswith("first."),
        "all-weights": lambda name: not name.endswith("bias"),
        "everything": lambda name: True,
    }[which]
    return [weight for name, weight in module.named_parameters() if chosen(name)]
