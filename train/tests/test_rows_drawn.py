"""A run with fewer rows than there are: drawn evenly over the sets, the same for the same seed."""

from collections import Counter

import pytest
from rag_reasoner_train.config.settings import Common
from rag_reasoner_train.rows.row import SET
from rag_reasoner_train.stages.examples import dev_rows, training_rows
from small_rows import LINE, written


@pytest.fixture
def folders(tmp_path):
    """Three sets, one of which has few rows."""
    sizes = {"one": 40, "two": 30, "three": 4}
    lines = {name: [{**LINE, "id": f"{name}{n}"} for n in range(count)] for name, count in sizes.items()}
    for split in ("train", "dev"):
        for name in sizes:
            written(tmp_path / name, lines[name], f"{split}.jsonl")
    return tuple(tmp_path / name for name in sizes)


def settings(folders, **changes):
    return Common(**{"out": folders[0] / "run", "data": folders, "rows": 24, "dev_rows": 12, **changes})


def sets(rows):
    return Counter(str(row.extra[SET]) for row in rows)


def test_fewer_rows_are_drawn_evenly_over_the_folders(folders):
    assert sets(training_rows(settings(folders))) == {"one": 10, "two": 10, "three": 4}
    assert sets(dev_rows(settings(folders))) == {"one": 4, "two": 4, "three": 4}
    assert len(training_rows(settings(folders, rows=None))) == 74
    assert len(training_rows(settings(folders, rows=1000))) == 74


def test_fewer_rows_of_one_file_are_drawn_evenly_over_the_sets_that_it_mixes(folders, tmp_path):
    lines = [{**LINE, "id": f"{name}{n}", "set": name} for name in "abc" for n in range(9)]
    mixed = written(tmp_path / "mixed", lines)
    assert sets(training_rows(settings((mixed,), rows=6))) == {"a": 2, "b": 2, "c": 2}


def test_the_seed_draws_the_rows_to_train_on_and_never_those_of_the_dev_set(folders):
    first, again, other = ([row.id for row in training_rows(settings(folders, seed=seed))] for seed in (1, 1, 2))
    assert first == again
    assert sorted(first) != sorted(other)
    assert dev_rows(settings(folders, seed=1)) == dev_rows(settings(folders, seed=2))


def test_rows_are_trained_on_in_the_order_of_the_files(folders):
    found = [row.id for row in training_rows(settings(folders))]
    every = [row.id for row in training_rows(settings(folders, rows=None))]
    assert found == [one for one in every if one in found]
