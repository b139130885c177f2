"""Sums with rectified weights in O((n + m) log m) time, without a weight for any pair."""

import torch
from torch import Tensor
from torch.nn.functional import pad


def rectified_sums(receivers: Tensor, senders: Tensor, values: Tensor) -> Tensor:
    """out_i = sum over j of ReLU(a_i + b_j) v_j.

    The senders with a_i + b_j > 0 are those of threshold -b_j < a_i. In the order of thresholds they are the first so
    many, and over the first k

        sum (a_i + b_j) v_j = a_i sum v_j - sum (-b_j) v_j

    are two prefix sums, which all receivers share: one sort, one pass over the senders, one binary search a receiver.
    Prefix sums are taken in float64, so that a float32 result loses no digits to their difference.

    Shapes: receivers a [..., n], senders b [..., m], values v [..., d, m] -> [..., d, n], in the type of the values.
    """
    thresholds, order = (-senders).sort(-1)
    ordered = values.gather(-1, order[..., None, :].expand(values.shape)).double()
    steep = ordered * thresholds[..., None, :]
    prefix = pad(torch.cat([ordered, steep], -2), (1, 0)).cumsum(-1)  # [..., 2 d, m + 1]
    counts = torch.searchsorted(thresholds.detach(), receivers.detach().contiguous())
    reached = prefix.gather(-1, counts[..., None, :].expand(*prefix.shape[:-1], -1))
    total, offset = reached.chunk(2, -2)  # [..., d, n] each
    return (receivers[..., None, :] * total - offset).to(values.dtype)
