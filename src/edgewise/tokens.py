"""The numbers of the tokens that no text holds; every vocabulary and every sequence model agree on them."""

PAD = 0
"""Fills short sequences of a batch up."""
BOS = 1
"""Stands before the first token of a target."""
EOS = 2
"""Ends every sequence."""
UNK = 3
"""A symbol that the vocabulary does not know."""
N_SPECIAL = 4
