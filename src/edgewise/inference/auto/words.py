"""What was chosen and why, in three sentences."""

from collections.abc import Mapping
from typing import Any

from edgewise.inference.auto.survey import Survey


def sentences(
    seen: Survey, chosen: Mapping[str, Any], given: Mapping[str, Any], tried: list[dict[str, Any]]
) -> list[str]:
    """What the data are, what was chosen, and by how much it foretells held-out frames better than the rest."""
    return [_seen(seen), _chosen(chosen, given), _why(tried)]


def counted(count: int, noun: str) -> str:
    """ "1 frame", "2 frames"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _seen(seen: Survey) -> str:
    where = f"positions in {seen.position} dimensions" if seen.position else "no positions"
    if seen.velocity:
        where += " and velocities"
    gaps = f", {seen.missing:.1%} of the values missing" if seen.missing >= 0.001 else ""
    kinship = f"a series goes with its next frame by {seen.autocorrelation:.2f}"
    if seen.slow:
        kinship += ", and what the frame before leaves open is correlated between entities"
    return (
        f"Seen: {counted(seen.n_sequences, 'recording')} of {seen.n_entities} entities and"
        f" {counted(seen.n_frames, 'frame')}, {where}{gaps}; {kinship}."
    )


def _chosen(chosen: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    said = ", ".join(f"{name} = {plain(value)}" for name, value in sorted(chosen.items()))
    named = ", ".join(f"{name} = {plain(value)}" for name, value in sorted(given.items()))
    left = f"; given, and left alone: {named}" if named else ""
    within = (
        " (for directions within a frame see the method linear with acyclic)"
        if "instantaneous" in chosen
        else ""
    )
    return f"Chosen: {said or 'nothing'}{left}{within}."


def plain(value: Any) -> str:
    """A setting as it is typed on the command line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(plain(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _why(tried: list[dict[str, Any]]) -> str:
    best = next(each for each in tried if each["chosen"])
    others = [f"{each['name']} {each['nats']:.3f}" for each in tried if not each["chosen"]]
    beside = f", beside {'; '.join(others)}" if others else ", and nothing else was tried"
    return (
        f"Why: held-out frames have a log-likelihood of {best['nats']:.3f} nats a number under them{beside}; of"
        " settings as good as the best, within two standard errors or 0.005, the simplest are taken."
    )
