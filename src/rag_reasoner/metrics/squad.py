"""SQuAD's figures (Rajpurkar et al. 2016 and 2018): exact match and F1 of an answer's words, in 0..1.

As the official scripts `evaluate-v2.0.py` and, under names that end in `_v1`, `evaluate-v1.1.py` compute them. In
version 2 a question may have no answer: `answers` is empty then and the right prediction is "". The scripts print
percentages.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Final

from rag_reasoner.errors import InvalidInput

Metric = Callable[[str, Collection[str]], float]

_ARTICLE: Final = re.compile(r"\b(?:a|an|the)\b")
_WITHOUT_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


def exact_match(prediction: str, answers: Collection[str]) -> float:
    """1 if the prediction equals one of the answers after normalisation, or both say nothing; else 0."""
    return float(any(normalise(prediction) == gold for gold in _stated(answers)))


def f1(prediction: str, answers: Collection[str]) -> float:
    """The F1 of the words shared with the answer that fits best; where either says nothing, 1 if both do, else 0."""
    words = normalise(prediction).split()
    return max(
        _word_f1(words, gold.split()) if words and gold else float(not words and not gold) for gold in _stated(answers)
    )


def exact_match_v1(prediction: str, answers: Collection[str]) -> float:
    """1 if the prediction equals one of the answers after normalisation, else 0."""
    return float(any(normalise(prediction) == normalise(gold) for gold in _answered(answers)))


def f1_v1(prediction: str, answers: Collection[str]) -> float:
    """The F1 of the words shared with the answer that fits best; 0 where no word is shared."""
    words = normalise(prediction).split()
    return max(_word_f1(words, normalise(gold).split()) for gold in _answered(answers))


def per_query(
    metric: Metric,
    predictions: Mapping[str, str],
    answers: Mapping[str, Collection[str]],
    *,
    no_answer: Mapping[str, float] | None = None,
    threshold: float = 1.0,
) -> dict[str, float]:
    """The metric for every question of `answers`; one without a prediction counts as 0 (version 2's script skips it).

    Where the probability `no_answer` of a question is above `threshold`, its prediction is read as "there is none":
    1 if `answers` has none for it, else 0.
    """
    return {
        query: _score(metric, predictions.get(query), golds, (no_answer or {}).get(query, 0.0) > threshold)
        for query, golds in answers.items()
    }


def normalise(text: str) -> str:
    """Lower case, without punctuation, articles and surplus blanks."""
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split())


def _score(metric: Metric, prediction: str | None, golds: Collection[str], withheld: bool) -> float:
    if prediction is None:
        return 0.0
    return float(not golds) if withheld else metric(prediction, golds)


def _stated(answers: Collection[str]) -> list[str]:
    """The normalised answers that say something, or that nothing is to be said."""
    return [gold for gold in map(normalise, answers) if gold] or [""]


def _answered(answers: Collection[str]) -> Collection[str]:
    if not answers:
        raise InvalidInput("version 1.1 of SQuAD has no questions without an answer; use the metric without _v1")
    return answers


def _word_f1(predicted: list[str], gold: list[str]) -> float:
    shared = (Counter(predicted) & Counter(gold)).total()
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(gold)
    return 2 * precision * recall / (precision + recall)
