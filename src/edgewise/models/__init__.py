"""Whole named systems, as their papers have them."""

from edgewise.models.central_force import CentralForce, RadialLaw
from edgewise.models.ensemble import SequenceEnsemble
from edgewise.models.gat import GAT, gat_on_bags
from edgewise.models.gcn import GCN, dense_input, gcn_on_bags
from edgewise.models.interaction import DynamicsOnly, FlatMLP, InteractionDynamics
from edgewise.models.learned_simulator import LearnedSimulator, MotionScales
from edgewise.models.luong import Luong, LuongSettings, luong_attention
from edgewise.models.mpnn import MPNN, GraphRegressor
from edgewise.models.non_local_net import NonLocalNet
from edgewise.models.objects import ObjectDims, Objects
from edgewise.models.pair_forces import PairForces
from edgewise.models.rnnsearch import RNNsearch, RNNsearchSettings
from edgewise.models.search import Hypothesis, beam_search, greedy
from edgewise.models.seq2seq import Seq2Seq, Seq2SeqSettings
from edgewise.models.sequence import SequenceModel
from edgewise.models.transformer import Transformer, TransformerDecoder, TransformerEncoder

__all__ = [
    "GAT",
    "GCN",
    "MPNN",
    "CentralForce",
    "DynamicsOnly",
    "FlatMLP",
    "GraphRegressor",
    "Hypothesis",
    "InteractionDynamics",
    "LearnedSimulator",
    "Luong",
    "LuongSettings",
    "MotionScales",
    "NonLocalNet",
    "ObjectDims",
    "Objects",
    "PairForces",
    "RNNsearch",
    "RNNsearchSettings",
    "RadialLaw",
    "Seq2Seq",
    "Seq2SeqSettings",
    "SequenceEnsemble",
    "SequenceModel",
    "Transformer",
    "TransformerDecoder",
    "TransformerEncoder",
    "beam_search",
    "dense_input",
    "gat_on_bags",
    "gcn_on_bags",
    "greedy",
    "luong_attention",
]
