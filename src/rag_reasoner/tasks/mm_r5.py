"""The reply format of the published MM-R5 checkpoint (arXiv 2506.12364): images numbered from 1, `<think>`, a list.

The wording is ours; another template can be given, with `{question}`, `{count}` and `{images}` in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from rag_reasoner.messages import Message, Part, Text
from rag_reasoner.tasks import order
from rag_reasoner.tasks.listwise import ListwiseReply
from rag_reasoner.tasks.scaffold import Free, Literal, Permutation, Scaffold
from rag_reasoner.tasks.shown import Shown
from rag_reasoner.tasks.tags import after_thinking, departure, thoughts, wrap
from rag_reasoner.words import sentences

ANSWER = "answer"
THINK_TOKENS = 1536

TEMPLATE = (
    "Question: {question}\n\nRank the following {count} page images, numbered from 1 to {count}, by how much each "
    "helps to answer the question, the most helpful first.\n{images}\n"
    "First reason about every image between <think> and </think>. Then give the numbers of all images as a list, best "
    "first, between <answer> and </answer>, for example <answer>[2, 1]</answer>."
)


def said_about(reasoning: str, number: int) -> str:
    """The sentences of a chain of reasoning that name image `number`."""
    named = re.compile(rf"\bimage\s*#?\s*{number}\b", re.IGNORECASE)
    return " ".join(reasoning[start:end] for start, end in sentences(reasoning) if named.search(reasoning[start:end]))


def _close(reply: str) -> str:
    """`reply` without the blanks around the list and in it: the published reward and parser disagree about them."""
    return "".join(piece.strip() for piece in re.split(r"([\[\],])", reply))


@dataclass(frozen=True, slots=True)
class MMR5Task:
    """A query and page images (text where a candidate has no image), numbered 1..n in the order shown."""

    query: str
    documents: tuple[Shown, ...]
    template: str = TEMPLATE

    gives_evidence: ClassVar[bool] = False
    gives_order: ClassVar[bool] = True
    gives_answer: ClassVar[bool] = False

    @property
    def reply_tokens(self) -> int:
        return THINK_TOKENS + 4 * len(self.documents) + 16

    def messages(self) -> tuple[Message, ...]:
        before, _, after = self.template.partition("{images}")
        return (Message("user", (Text(self._filled(before)), *self._listed(), Text(self._filled(after)))),)

    def _filled(self, template: str) -> str:
        return template.replace("{count}", str(len(self.documents))).replace("{question}", self.query)

    def _listed(self) -> Iterator[Part]:
        for number, document in enumerate(self.documents, 1):
            yield Text(f"\nImage {number}: ")
            yield from document.parts()

    @staticmethod
    def render(reply: ListwiseReply) -> str:
        ranking = ", ".join(str(place + 1) for place in reply.order)
        return f"{wrap('think', reply.reasoning)}\n{wrap(ANSWER, f'[{ranking}]')}"

    def scaffold(self) -> Scaffold:
        thinking = Free(("</think>",), THINK_TOKENS)
        ranking = Permutation(len(self.documents), ", ")
        return Literal("<think>"), thinking, Literal(f"</think>\n<{ANSWER}>["), ranking, Literal(f"]</{ANSWER}>")

    def parse(self, reply: str) -> ListwiseReply:
        said = after_thinking(reply)
        ranking = order.parse(said, len(self.documents), ANSWER)
        read = ListwiseReply(ranking.places, ranking.stated, reasoning=thoughts(reply))
        perfect = after_thinking(self.render(read))
        strayed = departure(said, perfect, ranking.faults, _close)
        return replace(read, faults=(*ranking.faults, *strayed))
