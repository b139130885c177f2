"""How good generated text is: BLEU and chrF by sacrebleu, and exact matches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgewise.errors import ConfigError
from edgewise.tasks.experiment import Metric

BOUNDS = (0, 8, 12, 16, 20, 26)
"""Words of a source from which on a length class begins; for the figure by length."""


def _sacrebleu() -> Any:
    try:
        import sacrebleu
    except ImportError as error:
        raise ConfigError(
            "BLEU needs sacrebleu, which is not installed",
            expected="the extra `text`",
            fix="pip install 'edgewise[text]'",
        ) from error
    return sacrebleu


@dataclass(frozen=True)
class Bleu:
    """Corpus BLEU (Papineni et al. 2002) on text as it is: mixed case, sacrebleu's tokenizer 13a."""

    metric = Metric("BLEU", "", higher_is_better=True)

    def score(self, hypotheses: Sequence[str], references: Sequence[str]) -> float:
        return _sacrebleu().metrics.BLEU(tokenize="13a").corpus_score(hypotheses, [references]).score

    def more(self, hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
        """chrF, and what exactly was computed."""
        module = _sacrebleu()
        bleu, chrf = module.metrics.BLEU(tokenize="13a"), module.metrics.CHRF()
        bleu.corpus_score(hypotheses, [references])
        chrf_score = chrf.corpus_score(hypotheses, [references]).score
        signatures = {"signature": str(bleu.get_signature()), "chrf_signature": str(chrf.get_signature())}
        return {"chrf": chrf_score, **signatures}


@dataclass(frozen=True)
class ExactMatch:
    """The share of sequences, in %, that are right from the first to the last token."""

    metric = Metric("exact match", "%", higher_is_better=True)

    def score(self, hypotheses: Sequence[str], references: Sequence[str]) -> float:
        return 100 * sum(h == r for h, r in zip(hypotheses, references, strict=True)) / len(references)

    def more(self, hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
        return {}


Scoring = Bleu | ExactMatch


def by_length(
    scoring: Scoring, sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str]
) -> list[dict[str, Any]]:
    """The score of each class of source lengths (words for BLEU, characters otherwise) that has any."""
    sizes = [len(s.split()) if isinstance(scoring, Bleu) else len(s) for s in sources]
    rows = []
    for first, after in zip(BOUNDS, (*BOUNDS[1:], None), strict=True):
        picked = [k for k, n in enumerate(sizes) if n >= first and (after is None or n < after)]
        if picked:
            parts = [[texts[k] for k in picked] for texts in (hypotheses, references)]
            score = scoring.score(*parts)
            rows.append({"from": first, "below": after, "n": len(picked), "score": score})
    return rows
