"""What may be handed in, checked and made one thing. Nothing is dropped, nothing is changed in place."""

from collections.abc import Iterable
from dataclasses import replace

from rag_reasoner.errors import InvalidInput
from rag_reasoner.types import Candidate, Document

CandidateLike = str | Document | Candidate


def as_candidates(given: Iterable[CandidateLike]) -> tuple[Candidate, ...]:
    """Candidates at their positions 0..n-1. A text becomes a document with its position as id.

    Raises InvalidInput for anything else, naming its position and type.
    """
    if isinstance(given, str | Document | Candidate):
        raise InvalidInput(f"candidates must be a list, but this is a single {type(given).__name__}; put it in a list")
    return tuple(_as_candidate(position, one) for position, one in enumerate(given))


def _as_candidate(position: int, given: CandidateLike) -> Candidate:
    if isinstance(given, Candidate):
        return replace(given, position=position)
    if isinstance(given, Document):
        return Candidate(given, position)
    if isinstance(given, str):
        return Candidate(Document(str(position), given), position)
    raise InvalidInput(
        f"candidate {position} is a {type(given).__name__}; give a str, a rag_reasoner.Document or a "
        "rag_reasoner.Candidate"
    )


def checked_query(query: str) -> str:
    """`query` without the blanks around it, in whole characters. Raises InvalidInput where nothing is left."""
    if not isinstance(query, str):
        raise InvalidInput(f"the query must be a str, not {type(query).__name__}")
    if not query.strip():
        raise InvalidInput(f"the query is empty ({query!r}); ask a question")
    return query.strip().encode("utf-8", "replace").decode("utf-8")


def from_one_up(name: str, value: int) -> int:
    """`value` if it is a whole number from 1 up. Raises InvalidInput with the name of the option."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(f"{name}={value!r}: give a whole number from 1 up")
    return value


def one_of(name: str, value: object, options: tuple[object, ...]) -> None:
    """Raises InvalidInput, with the options, where `value` is none of them."""
    if value not in options:
        raise InvalidInput(f"{name}: unknown {value!r}; choose from {', '.join(map(repr, options))}")
