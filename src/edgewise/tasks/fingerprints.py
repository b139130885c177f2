"""A hash of data, by which a resumed run knows that they are the same."""

import hashlib
from collections.abc import Iterable

import numpy as np
from torch import Tensor


def fingerprint(parts: Iterable[Tensor | str]) -> str:
    """SHA-256 over texts, and the types, shapes and bytes of tensors, in hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(f"text {len(part)} {part}".encode())
        else:
            array = np.ascontiguousarray(part.detach().cpu().numpy())
            digest.update(f"{array.dtype.str} {array.shape}".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()
