"""The examples of a run: read from its data folders as its settings say."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.chains.chain import Chain
from rag_reasoner_train.chains.files import chains_file, read_chains
from rag_reasoner_train.config.settings import Common
from rag_reasoner_train.examples import Example, listwise_examples, pointwise_examples
from rag_reasoner_train.examples.listwise import Order, TaskName
from rag_reasoner_train.rows.reading import RowFiles
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.rows.view import View


def training_rows(settings: Common) -> list[Row]:
    """The rows to train on. Raises InvalidInput where there are none."""
    return _rows(settings.data, settings.split, settings.rows, settings.images)


def dev_rows(settings: Common) -> list[Row]:
    """The rows to evaluate on during training; none where `dev_rows` is 0."""
    if not settings.dev_rows:
        return []
    return _rows(settings.dev_data or settings.data, settings.dev_split, settings.dev_rows, settings.images)


def relevance_examples(rows: Sequence[Row], settings: Common) -> list[Example]:
    """Each candidate of each row, to be judged."""
    return list(pointwise_examples(rows, view=_view(settings)))


def ranking_examples(
    rows: Sequence[Row],
    settings: Common,
    tasks: Sequence[TaskName],
    order: Order,
    shuffles: int,
    chains: Mapping[str, Chain] | None = None,
) -> list[Example]:
    """The rows' list-wise examples, with targets where there are `chains`."""
    return list(
        listwise_examples(
            rows, chains, tasks=tasks, order=order, shuffles=shuffles, view=_view(settings), seed=settings.seed
        )
    )


def chains_of(folders: Sequence[Path], split: str) -> dict[str, Chain]:
    """The chains of a split. Raises InvalidInput where a folder has none."""
    return {id: chain for folder in folders for id, chain in read_chains(folder, split).items()}


def has_chains(folders: Sequence[Path], split: str) -> bool:
    """Whether each of the folders has chains for the split."""
    return all(chains_file(folder, split).is_file() for folder in folders)


def _rows(folders: tuple[Path, ...], split: str, most: int | None, images: bool) -> list[Row]:
    rows = list(islice(_all(folders, split, images), most))
    if not rows:
        raise InvalidInput(f"there is no row in {', '.join(map(str, folders))} ({split}): nothing to train on")
    return rows


def _all(folders: tuple[Path, ...], split: str, images: bool) -> Iterator[Row]:
    yield from RowFiles(folders, split, images=images)


def _view(settings: Common) -> View:
    return View(settings.words, settings.images)
