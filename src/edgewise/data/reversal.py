"""A toy: words of random letters and the same letters backwards. Short ones to learn from, longer ones to be asked."""

import numpy as np

from edgewise.data.text import ParallelText
from edgewise.errors import ConfigError

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def reversal(n: int, lengths: tuple[int, int], seed: int, *, letters: str = LETTERS) -> ParallelText:
    """Words of random letters, of every length from the first to the last alike, and their reversals.

    Args:
        n: number of words; lengths: shortest and longest; seed: decides all of them; letters: to choose from.

    Raises:
        ConfigError: for lengths that are no range.
    """
    shortest, longest = lengths
    if not 1 <= shortest <= longest:
        raise ConfigError(
            f"words of {shortest} to {longest} letters", expected="1 or more, the shortest first"
        )
    rng = np.random.default_rng([seed, n, shortest, longest])
    sizes = rng.integers(shortest, longest + 1, n)
    words = ["".join(letters[k] for k in rng.integers(0, len(letters), size)) for size in sizes]
    return ParallelText(tuple(words), tuple(word[::-1] for word in words))
