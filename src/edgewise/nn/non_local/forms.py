"""What a non-local block sums, in the form that its pairwise function allows; channels before positions."""

from torch import Tensor, nn
from torch.nn.functional import conv1d

from edgewise.nn.attention.align import Mean
from edgewise.nn.attention.attention import Attention
from edgewise.nn.non_local.pairwise import RectifiedConcatScore, ScaledSoftmax
from edgewise.nn.non_local.rectified import rectified_sums
from edgewise.nn.non_local.softmax import softmax_sums
from edgewise.relation import Complete


def summed(attend: Attention, out: nn.Linear, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """W_z y of every position, y_i = sum over j of w_ij g_j with the weights that `attend` gives on `Complete`.

    Shapes: query theta(x) [batch, d, N], key phi(x) [batch, d, N'], value g(x) [batch, inner, N'], before the score and
    behind its embeddings -> [batch, channels, N].
    """
    concatenated = isinstance(attend.score, RectifiedConcatScore)
    if isinstance(attend.align, Mean) and not concatenated:
        total = (out.weight @ (value @ key.mT / key.shape[-1])) @ query  # [channels, d], then [channels, N]
        return total if out.bias is None else total + out.bias[:, None]
    context = (
        _concatenated(attend, query, key, value) if concatenated else _softmax(attend, query, key, value)
    )
    return conv1d(context, out.weight[..., None], out.bias)


def _softmax(attend: Attention, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    scale = attend.align.scale if isinstance(attend.align, ScaledSoftmax) else 1.0
    return softmax_sums(query, key, value, scale)


def _concatenated(attend: Attention, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    assert isinstance(attend.score, RectifiedConcatScore)  # for the type checker
    receiver, sender = attend.score.halves()
    of_receivers, of_senders = query.mT @ receiver.mT, key.mT @ sender.mT  # [batch, N, 1], [batch, N', 1]
    if isinstance(attend.align, Mean):
        return rectified_sums(of_receivers[..., 0], of_senders[..., 0], value) / key.shape[-1]
    relation = Complete(query.shape[-1], key.shape[-1])
    return relation.additive_attention(of_receivers, of_senders, value.mT, slope=0.0).mT
