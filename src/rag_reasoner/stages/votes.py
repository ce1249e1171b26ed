"""What an untrained model is allowed to do to an order."""

from collections.abc import Sequence

from rag_reasoner.types import Candidate


def with_a_vote(trusted: Sequence[Candidate], other: Sequence[Candidate]) -> list[Candidate]:
    """The order of `trusted`, in which `other` has a vote and no more: what an untrained model says may have nothing to
    do with what it was shown. Reciprocal ranks are added up, and those of `trusted` count twice: its first stays first.
    """
    votes = {one.position: 2 / rank for rank, one in enumerate(trusted, 1)}
    for rank, one in enumerate(other, 1):
        votes[one.position] += 1 / rank
    return sorted(trusted, key=lambda one: -votes[one.position])
