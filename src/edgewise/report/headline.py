"""The result in plain sentences, and the few numbers that stand beside them."""

from dataclasses import dataclass

from edgewise.report.formatting import DASH, NARROW, count, duration, percent, score
from edgewise.report.records import Records


@dataclass(frozen=True)
class Headline:
    found: str
    checked: str


@dataclass(frozen=True)
class Tile:
    label: str
    value: str
    note: str


def headline(records: Records) -> Headline:
    """What was found, and how it compares with the truth where one was given."""
    return Headline(found=f"{_pairs(records)}: {_found(records)}", checked=_checked(records))


def tiles(records: Records) -> list[Tile]:
    metrics, run = records.metrics, records.run
    cores = run.get("cores")
    measured = [
        Tile("Edge accuracy", percent(metrics.get("edge_accuracy")), "pairs with the right type"),
        Tile("AUROC", score(metrics.get("auroc")), "edges ranked above non-edges"),
        Tile("Calibration error", score(metrics.get("ece")), "confidence against hit rate"),
    ]
    unmeasured = [
        Tile("Edge accuracy", DASH, "needs a known graph"),
        Tile("Mean probability", score(records.edges.mean_probability), "of an inferred edge"),
    ]
    return [
        *(measured if records.has_truth else unmeasured),
        Tile("Inferred edges", count(records.edges.count), f"of {count(_n_pairs_in_all(records))} pairs"),
        Tile("Entities", count(_n_entities(records)), _recordings(records)),
        Tile(
            "Time", duration(run.get("seconds")), f"on {plural(cores, 'core')}" if cores else "start to end"
        ),
    ]


def plural(n: int, noun: str) -> str:
    """`1 core`, `2 cores`."""
    return f"{count(n)} {noun}" if n == 1 else f"{count(n)} {noun}s"


def _pairs(records: Records) -> str:
    direction = "undirected" if records.undirected else "directed"
    pairs = plural(_n_pairs(records), f"{direction} pair")
    if records.edges.n_windows > 1:
        return f"{pairs} in each of {plural(records.edges.n_windows, 'window')} of {_recordings(records)}"
    n_sequences = _n_sequences(records)
    if n_sequences == 1:
        return f"{pairs} in one recording"
    if records.edges.per_sequence:
        return f"{pairs} in each of {plural(n_sequences, 'recording')}"
    return f"{pairs}, one graph for all {plural(n_sequences, 'recording')}"


def _found(records: Records) -> str:
    if fdr := (records.run.get("verdict") or {}).get("fdr"):
        return _controlled(records, fdr)
    if not records.edges.count:
        return "no interaction was found."
    mean = _in_words(score(records.edges.mean_probability))
    if not records.preview.get("no_interaction", True):
        return f"sorted into {len(records.preview['types'])} types; the mean probability of a type is {mean}."
    share = percent(records.edges.count / max(1, _n_pairs_in_all(records)))
    kinds = len(records.preview["types"]) - 1
    of_kinds = f", in {kinds} kinds" if kinds > 1 else ""
    return f"{share} interact{of_kinds}, and the mean probability of an inferred edge is {mean}."


def _controlled(records: Records, fdr: float) -> str:
    """What stands out from decoys, and that the data cannot tell of the rest."""
    reported, judged = records.edges.count, int(records.run["verdict"]["judged"])
    if not reported:
        return f"the data cannot tell who acts on whom, at a false-discovery rate of {fdr:g}."
    verb = "is reported as an edge" if reported == 1 else "are reported as edges"
    rest = f"; for the other {count(judged - reported)} the data cannot tell" if judged > reported else ""
    return f"{count(reported)} {verb} at a false-discovery rate of {fdr:g}{rest}."


def _checked(records: Records) -> str:
    if not records.has_truth:
        return "No truth was given: accuracy cannot be measured here."
    accuracy = _in_words(percent(records.metrics["edge_accuracy"]))
    auroc = score(records.metrics.get("auroc"))
    ranked = "" if auroc == DASH else f" (AUROC {auroc})"
    return f"Agrees with the known graph on {accuracy} of pairs{ranked}."


def _in_words(text: str) -> str:
    return text.replace(f">{NARROW}", "above ").replace(f"<{NARROW}", "below ")


def _n_entities(records: Records) -> int:
    return int(records.run["data"].get("n_entities") or len(records.preview["entities"]))


def _n_sequences(records: Records) -> int:
    return int(records.run["data"].get("n_sequences") or len(records.preview["sequences"]) or 1)


def _n_pairs(records: Records) -> int:
    n = _n_entities(records)
    return n * (n - 1) // (2 if records.undirected else 1)


def _n_pairs_in_all(records: Records) -> int:
    graphs = _n_sequences(records) if records.edges.per_sequence else 1
    return _n_pairs(records) * graphs * records.edges.n_windows


def _recordings(records: Records) -> str:
    return plural(_n_sequences(records), "recording")
