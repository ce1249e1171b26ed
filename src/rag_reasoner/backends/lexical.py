"""No model: shared words. Replies in the real format, so that everything around a model can be tried without one."""

from collections.abc import Sequence

from rag_reasoner.backends.base import Card, Judged, OnText, Reply
from rag_reasoner.messages import Message, images, plain
from rag_reasoner.tasks import Evidence, ListwiseReply, ListwiseTask, MMR5Task, RelevanceTask, Shown, Statement, Task
from rag_reasoner.tasks.statement import ABSTENTION, cite
from rag_reasoner.types import Fault, Usage
from rag_reasoner.words import best_sentence, overlap, terms

_LEAST_ANSWER = 0.4
_MOST_QUOTE = 400


class Lexical:
    """Judges by the share of the query's words that a document has, and quotes the sentence that has most of them."""

    card = Card("lexical", context=1_000_000)

    def count(self, messages: Sequence[Message]) -> int:
        """Characters over four, about what tokenizers give for English; an image counts as nothing: it is not seen."""
        return len(plain(messages)) // 4 - 2 * len(list(images(messages)))

    def judge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]:
        return [Judged(_relevance(task.query, task.document), usage=self._usage(task)) for task in tasks]

    async def ajudge(self, tasks: Sequence[RelevanceTask]) -> list[Judged]:
        return self.judge(tasks)

    def complete(self, tasks: Sequence[Task], on_text: OnText | None = None) -> list[Reply]:
        replies = [self._reply(task) for task in tasks]
        for place, reply in enumerate(replies if on_text else ()):
            on_text(place, reply.text or "")  # type: ignore[misc]
        return replies

    async def acomplete(self, tasks: Sequence[Task], on_text: OnText | None = None) -> list[Reply]:
        return self.complete(tasks, on_text)

    def _reply(self, task: Task) -> Reply:
        if not isinstance(task, ListwiseTask | MMR5Task):
            return Reply(None, Fault("backend_error", f"lexical cannot answer a {type(task).__name__}"))
        text = task.render(_said(task.query, task.documents))
        return Reply(text, usage=self._usage(task, len(text) // 4))

    def _usage(self, task: Task, written: int = 1) -> Usage:
        return Usage(prompt_tokens=self.count(task.messages()), completion_tokens=written)


def _relevance(query: str, document: Shown) -> float:
    return overlap(query, f"{document.title} {document.text}")


def _said(query: str, documents: Sequence[Shown]) -> ListwiseReply:
    """The reply of a reader who goes by words alone."""
    scores = [_closeness(query, document) for document in documents]
    order = tuple(sorted(range(len(documents)), key=lambda place: (-scores[place][0], -scores[place][1], place)))
    lines = tuple(_line(query, number, document) for number, document in enumerate(documents, 1))
    return ListwiseReply(order, len(order), lines, _answer(query, documents, order, lines))


def _closeness(query: str, document: Shown) -> tuple[float, float]:
    best = best_sentence(query, document.text)
    return _relevance(query, document), best[1] if best else 0.0


def _line(query: str, number: int, document: Shown) -> Evidence:
    best = best_sentence(query, document.text)
    if best is None:
        return Evidence(number, False, reason="shares no word with the question")
    (start, end), _ = best
    return Evidence(number, True, quote=" ".join(document.text[start : min(end, start + _MOST_QUOTE)].split()))


def _answer(
    query: str, documents: Sequence[Shown], order: Sequence[int], lines: Sequence[Evidence]
) -> Statement | None:
    quoted = [place for place in order[:3] if lines[place].quote]
    if not terms(query) or not quoted:
        return Statement(ABSTENTION, abstained=True)
    best = max(quoted, key=lambda place: (overlap(query, lines[place].quote), -order.index(place)))
    if overlap(query, lines[best].quote) < _LEAST_ANSWER:
        return Statement(ABSTENTION, abstained=True)
    return cite(lines[best].quote, (best,))
