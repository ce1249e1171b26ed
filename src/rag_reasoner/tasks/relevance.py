"""Point by point: can this document help to answer? MMRAG-RFT's first stage (arXiv 2512.17194, coarse ranking)."""

import re
from dataclasses import dataclass

from rag_reasoner.messages import Message, Text
from rag_reasoner.tasks.scaffold import Choice, Scaffold
from rag_reasoner.tasks.shown import Shown
from rag_reasoner.types import Fault

YES, NO = "yes", "no"

_SYSTEM = "You judge whether a document can help to answer a question. Reply with one word: yes or no."
_WORD = re.compile(rf"[\W_]*+({YES}|{NO})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reply as read: None where it is neither yes nor no."""

    relevant: bool | None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class RelevanceTask:
    """One query, one document, one word. The score is P(yes) against P(no) of the reply's first token."""

    query: str
    document: Shown

    options = (YES, NO)
    reply_tokens = 1

    def messages(self) -> tuple[Message, ...]:
        asked = Text(f"\n\nQuestion: {self.query}\nCan this document help to answer the question? yes or no:")
        return (
            Message("system", (Text(_SYSTEM),)),
            Message("user", (Text("Document:\n"), *self.document.parts(), asked)),
        )

    def scaffold(self) -> Scaffold:
        return (Choice(self.options),)

    @staticmethod
    def render(relevant: bool) -> str:
        return YES if relevant else NO

    def parse(self, reply: str) -> Verdict:
        match = _WORD.match(reply)
        if not match:
            return Verdict(None, (Fault("unreadable"),))
        faults = () if reply in self.options else (Fault("misformatted"),)
        return Verdict(match[1].lower() == YES, faults)
