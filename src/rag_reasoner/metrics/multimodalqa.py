"""MultimodalQA's figures (Talmor et al., ICLR 2021): exact match and F1 of lists of answers.

As `baselines/evaluate.py` of github.com/allenai/multimodalqa computes them (its normalisation and its matching of
numbers are DROP's). An answer is a string or a list of strings. Figures are in 0..1.
"""

import re
import string
from collections.abc import Callable, Collection, Mapping, Sequence

from rag_reasoner.errors import InvalidInput
from rag_reasoner.metrics.assignment import best_assignment
from rag_reasoner.metrics.number_words import number

Answer = str | Sequence[str]

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


def list_em(predicted: Answer, gold: Answer) -> float:
    """1 if both say the same set of normalised answers and equally many of them, else 0."""
    ours, theirs = _normalised(predicted), _normalised(gold)
    return float(len(ours) == len(theirs) and set(ours) == set(theirs))


def list_f1(predicted: Answer, gold: Answer, *, digits: int | None = 2) -> float:
    """The F1 of the words of the answers, each matched with at most one of the other list so that the sum is greatest.

    The sum is divided by the length of the longer list. An answer whose numbers are all missing from the other scores
    0 against it. The script rounds to two digits: `digits=None` does not. Two empty lists agree: 1, where the script
    gives no number.
    """
    ours, theirs = _bags(predicted), _bags(gold)
    if not ours and not theirs:
        return 1.0
    scores = [[_answer_f1(one, other) for one in ours] for other in theirs]
    matched = {row: scores[row][column] for row, column in best_assignment(scores)}
    f1 = _sum([matched.get(row, 0.0) for row in range(max(len(ours), len(theirs)))]) / max(len(ours), len(theirs))
    # numpy's rounding, which differs from Python's in the last digit: scale, round half to even, scale back
    return f1 if digits is None else round(f1 * 10**digits) / 10**digits


def best(metric: Callable[[Answer, Answer], float], predicted: Answer, references: Collection[Answer]) -> float:
    """The metric against whichever of several annotators' answers fits best."""
    if not references:
        raise InvalidInput("there is no gold answer to compare with: leave such questions out, as the script does")
    return max(metric(predicted, gold) for gold in references)


def per_query(
    metric: Callable[[Answer, Answer], float],
    predictions: Mapping[str, Answer],
    references: Mapping[str, Collection[Answer]],
) -> dict[str, float]:
    """The metric for every question of `references`; one without a prediction counts as 0."""
    return {
        query: best(metric, predictions[query], golds) if query in predictions else 0.0
        for query, golds in references.items()
    }


def normalise(text: str) -> str:
    """Lower case, without punctuation and articles, numbers as decimals: "Twenty-one cats" is "20.0 1.0 cats".

    Words are what single blanks and hyphens part; numbers keep their own punctuation.
    """
    return " ".join(filter(None, map(_normalised_word, re.split("[ -]", text))))


def _normalised_word(word: str) -> str:
    word = word.lower()
    bare = word if _is_number(word) else word.translate(_WITHOUT_PUNCTUATION)
    return " ".join(_ARTICLE.sub(" ", _as_decimal(bare)).split())


def _as_decimal(word: str) -> str:
    if _is_number(word):
        return str(float(word))
    value = number(word)
    return word if value is None else str(float(value))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _normalised(answer: Answer) -> list[str]:
    return [normalise(one) for one in ([answer] if isinstance(answer, str) else answer)]


def _bags(answer: Answer) -> list[set[str]]:
    return [set(one.split()) for one in _normalised(answer)]


def _answer_f1(predicted: set[str], gold: set[str]) -> float:
    numbers = {word for word in gold if _is_number(word)}
    if numbers and not numbers & predicted:
        return 0.0
    shared = len(gold & predicted)
    precision = shared / len(predicted) if predicted else 1.0
    recall = shared / len(gold) if gold else 1.0
    return 2 * precision * recall / (precision + recall) if precision or recall else 0.0


def _sum(values: Sequence[float]) -> float:
    """The sum in numpy's order: eight running sums for eight values and more, halves beyond 128.

    The script rounds a mean of numpy's to two digits, so the last bit of the sum can move the figure by 0.01.
    """
    if len(values) > 128:
        half = len(values) // 2 // 8 * 8
        return _sum(values[:half]) + _sum(values[half:])
    even = len(values) // 8 * 8
    lanes = [_running(values[lane:even:8]) for lane in range(8)]
    a, b, c, d, e, f, g, h = lanes
    return _running([((a + b) + (c + d)) + ((e + f) + (g + h)), *values[even:]])


def _running(values: Sequence[float]) -> float:
    total = 0.0
    for value in values:  # not sum(): from Python 3.12 on it corrects its rounding errors
        total += value
    return total
