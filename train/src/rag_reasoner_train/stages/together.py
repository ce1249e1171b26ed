"""Which examples are computed together, and what that costs: a row's candidates, replies about the same documents."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from rag_reasoner.tasks import RelevanceTask
from rag_reasoner_train.stages.encoding import Desk, Sized
from rag_reasoner_train.stages.objective import Unit


def by_documents(desk: Desk, units: Sequence[Unit], most: int) -> list[Unit]:
    """The rows as they are; the replies to questions about the same documents as one unit: those are read once then.

    As several where they would take more than `most` tokens.
    """
    found: defaultdict[Hashable, list[Sized]] = defaultdict(list)
    for number, unit in enumerate(units):
        task = unit[0].example.task
        found[number if isinstance(task, RelevanceTask) else (type(task), task.documents)] += unit
    return [part for unit in found.values() for part in _parts(desk, tuple(unit), most)]


def _parts(desk: Desk, unit: Unit, most: int) -> Iterator[Unit]:
    """The unit, or its halves and theirs, until each takes at most `most` tokens or is a single example."""
    if len(unit) < 2 or tokens_in_trees(desk, unit) <= most:
        yield unit
        return
    middle = len(unit) // 2
    yield from _parts(desk, unit[:middle], most)
    yield from _parts(desk, unit[middle:], most)


def tokens_in_trees(desk: Desk, unit: Unit) -> int:
    """The tokens of a unit for a model that takes trees; a row's candidates share next to nothing."""
    shared = len(unit) > 1 and not isinstance(unit[0].example.task, RelevanceTask)
    return desk.together([one.example for one in unit]) if shared else tokens(unit)


def tokens(unit: Unit) -> int:
    """The tokens of a unit, each example read by itself."""
    return sum(one.tokens for one in unit)
