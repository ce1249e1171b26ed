"""Whether a chain is fit to be learnt: rendered and read back by the task itself, it must earn everything."""

from collections.abc import Mapping, Sequence

from rag_reasoner.errors import RagReasonerError
from rag_reasoner.rewards import Truth, components
from rag_reasoner.tasks import RankAndAnswerTask, RankTask, show
from rag_reasoner.types import Candidate
from rag_reasoner_train.chains.chain import Chain
from rag_reasoner_train.chains.reply import reply_of
from rag_reasoner_train.rows.row import Row


class NoChain(RagReasonerError):
    """A row for which there is no chain, and why; `reply` is the last thing that a teacher said of it."""

    def __init__(self, row_id: str, reason: str, reply: str = "") -> None:
        super().__init__(f"row {row_id!r}: {reason}")
        self.row_id, self.reason, self.reply = row_id, reason, reply

    def __reduce__(self) -> tuple[type["NoChain"], tuple[str, str, str]]:
        return type(self), (self.row_id, self.reason, self.reply)


def check(row: Row, chain: Chain) -> None:
    """Raises NoChain where the reply that the chain makes does not earn every reward that applies."""
    if strangers := [one.id for one in row.candidates if one.id not in chain.sayings]:
        raise NoChain(row.id, f"it says nothing about document {strangers[0]!r}")
    shown = tuple(show(Candidate(document)) for document in row.candidates)
    kind = RankAndAnswerTask if chain.certain else RankTask
    ids = [document.id for document in row.candidates]
    truth = Truth({place: row.relevant[one] for place, one in enumerate(ids) if one in row.relevant}, row.answers)
    target = kind.render(reply_of(ids, row.relevant, chain))
    task = kind(row.question, shown)
    if faults := task.parse(target).faults:
        raise NoChain(row.id, f"its reply has the fault {faults[0].kind!r}: {faults[0].detail}")
    if short := shortfall(components(task, target, truth)):
        raise NoChain(row.id, f"its reply does not earn all of {', '.join(short)}")


def shortfall(parts: Mapping[str, float | None]) -> Sequence[str]:
    """The rewards that apply and are not earned in full. A quote of keywords is WebQA's own affair."""
    return [name for name, part in parts.items() if part is not None and part < 1 and name != "answer_keywords"]
