"""WebQA's figures (Chang et al., CVPR 2022): sources found, and answers by category of question. In 0..1.

`accuracy` is the leaderboard's (`vlp/eval_1022.py` of github.com/WebQnA/WebQA_Baseline), which wants the annotated
keywords of the hidden test set; `approximate_accuracy` is what `eval_webqa.md` of github.com/WebQnA/WebQA offers for
the validation set, where the answer itself has to do. The scripts lemmatise with spaCy: give its lemmatiser as
`lemmatise`; without one, words stay as they are. What scores the sources runs on the leaderboard's server and is not
published: `source_f1` is the F1 of the paper, `baseline_source_f1` the figure of the published baseline.
"""

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from rag_reasoner.errors import InvalidInput
from rag_reasoner.metrics.averages import mean
from rag_reasoner.metrics.number_words import number

Lemmatiser = Callable[[str], str]
Likelihood = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
"""Pairs of source and target texts -> the log-likelihood of each target given its source: BARTScore."""

COLOURS = frozenset(
    "aqua beige black blonde blue bluere bluewhite bronze brown chrome gold golden gray green grey ivory maroon orange "
    "orangebrown orangepurple pink purple rainbow red redorange rust silver spot tan teal transparent turquoise violet "
    "white yellow yes".split()
)
SHAPES = frozenset(
    "arch ball bell bellshaped bow circle circular concave cone conical convex corkscrew crescent crest cross crosse "
    "cube cuboid curl curve cylinder cylindrical diamond dome domeshape dot flat flower fold fork globe globular h "
    "heart hexagon hook hoop keyhole obelisk octagon octagonal octogon oval pentagon point pyramid pyramidal "
    "rectangle rectangular ring round rounded semicircle shamrock slope sphere spherical spiral square star step "
    "straight teardrop torus triangle triangular tube wavy xs".split()
)
YES_NO = frozenset({"yes", "no"})
_NUMBERS = "number"
_VOCABULARIES: Mapping[str, frozenset[str]] = {"color": COLOURS, "shape": SHAPES, "YesNo": YES_NO}
_BY_F1 = frozenset({*_VOCABULARIES, _NUMBERS})
CATEGORIES = ("YesNo", "choose", "color", "shape", "number", "Others", "text")
"""The categories of questions, as the data set names them."""

_SMOOTHING = 1e-5
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_POINT_OF_NO_DECIMAL = re.compile(r"\.(?!\d)")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)
_WITHOUT_PUNCTUATION_BUT_POINTS = str.maketrans("", "", string.punctuation.replace(".", ""))


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """Means over the candidate answers, but `f1_max` (the best of them) and `exact` (1 if any is exact)."""

    f1: float = 0.0
    f1_max: float = 0.0
    exact: float = 0.0
    recall: float = 0.0
    precision: float = 0.0


def source_f1(predicted: Collection[Hashable], gold: Collection[Hashable]) -> float:
    """The F1 of the sets of sources: 2 |P ∩ G| / (|P| + |G|); 0 where both are empty."""
    size = len(set(predicted)) + len(set(gold))
    return 2 * len(set(predicted) & set(gold)) / size if size else 0.0


def baseline_source_f1(predicted: Collection[Hashable], gold: Collection[Hashable]) -> float:
    """`source_f1` as the baseline's model code has it, with 1e-5 added to every denominator."""
    shared = len(set(predicted) & set(gold))
    precision = shared / (len(set(predicted)) + _SMOOTHING)
    recall = shared / (len(set(gold)) + _SMOOTHING)
    return 2 * precision * recall / (precision + recall + _SMOOTHING)


def accuracy(prediction: str, keywords: str, category: str, lemmatise: Lemmatiser = str) -> float:
    """The leaderboard's QA-Acc: F1 for colours, shapes, yes or no and numbers, recall of the keywords for the rest.

    Its F1 is 2PR / (P + R + 1e-5): 0.999995 for a perfect answer.
    """
    scores = answer_scores([prediction], keywords, category, lemmatise)
    return scores.f1 if category in _BY_F1 else scores.recall


def approximate_accuracy(prediction: str, answer: str, category: str, lemmatise: Lemmatiser = str) -> float:
    """QA-Acc where there are no annotated keywords: the same against the whole answer, the F1 without 1e-5."""
    precision, recall = _overlap(_words(prediction, category, lemmatise), _words(answer, category, lemmatise))
    if category not in _BY_F1:
        return recall
    return 2 * precision * recall / (precision + recall) if precision else 0.0


def answer_scores(candidates: Sequence[str], keywords: str, category: str, lemmatise: Lemmatiser = str) -> AnswerScores:
    """All that the leaderboard's script says of the candidate answers to one question; one that misses makes all 0.

    Of colours, shapes and yes or no only the words on the list count, once each; of numbers only the whole ones.
    """
    gold = _words(keywords, category, lemmatise)
    answers = [_words(candidate, category, lemmatise) for candidate in candidates]
    overlaps = [_overlap(words, gold) for words in answers]
    if not overlaps or not all(precision for precision, _ in overlaps):
        return AnswerScores()
    f1s = [2 * precision * recall / (precision + recall + _SMOOTHING) for precision, recall in overlaps]
    precisions, recalls = zip(*overlaps, strict=True)
    return AnswerScores(mean(f1s), max(f1s), float(gold in answers), mean(recalls), mean(precisions))


def fluency(candidate: str, references: Sequence[str], likelihood: Likelihood | None) -> float | None:
    """QA-FL: how likely the candidate is given a reference, relative to the reference itself; the best one, at most 1.

    None without a scorer, which means "not measured". The official scorer is BARTScore with ParaBank's checkpoint.
    """
    if likelihood is None:
        return None
    if not references:
        raise InvalidInput("fluency needs a reference answer")
    sources = [_plain(one) for one in references]
    own = likelihood(sources, sources)
    given = likelihood(sources, [_plain(candidate)] * len(sources))
    return min(1.0, max(math.exp(one - other) for one, other in zip(given, own, strict=True)))


def normalise(text: str, lemmatise: Lemmatiser = str) -> str:
    """Lower case, number words as digits, without punctuation (but decimal points) and articles, lemmatised.

    A single word keeps its article, a single character everything.
    """
    words = text.split()
    if len(text.strip()) == 1:
        return _digits(text.lower())
    bare = _POINT_OF_NO_DECIMAL.sub("", text.lower().translate(_WITHOUT_PUNCTUATION_BUT_POINTS))
    return lemmatise(_digits(bare if len(words) == 1 else _ARTICLE.sub(" ", bare)))


def _digits(text: str) -> str:
    return " ".join(map(_in_digits, text.split()))


def _in_digits(word: str) -> str:
    value = None if word == "point" else number(word)
    return word if value is None else str(value)


def _words(text: str, category: str, lemmatise: Lemmatiser) -> list[str]:
    """The words of `text` that count in the category."""
    if category not in CATEGORIES:
        raise InvalidInput(f"unknown category {category!r}; choose one of {', '.join(CATEGORIES)}")
    words = normalise(text, lemmatise).split()
    if category == _NUMBERS:
        return [str(value) for value in map(_whole_number, words) if value is not None]
    return sorted(_VOCABULARIES[category].intersection(words)) if category in _VOCABULARIES else words


def _whole_number(word: str) -> int | None:
    try:
        return int(word)
    except ValueError:
        return None


def _overlap(predicted: Sequence[str], gold: Sequence[str]) -> tuple[float, float]:
    """Precision and recall of the words; both 0 where none is shared."""
    shared = (Counter(predicted) & Counter(gold)).total()
    return (shared / len(predicted), shared / len(gold)) if shared else (0.0, 0.0)


def _plain(text: str) -> str:
    return " ".join(text.translate(_WITHOUT_PUNCTUATION).split())
