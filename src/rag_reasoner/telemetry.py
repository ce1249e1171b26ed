"""OpenTelemetry spans, named as OpenInference names them: ids, scores and counts, never a text, an image or a key.

Without the extra `telemetry` nothing is recorded, and nothing is imported.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, Literal, ParamSpec

from rag_reasoner.types import Candidate

P = ParamSpec("P")

Kind = Literal["LLM", "RERANKER", "RETRIEVER"]
Value = str | bool | int | float | list[str]
Attributes = Mapping[str, Value]
Scored = tuple[str, float | None]
"""A document's id, and its score where it has one."""

MOST_DOCUMENTS = 30
"""How many documents of a list are named: OpenTelemetry keeps 128 attributes of a span, unless told otherwise."""

KIND = "openinference.span.kind"
MODEL = "llm.model_name"
PROMPT_TOKENS = "llm.token_count.prompt"
COMPLETION_TOKENS = "llm.token_count.completion"
TOTAL_TOKENS = "llm.token_count.total"
RERANKER_MODEL = "reranker.model_name"
TOP_K = "reranker.top_k"
INPUT_DOCUMENTS = "reranker.input_documents"
OUTPUT_DOCUMENTS = "reranker.output_documents"
RETRIEVED = "retrieval.documents"
DOCUMENT_ID = "document.id"
DOCUMENT_SCORE = "document.score"
ERROR_TYPE = "error.type"


class Span:
    """What is being recorded, if anything is."""

    def __init__(self, recorded: Any = None) -> None:
        self._recorded = recorded if recorded is not None and recorded.is_recording() else None

    def note(self, attributes: Callable[[], Attributes]) -> None:
        """Adds attributes, which are made only if somebody wants them."""
        if self._recorded is not None:
            self._recorded.set_attributes(attributes())

    def failed(self, kind: str) -> None:
        """Marks the span as failed. `kind` is a type's name or a fault's kind; what an error says may quote a text."""
        if self._recorded is not None:
            from opentelemetry.trace import StatusCode

            self._recorded.set_attribute(ERROR_TYPE, kind)
            self._recorded.set_status(StatusCode.ERROR, kind)


@contextmanager
def span(name: str, kind: Kind) -> Iterator[Span]:
    """A span around what is done within, below the span that is current. It ends however that ends."""
    api = _api()
    if api is None:
        yield Span()
        return
    tracer = api.get_tracer("rag_reasoner")
    with tracer.start_as_current_span(
        name, attributes={KIND: kind}, record_exception=False, set_status_on_exception=False
    ) as recorded:
        told = Span(recorded)
        try:
            yield told
        except BaseException as error:
            told.failed(type(error).__name__)
            raise


def listed(prefix: str, documents: Iterable[Scored]) -> dict[str, Value]:
    """The attributes of the first documents of a list, as OpenInference numbers them, from 0."""
    attributes: dict[str, Value] = {}
    for place, (name, score) in zip(range(MOST_DOCUMENTS), documents, strict=False):
        attributes[f"{prefix}.{place}.{DOCUMENT_ID}"] = _whole(name)
        if score is not None:
            attributes[f"{prefix}.{place}.{DOCUMENT_SCORE}"] = float(score)
    return attributes


def retrieval(retrieve: Callable[P, list[Candidate]]) -> Callable[P, list[Candidate]]:
    """The same first stage, in a span that names what was found, each with the score that it was found by."""

    @wraps(retrieve)
    def retrieving(*args: P.args, **kwargs: P.kwargs) -> list[Candidate]:
        with span("retrieve", "RETRIEVER") as told:
            found = retrieve(*args, **kwargs)
            told.note(lambda: {"rag_reasoner.found": len(found), **listed(RETRIEVED, map(_by_its_score, found))})
            return found

    return retrieving


def _by_its_score(found: Candidate) -> Scored:
    return found.document.id, next(reversed(list(found.scores.values())), None)  # the last one that was added


def _whole(name: object) -> str:
    """`name` as UTF-8 can hold it."""
    return str(name).encode("utf-8", "replace").decode("utf-8")


@cache
def _api() -> Any:
    try:
        from opentelemetry import trace
    except ModuleNotFoundError:
        return None
    return trace
