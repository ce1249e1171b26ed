"""An answer's citations: as plain values in a response's metadata, and as LlamaIndex's own blocks."""

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import CitationBlock, TextBlock
from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.schema import NodeWithScore
from llama_index.postprocessor.rag_reasoner.convert import nodes_of

from rag_reasoner.results import Result
from rag_reasoner.results.notes import NOTE, citation_note, listed, run_note
from rag_reasoner.types import Answer, Citation, Dropped, Judgement

_PLACE = ("page", "quote_start", "quote_end", "mark")


def sources_of(result: Result, given: Sequence[NodeWithScore], top_n: int | None) -> list[NodeWithScore]:
    """The ranked nodes; then those that are cited though they are beyond `top_n`, and those that nobody could read."""
    unread = {one.candidate.position for one in listed(result, keep_dropped=False, top_n=top_n)}
    wanted = unread | {citation.position for citation in _answer(result).citations}
    return nodes_of(result, given, [one for one in result.dropped if one.candidate.position in wanted])


def answer_note(result: Result) -> dict[str, Any]:
    """What is to be known of the answer, as plain values."""
    answer = _answer(result)
    return {
        **run_note(result),
        "citations": [_cited(result, citation) for citation in answer.citations],
        "abstained": answer.abstained,
        "answered_by": answer.answered_by,
        "faults": [fault.kind for fault in result.faults],
    }


def _answer(result: Result) -> Answer:
    return result.answer or Answer("", abstained=True)


def _cited(result: Result, citation: Citation) -> dict[str, Any]:
    """A citation with the number of its mark in the answer, and with what it cites."""
    ordered: list[Judgement | Dropped] = [*result.ranked, *result.dropped]  # those beyond top_n keep their rank here
    found = {one.candidate.position: (mark, one.candidate.document) for mark, one in enumerate(ordered, 1)}
    mark, document = found[citation.position]
    return {
        **citation_note(citation),
        "mark": mark,
        "source": document.source,
        "title": document.title,
        "hidden": citation.hidden,
    }


def citation_blocks(response: RESPONSE_TYPE) -> list[CitationBlock]:
    """The citations of a `GroundedSynthesizer`'s response as LlamaIndex's blocks, which have no room for boxes."""
    return [_block(citation) for citation in (response.metadata or {}).get(NOTE, {}).get("citations", ())]


def _block(citation: Mapping[str, Any]) -> CitationBlock:
    return CitationBlock(
        cited_content=TextBlock(text=citation["quote"]),
        source=citation["source"] or citation["document_id"],
        title=citation["title"] or citation["document_id"],
        additional_location_info={key: citation[key] for key in _PLACE if citation[key] is not None},
    )
