"""The pairwise functions of non-local blocks and how their values become weights, as attention on any relation.

    name               f(x_i, x_j)                          weights (Wang et al. 2018)     also
    gaussian           exp(x_i . x_j)                       softmax (eq. 2)                scaled_softmax
    embedded_gaussian  exp(theta(x_i) . phi(x_j))           softmax (eq. 3)                scaled_softmax
    dot                theta(x_i) . phi(x_j)                mean: f / N (eq. 4)            softmax, scaled_softmax
    concatenation      ReLU(w . [theta(x_i); phi(x_j)])     mean: f / N (eq. 5)            softmax

`scaled_softmax` first divides the logits by sqrt(d), d being the width of both vectors, as the authors' code and mmcv
can. `dot` with a softmax is the embedded Gaussian; `concatenation` with one is additive attention with a ReLU.
"""

from typing import Literal, get_args

from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.nn.attention.align import Alignment, Mean, Softmax
from edgewise.nn.attention.attention import Attention
from edgewise.nn.attention.score import EmbeddedGaussianScore, GaussianScore, Score
from edgewise.nn.widths import check_width
from edgewise.relation import Relation

Pairwise = Literal["gaussian", "embedded_gaussian", "dot", "concatenation"]
Normalisation = Literal["softmax", "scaled_softmax", "mean"]

NORMALISATIONS: dict[Pairwise, tuple[Normalisation, ...]] = {
    "gaussian": ("softmax", "scaled_softmax"),
    "embedded_gaussian": ("softmax", "scaled_softmax"),
    "dot": ("mean", "softmax", "scaled_softmax"),
    "concatenation": ("mean", "softmax"),
}
"""What goes with each pairwise function; the paper's own choice first."""


class RectifiedConcatScore(Score):
    """ReLU(w . [theta(x_i); phi(x_j)]), the concatenation of Wang et al. (2018), eq. 5.

    With w = [w_r; w_s] this is ReLU(w_r . theta(x_i) + w_s . phi(x_j)), so nothing is concatenated.

    Args:
        query_dim, key_dim: widths; hidden: width of both embeddings, which are linear with biases.

    Shapes: as every `Score`; the keys of the first stage are phi(x_j) [..., n_senders, hidden].
    """

    def __init__(self, query_dim: int, key_dim: int, hidden: int) -> None:
        super().__init__()
        self.theta, self.phi = nn.Linear(query_dim, hidden), nn.Linear(key_dim, hidden)
        self.vector = nn.Linear(2 * hidden, 1, bias=False)

    def keys(self, key: Tensor) -> Tensor:
        check_width("the key of RectifiedConcatScore", key, self.phi.in_features)
        return self.phi(key)

    def halves(self) -> tuple[Tensor, Tensor]:
        """w_r and w_s: [1, hidden] each."""
        receiver, sender = self.vector.weight.chunk(2, -1)
        return receiver, sender

    def logits(self, relation: Relation, query: Tensor, keys: Tensor) -> Tensor:
        check_width("the query of RectifiedConcatScore", query, self.theta.in_features)
        receiver, sender = self.halves()
        of_receivers = relation.from_receivers(self.theta(query) @ receiver.mT)
        return (of_receivers + relation.from_senders(keys @ sender.mT)).relu()


class ScaledSoftmax(Alignment):
    """w_rs = exp(l_rs / sqrt(d)) over its sum: the softmax of a scaled dot product (Vaswani et al. 2017, eq. 1).

    Args:
        width: d, of the vectors whose products the logits are.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = width**-0.5

    def forward(self, relation: Relation, logits: Tensor, query: Tensor, *, first: int = 0) -> Tensor:
        return relation.softmax(logits * self.scale)

    def extra_repr(self) -> str:
        return f"scale={self.scale:.4g}"


def checked(pairwise: Pairwise, normalisation: Normalisation | None) -> Normalisation:
    """The normalisation of a pairwise function: the one asked for, or the paper's.

    Raises:
        ConfigError: for a function that does not exist, or a normalisation that does not go with it.
    """
    if pairwise not in NORMALISATIONS:
        raise ConfigError(
            f"the pairwise function {pairwise!r} does not exist", expected=", ".join(get_args(Pairwise))
        )
    allowed = NORMALISATIONS[pairwise]
    if normalisation is None:
        return allowed[0]
    if normalisation not in allowed:
        exponential = normalisation == "mean" and "gaussian" in pairwise
        raise ConfigError(
            f"the pairwise function {pairwise!r} with the normalisation {normalisation!r}",
            expected=" or ".join(repr(name) for name in allowed),
            fix="pairwise='dot' is the product without the exponential, over N" if exponential else "",
        )
    return normalisation


def attention(pairwise: Pairwise, normalisation: Normalisation, channels: int, inner: int) -> Attention:
    """The attention of a non-local block of [.., channels] nodes; both names as `checked` gives them."""
    score: Score
    if pairwise == "gaussian":
        score = GaussianScore()
    else:
        kind = RectifiedConcatScore if pairwise == "concatenation" else EmbeddedGaussianScore
        score = kind(channels, channels, inner)
    width = channels if pairwise == "gaussian" else inner
    align = {"softmax": Softmax, "scaled_softmax": lambda: ScaledSoftmax(width), "mean": Mean}[normalisation]
    return Attention(score, align())
