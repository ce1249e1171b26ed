"""The best one-to-one assignment of rows to columns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field


def best_assignment(scores: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """The (row, column) pairs, in the order of the rows, whose scores have the greatest sum.

    Every row gets a column, or every column a row where those are fewer. Exact: successive shortest augmenting paths
    (Kuhn 1955; Jonker and Volgenant 1987), in rows² x columns steps.
    """
    if not scores or not scores[0]:
        return []
    if len(scores) > len(scores[0]):
        return sorted((row, column) for column, row in best_assignment(list(zip(*scores, strict=True))))
    search = _Search(scores)
    for row in range(len(scores)):
        search.place(row)
    return sorted((row, column) for column, row in search.owners.items())


@dataclass(frozen=True, slots=True)
class _Path:
    """The way from a row without a column to a free column: the columns reached, in order, how far, and from where."""

    columns: list[int] = field(default_factory=list)
    distances: dict[int, float] = field(default_factory=dict)
    before: dict[int, int | None] = field(default_factory=dict)


class _Search:
    """An assignment in the making. The prices keep every reduced cost at 0 or more, which is what proves it best."""

    def __init__(self, scores: Sequence[Sequence[float]]) -> None:
        self.scores = scores
        self.owners: dict[int, int] = {}
        self.row_prices = [0.0] * len(scores)
        self.column_prices = [0.0] * len(scores[0])

    def place(self, row: int) -> None:
        """Give `row` a column; others may move to make room for it."""
        path = self._shortest_path(row)
        self._reprice(row, path)
        column = path.columns[-1]
        while (before := path.before[column]) is not None:
            self.owners[column] = self.owners[before]
            column = before
        self.owners[column] = row

    def _shortest_path(self, row: int) -> _Path:
        path, open_columns, reached, last = _Path(), list(range(len(self.column_prices))), 0.0, None
        while last is None or last in self.owners:
            at = row if last is None else self.owners[last]
            for column in open_columns:
                distance = reached - self.scores[at][column] - self.row_prices[at] - self.column_prices[column]
                if distance < path.distances.get(column, math.inf):
                    path.distances[column], path.before[column] = distance, last
            last = min(open_columns, key=lambda column: (path.distances[column], column in self.owners))
            reached = path.distances[last]
            open_columns.remove(last)
            path.columns.append(last)
        return path

    def _reprice(self, row: int, path: _Path) -> None:
        farthest = path.distances[path.columns[-1]]
        self.row_prices[row] += farthest
        for column in path.columns[:-1]:
            gain = farthest - path.distances[column]
            self.row_prices[self.owners[column]] += gain
            self.column_prices[column] -= gain
