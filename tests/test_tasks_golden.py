"""Each prompt in full. Delete the file and run the test to write it anew: then the diff shows what changed."""

import pickle
from pathlib import Path

import pytest
from small_tasks import TASKS

from rag_reasoner.messages import plain

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_the_prompt_is_the_one_that_adapters_were_trained_on(task):
    file = GOLDEN / f"{type(task).__name__}.txt"
    prompt = plain(task.messages()) + "\n"
    if not file.exists():
        file.write_text(prompt, encoding="utf-8")
        pytest.fail(f"{file.name} was missing and is written now: look at it, then run again")
    assert prompt == file.read_text(encoding="utf-8"), (
        f"the prompt of {type(task).__name__} changed: bump FORMAT in rag_reasoner/tasks/__init__.py, for adapters "
        f"trained on the old prompt no longer fit, and write {file.name} anew"
    )


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_a_task_survives_pickling(task):
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    assert again.messages() == task.messages()
    assert again.scaffold() == task.scaffold()
