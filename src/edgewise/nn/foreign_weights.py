"""What the conversions of other libraries' weights share."""

from collections.abc import Collection, Mapping

from torch import Tensor

from edgewise.errors import ConfigError

State = dict[str, Tensor]


def check_keys(
    layer: str, state: Mapping[str, Tensor], needed: Collection[str], also: Collection[str] = ()
) -> None:
    """Refuse a state that is not this layer's.

    Args:
        layer: whose and which, e.g. "PyG's GCNConv"; needed: keys that must be there; also: keys that may be.

    Raises:
        ConfigError: naming the keys that are missing and those that are too many.
    """
    missing = sorted(set(needed) - set(state))
    surplus = sorted(set(state) - set(needed) - set(also))
    if missing or surplus:
        found = [f"no {', '.join(missing)}"] if missing else []
        found += [f"unexpected {', '.join(surplus)}"] if surplus else []
        allowed = f", and perhaps {', '.join(sorted(also))}" if also else ""
        raise ConfigError(
            f"the weights of {layer} have {' and '.join(found)}",
            expected=f"{', '.join(sorted(needed))}{allowed}",
        )
