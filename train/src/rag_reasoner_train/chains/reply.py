"""What a perfect list-wise reply says: a chain, put into the order in which the documents are shown."""

from collections.abc import Mapping, Sequence

from rag_reasoner.errors import InvalidInput
from rag_reasoner.tasks import Evidence, ListwiseReply, Statement
from rag_reasoner.tasks.statement import ABSTENTION, cite
from rag_reasoner_train.chains.chain import Chain


def reply_of(ids: Sequence[str], relevant: Mapping[str, float], chain: Chain) -> ListwiseReply:
    """The reply for the documents with these ids, as shown. The relevant come first, those of one grade as shown."""
    order = tuple(sorted(range(len(ids)), key=lambda place: -relevant.get(ids[place], 0.0)))
    lines = tuple(_line(number, one, one in relevant, chain) for number, one in enumerate(ids, 1))
    cited = [place for place, one in enumerate(ids) if one in relevant]
    return ListwiseReply(order, len(order), lines, _statement(chain, cited))


def _line(number: int, one: str, relevant: bool, chain: Chain) -> Evidence:
    saying = chain.sayings.get(one)
    if saying is None:
        raise InvalidInput(f"the chain of row {chain.row_id!r} says nothing of document {one!r}: make the chains anew")
    return Evidence(number, relevant, saying.quote, saying.reason)


def _statement(chain: Chain, cited: Sequence[int]) -> Statement:
    if chain.answer is None:
        return Statement(ABSTENTION, abstained=True)
    return cite(chain.answer, cited)
