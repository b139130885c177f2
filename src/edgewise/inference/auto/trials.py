"""What is worth trying on a data set: a few settings at a time, the simplest first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgewise.inference.auto.survey import Survey

ENOUGH_FOR_TYPES = 20_000
"""Numbers from which on a third type is tried."""
WIDE, NARROW = 64, 32
"""Width of the networks, above and below `ENOUGH_FOR_WIDTH` numbers."""
ENOUGH_FOR_WIDTH = 100_000
STEPS_A_NUMBER, FEWEST_STEPS, MOST_STEPS = 0.1, 600, 4000
"""Most steps of the fit: so many for each number observed, within these bounds."""
NEAR, NEARER = 10, 5
"""Candidates in a crowd."""


@dataclass(frozen=True)
class Trial:
    """One choice of settings.

    Attributes:
        name: of what is special about it, for a reader; settings: what differs from the defaults.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def but(self, name: str, **settings: Any) -> "Trial":
        """This one with other settings."""
        return Trial(name, dict(self.settings) | settings)


def fixed_by_rule(seen: Survey) -> dict[str, Any]:
    """Settings that follow from the size and the kind of the data without a trial.

    Series without positions are asked who acts at all (`no_interaction`); bodies in space may all act on each other
    (charges), which the fit decides. Fewer numbers bear a narrower network and fewer steps.
    """
    steps = int(min(max(STEPS_A_NUMBER * seen.n_numbers, FEWEST_STEPS), MOST_STEPS))
    rules: dict[str, Any] = {
        "hidden": WIDE if seen.n_numbers >= ENOUGH_FOR_WIDTH else NARROW,
        "max_steps": steps,
        "graph": "shared" if seen.n_sequences == 1 else "per-sequence",
    }
    if not seen.position:
        rules |= {"no_interaction": "yes", "additive": not seen.rates}
    if seen.crowded:
        rules["neighbours"] = NEAR
    return rules


def start_name(seen: Survey) -> str:
    """What the first trial is, for a reader."""
    law = "messages of relative positions" if seen.position else "messages of the sender alone"
    law = "messages that see both ends" if seen.rates else law
    scope = "one graph" if seen.n_sequences == 1 else "one graph a recording"
    near = f", the {NEAR} nearest as candidates" if seen.crowded else ""
    return f"{law}, {scope}{near}"


def scopes(best: Trial, seen: Survey) -> list[Trial]:
    """One graph a recording, or one for all where the same entities are in all of them."""
    if seen.n_sequences == 1 or not seen.same_entities:
        return [best]
    return [best.but("one graph for all recordings", graph="shared"), best]


def laws(best: Trial, seen: Survey) -> list[Trial]:
    """Biases of the law."""
    if not seen.position:
        if seen.rates:
            return [best]
        return [best, best.but("messages that see both ends", additive=False)]
    free = best.but("positions as they are", translation=False)
    if seen.position not in (2, 3):
        return [best, free]
    return [best.but("messages that turn with the pair", rotation=True), best, free]


def moments(best: Trial, seen: Survey) -> list[Trial]:
    """Senders within a frame, where residuals speak for it."""
    return [best, best.but("effects within a frame", instantaneous=True)] if seen.slow else [best]


def memory(best: Trial, seen: Survey) -> list[Trial]:
    """One earlier frame. A law that turns with the pair has none; the one that may have it is tried instead."""
    straight = {"rotation": False} if best.settings.get("rotation") else {}
    return [best, best.but("one earlier frame", lags=1, **straight)]


def more_memory(best: Trial, seen: Survey) -> list[Trial]:
    """Two earlier frames, where one was worth it."""
    return [best, best.but("two earlier frames", lags=2)] if best.settings.get("lags") == 1 else [best]


def nearness(best: Trial, seen: Survey) -> list[Trial]:
    """Fewer candidates, in a crowd."""
    if not seen.crowded:
        return [best]
    return [best.but(f"the {NEARER} nearest as candidates", neighbours=NEARER), best]


def kinds(best: Trial, seen: Survey) -> list[Trial]:
    """A third type, where there are numbers enough."""
    if seen.n_numbers < ENOUGH_FOR_TYPES or seen.n_sequences == 1:
        return [best]
    return [best, best.but("three types", edge_types=3)]


STAGES = (scopes, laws, moments, memory, more_memory, nearness, kinds)
"""In the order in which they are tried, each with what the stages before have chosen."""
