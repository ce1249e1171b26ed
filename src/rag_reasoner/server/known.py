"""A question whose answer is known, and two texts of which one has it: does a model tell them apart?"""

from collections.abc import Iterator

from rag_reasoner.results import Result
from rag_reasoner.types import Document, Dropped, Judgement

QUERY = "In which year did the town's museum open?"
RELEVANT = Document("relevant", "The town's museum opened its doors in the year 1962, after a decade of building.")
IRRELEVANT = Document("irrelevant", "Basalt is a dark rock that forms when lava cools quickly at the surface.")
PAIR = (IRRELEVANT, RELEVANT)


def chances(result: Result) -> dict[str, float | None]:
    """P(relevant) of either text, by its id."""
    every: tuple[Judgement | Dropped, ...] = (*result.ranked, *result.dropped)
    return {one.candidate.document.id: one.probability for one in every}


def problems(result: Result) -> Iterator[str]:
    """What is wrong with the model that gave this result for `QUERY` and `PAIR`; nothing where all is well."""
    chance = chances(result)
    relevant, irrelevant = chance["relevant"], chance["irrelevant"]
    if any(fault.kind in ("backend_error", "budget") for fault in result.faults):
        yield "the model could not be asked"
    if relevant is not None and irrelevant is not None and relevant <= irrelevant:
        yield "the model does not tell a relevant text from an irrelevant one: wrong chat template, or wrong model?"
    first = result.ranked[0].candidate.document.id
    if first == "irrelevant" and not result.degraded:
        yield "the model ranks an irrelevant text first: wrong --format, or wrong model?"
