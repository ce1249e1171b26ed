"""What of a list's documents an example shows: as much as its view allows, and always what its reply must quote."""

from rag_reasoner.tasks import Shown, show
from rag_reasoner.types import Candidate, Document
from rag_reasoner_train.chains.chain import Chain
from rag_reasoner_train.chains.quote import best_quote
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.rows.view import WHOLE, View, seen

__all__ = ["WHOLE", "View", "shown"]


def shown(row: Row, document: Document, chain: Chain | None, view: View) -> Shown:
    """`document` as an example shows it. Of one that is relevant the quote stays, by its chain or by rule."""
    return seen(row.question, document, view, _kept(row, document, chain, view))


def _kept(row: Row, document: Document, chain: Chain | None, view: View) -> str:
    if document.id not in row.relevant or view.whole:
        return ""
    if chain and document.id in chain.sayings:
        return chain.sayings[document.id].quote
    quote = best_quote(row.question, show(Candidate(document)), row.answers)
    return quote.text if quote else ""
