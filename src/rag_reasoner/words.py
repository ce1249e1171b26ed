"""Words, sentences and passages of plain text: what can be said about relevance without a model."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

Span = tuple[int, int]

_TERM = re.compile(r"\w+(?:[.,]\d+)*", re.UNICODE)
_ABBREVIATION = r"(?<!\b[A-Z]\.)(?<!\bal\.)(?<!\b(?:No|vs|Dr|Mr|Ms|St)\.)(?<!\b(?:Mrs|Fig|Sec|etc)\.)"
_FIGURE = r"(?:[^\w\s]{0,3}\d\S*+|[-–—*]{1,3}(?!\S))"
_ROW = rf"(?<!\S)(?:{_FIGURE}[ \t]++){{2}}{_FIGURE}[^\n]{{0,40}}\n"
_SENTENCE_END = re.compile(
    rf"(?<=[.!?]){_ABBREVIATION}[\"”’)\]]*\s+(?=[^\sa-z])|(?<=[。！？])"
    r"|\n\s*\n|\n(?=\s*(?:[|•]|[-*]\s))|(?<=\|)\s*\n"
    rf"|{_ROW}"
)
_STOP = frozenset(
    "a about above after all also am an and any are as at be been before being below between both but by can could did "
    "do does doing down during each few for from further had has have having he her here hers him his how i if in into "
    "is it its itself just me more most my no nor not now of off on once only or other our out over own same she "
    "should so some such than that the their them then there these they this those through to too under until up very "
    "was we were what when where which while who whom why will with would you your according many much".split()
)
_MOST_SENTENCE = 400
_MOST_GAP = 2
_K1, _B = 1.5, 0.75


@lru_cache(maxsize=4096)
def terms(text: str) -> tuple[str, ...]:
    """The words that carry meaning, lower-case, in a crude singular, in reading order; stop words are left out."""
    found = (match.group().lower() for match in _TERM.finditer(text))
    return tuple(_singular(word) for word in found if word not in _STOP)


def _singular(word: str) -> str:
    """`word` without the endings that English hangs on the same stem: only equal treatment matters, not the result."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def spelling(word: str, text: str) -> str:
    """How `text` spells `word` where it first has it, perhaps in another number or case; empty where it has it not, or
    where `word` is not a single term.
    """
    wanted = terms(word)
    found = (match.group() for match in _TERM.finditer(text))
    return next((one for one in found if (_singular(one.lower()),) == wanted), "")


def overlap(query: str, text: str) -> float:
    """The share, 0..1, of the query's terms (longer words and numbers weigh more) that stand in `text`."""
    wanted = {term: _weight(term) for term in terms(query)}
    if not wanted:
        return 0.0
    present = set(terms(text))
    return sum(weight for term, weight in wanted.items() if term in present) / sum(wanted.values())


def _weight(term: str) -> float:
    return 2.0 if term[0].isdigit() else min(len(term), 8) / 4


def phrases(query: str, text: str) -> float:
    """The share, 0..1, of the query's neighbouring terms that are neighbours in `text` too, in the same order: what the
    ordered windows of the sequential dependence model (Metzler and Croft 2005) add to single terms.
    """
    wanted = set(pairwise(terms(query)))
    return len(wanted & set(pairwise(terms(text)))) / len(wanted) if wanted else 0.0


def sentences(text: str) -> list[Span]:
    """The spans of the sentences, lines of tables and paragraphs of `text`, without the blanks around them."""
    starts = [0, *(match.end() for match in _SENTENCE_END.finditer(text))]
    ends = [*starts[1:], len(text)]
    spans = (_stripped(text, start, end) for start, end in zip(starts, ends, strict=True))
    return [piece for span in spans if span[0] < span[1] for piece in _pieces(text, *span)]


def _stripped(text: str, start: int, end: int) -> Span:
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), end - len(inner) + len(inner.rstrip())


def _pieces(text: str, start: int, end: int) -> Iterator[Span]:
    """A very long sentence in pieces that end at a line's end or a blank, where there is one."""
    while end - start > _MOST_SENTENCE:
        window = text[start : start + _MOST_SENTENCE]
        cut = max(window.rfind("\n"), 0) or max(window.rfind(" "), 0) or _MOST_SENTENCE
        left, right = _stripped(text, start, start + cut)
        if left < right:
            yield left, right
        start += cut
    left, right = _stripped(text, start, end)
    if left < right:
        yield left, right


def best_sentence(query: str, text: str) -> tuple[Span, float] | None:
    """The sentence that shares most with the query, the first of equals, and its overlap; None where none shares."""
    scored = [(overlap(query, text[start:end]), -start, (start, end)) for start, end in sentences(text)]
    if not scored:
        return None
    best = max(scored)
    return (best[2], best[0]) if best[0] > 0 else None


def focus(query: str, text: str, most: int) -> tuple[Span, ...]:
    """Spans of `text`, ascending and disjoint, at most `most` characters in all: the sentences nearest to the query.

    A sentence counts with its neighbours, so that a table's row comes with the lines around it. The whole text comes
    back where it fits, and its beginning where nothing in it shares a word with the query.
    """
    if len(text) <= most:
        return ((0, len(text)),)
    if most <= 0:
        return ()
    spans = sentences(text)
    chosen: set[int] = set()
    room = most
    for place in _by_relevance(query, text, spans):
        size = spans[place][1] - spans[place][0] + _MOST_GAP
        if size <= room:
            chosen.add(place)
            room -= size
    if not chosen:
        return ((0, most),)
    return _joined(text, [spans[place] for place in sorted(chosen)])


def _by_relevance(query: str, text: str, spans: list[Span]) -> list[int]:
    scores = [overlap(query, text[start:end]) for start, end in spans]
    near = [
        score + 0.4 * max(scores[place - 1] if place else 0.0, scores[place + 1] if place + 1 < len(scores) else 0.0)
        for place, score in enumerate(scores)
    ]
    return sorted(range(len(spans)), key=lambda place: (-near[place], place))


def _joined(text: str, spans: list[Span]) -> tuple[Span, ...]:
    """Neighbouring spans made one where nothing but a few blanks stands between them."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and start - joined[-1][1] <= _MOST_GAP and not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)


def bm25(query: str, texts: Sequence[str]) -> list[float]:
    """BM25 of each text among `texts` (Lucene's variant; Robertson and Zaragoza 2009), 0.0 where no term is shared."""
    counts = [Counter(terms(text)) for text in texts]
    average = sum(count.total() for count in counts) / max(len(texts), 1) or 1.0
    norms = [_K1 * (1 - _B + _B * count.total() / average) for count in counts]
    scores = [0.0] * len(texts)
    for term in terms(query):
        holding = sum(1 for count in counts if term in count)
        rarity = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
        for place, (count, norm) in enumerate(zip(counts, norms, strict=True)):
            scores[place] += rarity * count[term] / (count[term] + norm)
    return scores
