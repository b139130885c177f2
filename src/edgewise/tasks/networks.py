"""From the settings of a recipe to an untrained network."""

from torch import Tensor, nn

from edgewise.models import MPNN, GraphRegressor, gat_on_bags, gcn_on_bags
from edgewise.models.luong import Luong, luong_attention
from edgewise.models.mpnn import two_layers
from edgewise.models.rnnsearch import RNNsearch, RNNsearchSettings
from edgewise.models.seq2seq import Seq2Seq, Seq2SeqSettings
from edgewise.models.sequence import SequenceModel
from edgewise.models.transformer import Transformer
from edgewise.nn.readout import SumReadout
from edgewise.settings import plain
from edgewise.tasks.recipe import CitationModel
from edgewise.tasks.sequence_tables import LuongModel, TransformerModel
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


def sequence_model(model: object, n_source: int, n_target: int) -> SequenceModel:
    """A model of target sequences given source sequences, for vocabularies of so many tokens."""
    if isinstance(model, Seq2SeqSettings):
        return Seq2Seq(n_source, n_target, model)
    if isinstance(model, RNNsearchSettings):
        return RNNsearch(n_source, n_target, model)
    if isinstance(model, LuongModel):
        choices = {"reach": model.reach, "longest": model.longest_source}
        attend = luong_attention(model.hidden, model.score, model.alignment, **choices)
        return Luong(n_source, n_target, attend, model)
    assert isinstance(model, TransformerModel)  # there are no other tables for sequences
    layers = {"encoder_layers": model.encoder_layers, "decoder_layers": model.decoder_layers}
    return Transformer(n_source, n_target, model, tied=model.tied, **layers)


def decayed_weights(module: nn.Module, which: str) -> list[Tensor]:
    """The weights that an L2 penalty is on: those of the module's `first` layer, all but the biases, or everything."""
    chosen = {
        "first-layer": lambda name: name.startswith("first."),
        "all-weights": lambda name: not name.endswith("bias"),
        "everything": lambda name: True,
    }[which]
    return [weight for name, weight in module.named_parameters() if chosen(name)]
