"""What a training run reached, in plain sentences that claim no more than its spread allows."""

from collections.abc import Sequence
from statistics import median

from edgewise.report.formatting import DASH, capital, count, duration
from edgewise.report.headline import Headline, Tile, plural
from edgewise.report.training.records import Published, Run, Scores, TrainingRecords
from edgewise.report.training.scale import Scale, scale_of

CHANCE = 2.0
"""A gap of at most so many standard errors is said to be one that chance can make."""


def headline(records: TrainingRecords) -> Headline:
    scores, scale = records.scores, scale_of(records.scores)
    sentences = (against_published(scores, scale), against_baselines(scores, scale))
    return Headline(found=found(scores, scale), checked=" ".join(filter(None, sentences)))


def found(scores: Scores, scale: Scale) -> str:
    """`Test accuracy 81.6 % ± 0.5 over 20 seeds; published 81.5 % (Kipf & Welling 2017, table 2).`"""
    if scores.mean is None:
        ours = f"No test {scale.label} was measured {over(scores.runs)}"
    else:
        ours = f"Test {scale.label} {scale.spread(scores.mean, scores.sd)} {over(scores.runs)}"
    if scores.published is None:
        return f"{ours}."
    source = f" ({scores.published.source})" if scores.published.source else ""
    return f"{ours}; published {published_figure(scores.published, scale)}{source}."


def against_published(scores: Scores, scale: Scale) -> str:
    """Whether ours is above, within one standard error of, or below the published figure."""
    if scores.mean is None:
        return "There is nothing to compare."
    if scores.published is None:
        return "The recipe names no published figure to compare with."
    gap = scores.mean - scores.published.value
    better = "higher is better" if scores.higher_is_better else "lower is better"
    if scale.gap(gap) == scale.gap(0):
        place = "The same as the published figure"
    else:
        side = "above" if gap > 0 else "below"
        place = capital(f"{scale.gap_with_unit(gap)} {side} the published figure ({better})")
    return f"{place}{_weighed(scores, scale, abs(gap))}"


def against_baselines(scores: Scores, scale: Scale) -> str:
    """The best of the simple answers, and whether it is better than ours."""
    known = [(value, name) for name, value in scores.baselines if value is not None]
    if not known:
        return ""
    value, name = max(known) if scores.higher_is_better else min(known)
    sentence = f"The best simple answer, {name}, gives {scale.with_unit(scale.bare(value))}"
    ahead = 0.0 if scores.mean is None else (value - scores.mean) * (1 if scores.higher_is_better else -1)
    return f"{sentence}, which is better than ours." if ahead > 0 else f"{sentence}."


def published_figure(published: Published, scale: Scale) -> str:
    sd = None if published.sd is None else scale.given(published.sd)
    return scale.plus_minus(scale.given(published.value), sd)


def over(runs: Sequence[Run]) -> str:
    """`over 20 seeds`, `over 3 splits`, `over 5 seeds on each of 3 splits`, `in one run`."""
    n = len(runs)
    seeds = len({run.seed for run in runs if run.seed is not None})
    splits = len({run.split for run in runs if run.split is not None})
    if n <= 1:
        return "in one run" if n else "in no run"
    if splits == n:
        return f"over {plural(n, 'split')}"
    if seeds == n and splits <= 1:
        return f"over {plural(n, 'seed')}"
    if seeds > 1 and splits > 1 and seeds * splits == n:
        return f"over {plural(seeds, 'seed')} on each of {plural(splits, 'split')}"
    return f"over {plural(n, 'run')}"


def tiles(records: TrainingRecords) -> list[Tile]:
    scores, scale = records.scores, scale_of(records.scores)
    spread = DASH if scores.mean is None else scale.bare(scores.mean)
    ours = scale.with_unit(spread) if scale.unit == "%" else spread
    return [
        Tile(f"Test {scale.label}", ours, _spread_note(scores, scale)),
        _published_tile(scores, scale),
        Tile("Runs", count(len(scores.runs)), over(scores.runs) if len(scores.runs) > 1 else "no spread"),
        _epochs_tile(scores.runs),
        _time_tile(records),
    ]


def _weighed(scores: Scores, scale: Scale, gap: float) -> str:
    """How large the gap is beside the standard error of our mean."""
    error = scores.standard_error
    if error is None and len(scores.tests) < 2:
        return "; a single run says nothing about the spread."
    if error is None:
        return "; the standard error of our mean is not recorded."
    if gap <= error:
        return f", within one standard error of our mean ({scale.gap(error)})."
    if error == 0:
        return "; all our runs gave the same figure."
    times = f"{gap / error:.1f} standard errors of our mean ({scale.gap(error)})"
    if gap <= CHANCE * error:
        return f", {times}: chance alone can make such a gap."
    return f", {times}."


def _spread_note(scores: Scores, scale: Scale) -> str:
    unit = "" if scale.unit in ("", "%") else f"{scale.unit}, "
    if scores.sd is None:
        return f"{unit}one run, no spread" if len(scores.runs) == 1 else f"{unit}spread not recorded"
    return f"{unit}± {scale.bare(scores.sd)} standard deviation"


def _published_tile(scores: Scores, scale: Scale) -> Tile:
    if scores.published is None:
        return Tile("Published", DASH, "none named in the recipe")
    given = scale.given(scores.published.value)
    figure = scale.with_unit(given) if scale.unit == "%" else given
    return Tile("Published", figure, scores.published.source or "source not named")


def _epochs_tile(runs: Sequence[Run]) -> Tile:
    epochs = [run.epochs for run in runs if run.epochs is not None]
    if not epochs:
        return Tile("Epochs", DASH, "not recorded")
    span = f"{count(min(epochs))} to {count(max(epochs))}"
    note = "in every run" if min(epochs) == max(epochs) else f"median; {span}"
    return Tile("Epochs", count(round(median(epochs))), note if len(epochs) > 1 else "in the one run")


def _time_tile(records: TrainingRecords) -> Tile:
    cores = records.run.get("cores")
    each = [run.seconds for run in records.scores.runs if run.seconds is not None]
    notes = [f"on {plural(cores, 'core')}"] if isinstance(cores, int) else []
    if len(each) > 1:
        notes.append(f"{duration(median(each))} a run")
    return Tile("Time", duration(records.run.get("seconds")), ", ".join(notes) or "start to end")
