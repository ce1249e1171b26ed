"""How an answer cites: which sources, whether its quotes are verified, what was wrong with its form, when it abstains.

Every share is in 0..1. One that has nothing to be a share of is None, "cannot be scored", never 0.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from rag_reasoner.errors import InvalidInput
from rag_reasoner.types import Verified

Id = TypeVar("Id", bound=Hashable)
SourcesBy = Literal["citations", "probability"]


def predicted_sources(
    cited: Iterable[Id],
    probabilities: Mapping[Id, float | None],
    *,
    by: SourcesBy = "citations",
    threshold: float = 0.5,
) -> list[Id]:
    """The sources that an answer is taken to rest on: those it cites, or those whose P(relevant) is above `threshold`.

    Each is named once, in the order given.
    """
    if by == "citations":
        return list(dict.fromkeys(cited))
    if by == "probability":
        return [one for one, p in probabilities.items() if p is not None and p > threshold]
    raise InvalidInput(f"unknown way to predict sources {by!r}; choose one of citations, probability")


def citation_precision(cited: Collection[Hashable], relevant: Collection[Hashable]) -> float:
    """The share of the documents cited that are relevant. Citing none is 0, but 1 where none is relevant."""
    return _share(cited, relevant, cited)


def citation_recall(cited: Collection[Hashable], relevant: Collection[Hashable]) -> float:
    """The share of the relevant documents that are cited. Where none is relevant, 1 if none is cited, else 0."""
    return _share(cited, relevant, relevant)


@dataclass(frozen=True, slots=True)
class Quotes:
    """How many quotes were found word for word, found after normalisation, and not found."""

    exact: int = 0
    normalised: int = 0
    unverified: int = 0

    @property
    def verified_share(self) -> float | None:
        """The share of quotes that were found; None without a quote."""
        return _ratio(self.exact + self.normalised, self.exact + self.normalised + self.unverified)


def quotes(verified: Iterable[Verified]) -> Quotes:
    """The counts of `Citation.verified`, over one answer or over many."""
    counts = Counter(verified)
    return Quotes(counts["exact"], counts["normalised"], counts["none"])


@dataclass(frozen=True, slots=True)
class Faults:
    """How many replies had each kind of fault, the most frequent first, and how many replies there were."""

    counts: Mapping[str, int]
    replies: int
    faultless: int

    @property
    def faultless_share(self) -> float | None:
        """The share of replies without any fault; None without a reply."""
        return _ratio(self.faultless, self.replies)


def faults(replies: Iterable[Iterable[str]]) -> Faults:
    """The counts of replies by kind of fault; each reply is given as its kinds, and counts once for each of them."""
    kinds = [set(reply) for reply in replies]
    counts = Counter(kind for reply in kinds for kind in sorted(reply))
    return Faults(dict(counts.most_common()), len(kinds), sum(not reply for reply in kinds))


@dataclass(frozen=True, slots=True)
class Abstentions:
    """Questions by whether the documents hold the answer and whether the model said that they do.

    `right`: they do not, and it abstained. `false`: they do, and it abstained. `missed`: they do not, and it answered.
    `answered`: they do, and it answered, well or not.
    """

    right: int = 0
    false: int = 0
    missed: int = 0
    answered: int = 0

    @property
    def precision(self) -> float | None:
        """The share of abstentions that were right; None where it never abstained."""
        return _ratio(self.right, self.right + self.false)

    @property
    def recall(self) -> float | None:
        """The share of unanswerable questions on which it abstained; None where every question can be answered."""
        return _ratio(self.right, self.right + self.missed)


def abstentions(questions: Iterable[tuple[bool, bool]]) -> Abstentions:
    """The counts over questions, each given as (abstained, answerable)."""
    counts = Counter((bool(abstained), bool(answerable)) for abstained, answerable in questions)
    return Abstentions(counts[True, False], counts[True, True], counts[False, False], counts[False, True])


def _share(cited: Collection[Hashable], relevant: Collection[Hashable], whole: Collection[Hashable]) -> float:
    if not cited and not relevant:
        return 1.0
    return len(set(cited) & set(relevant)) / len(set(whole)) if whole else 0.0


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
