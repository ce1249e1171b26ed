"""Stage 2: group-relative reinforcement of list-wise replies, ranking and answer jointly (MMRAG-RFT's second stage)."""

from transformers import set_seed

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.config import Listwise, Run
from rag_reasoner_train.learner import load_learner
from rag_reasoner_train.learner.checkpoints import to_resume
from rag_reasoner_train.stages import examples
from rag_reasoner_train.stages.encoding import Desk
from rag_reasoner_train.stages.reinforce import Reinforcement, reinforce
from rag_reasoner_train.stages.scoring import LENGTH

OWN = {
    "num_generations": 8,
    "per_device_train_batch_size": 16,
    "per_device_eval_batch_size": 8,
    "num_generations_eval": 1,
    "max_completion_length": 160,
    "beta": 0.02,
    "learning_rate": 5e-5,
    "logging_steps": 1,
    "save_steps": 20,
    "gradient_checkpointing": False,
}


def listwise(run: Run[Listwise], *, resume: bool = False) -> str | None:
    """Train as the run says; what ended it early, if anything did."""
    settings = run.settings
    if settings.weights.get(LENGTH) and settings.free_tokens is None:
        raise InvalidInput(f"{run.file}: a weight for {LENGTH!r} needs free_tokens: up to how many it costs nothing")
    last = to_resume(settings.out, resume=resume)
    set_seed(settings.seed)
    learner = load_learner(settings)
    desk = Desk(learner, (*settings.data, *settings.dev_data))
    most = int(run.handed_on.get("max_completion_length", OWN["max_completion_length"]))
    rows = ((examples.training_rows(settings), settings.shuffles), (examples.dev_rows(settings), 1))
    ours, shown = (
        desk.sized(
            examples.ranking_examples(some, settings, desk.count, settings.tasks, settings.order, shuffles), reply=most
        )
        for some, shuffles in rows
    )
    return reinforce(Reinforcement("listwise", run, learner, desk, ours, shown, settings.weights, OWN), last)
