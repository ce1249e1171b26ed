"""The examples of a run: read from its data folders as its settings say."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rag_reasoner.errors import InvalidInput
from rag_reasoner.stages.fit import Count
from rag_reasoner_train.chains.chain import Chain
from rag_reasoner_train.chains.files import read_chains
from rag_reasoner_train.config.settings import Common, Sft
from rag_reasoner_train.examples import Example, listwise_examples, pointwise_examples
from rag_reasoner_train.examples.listwise import Order, TaskName
from rag_reasoner_train.rows.balance import balanced_ids, set_of
from rag_reasoner_train.rows.reading import RowFiles
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.rows.view import Tokens, View


def training_rows(settings: Common) -> list[Row]:
    """The rows to train on. Raises InvalidInput where there are none."""
    return _rows(settings.data, settings.split, settings.rows, settings.images, settings.seed)


def list_rows(settings: Sft) -> list[Row]:
    """The rows whose perfect replies a joint run learns. Raises InvalidInput where there are none."""
    return _rows(settings.lists, settings.split, None, settings.images, settings.seed)


def dev_rows(settings: Common) -> list[Row]:
    """The rows to evaluate on during training, the same for every seed; none where `dev_rows` is 0."""
    if not settings.dev_rows:
        return []
    return _rows(settings.dev_data or settings.data, settings.dev_split, settings.dev_rows, settings.images, 0)


def relevance_examples(rows: Sequence[Row], settings: Common, count: Count) -> list[Example]:
    """Each candidate of each row, to be judged. `count` is the learner's."""
    return list(pointwise_examples(rows, view=_view(settings, settings.judge_tokens, count)))


def ranking_examples(
    rows: Sequence[Row],
    settings: Common,
    count: Count,
    tasks: Sequence[TaskName],
    order: Order,
    shuffles: int,
    chains: Mapping[str, Chain] | None = None,
    *,
    one_task: bool = False,
) -> list[Example]:
    """The rows' list-wise examples, with targets where there are `chains`. `count` is the learner's."""
    view = _view(settings, settings.document_tokens, count)
    return list(
        listwise_examples(
            rows, chains, tasks=tasks, order=order, shuffles=shuffles, one_task=one_task, view=view, seed=settings.seed
        )
    )


def chains_of(folders: Sequence[Path], split: str) -> dict[str, Chain]:
    """The chains of a split. Raises InvalidInput where a folder has none."""
    return {id: chain for folder in folders for id, chain in read_chains(folder, split).items()}


def _rows(folders: tuple[Path, ...], split: str, most: int | None, images: bool, seed: int) -> list[Row]:
    """All rows in the order of the files, or `most` of them, as many of each set as there can be."""
    taken = None if most is None else balanced_ids(RowFiles(folders, split, images=False), most, seed, by=set_of)
    rows = [row for row in RowFiles(folders, split, images=images) if taken is None or row.id in taken]
    if not rows:
        raise InvalidInput(f"there is no row in {', '.join(map(str, folders))} ({split}): nothing to train on")
    return rows


def _view(settings: Common, tokens: int | None, count: Count) -> View:
    return View(settings.words, settings.images, None if tokens is None else Tokens(tokens, count))
