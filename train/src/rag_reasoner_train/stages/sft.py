"""Supervised fine-tuning: perfect replies, or candidates told apart."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from transformers import TrainingArguments, set_seed

from rag_reasoner.errors import InvalidInput
from rag_reasoner_train.config import Run, Sft
from rag_reasoner_train.examples import Example
from rag_reasoner_train.examples.near import nearness_by_id
from rag_reasoner_train.forward.logits import takes_trees
from rag_reasoner_train.learner import Learner, load_learner
from rag_reasoner_train.learner.checkpoints import to_resume
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.stages import dev, examples
from rag_reasoner_train.stages.arguments import arguments
from rag_reasoner_train.stages.completion import Completion
from rag_reasoner_train.stages.contrastive import Contrastive
from rag_reasoner_train.stages.encoding import Desk
from rag_reasoner_train.stages.joint import Joint
from rag_reasoner_train.stages.objective import Objective, Unit
from rag_reasoner_train.stages.packs import packs, padded_packs
from rag_reasoner_train.stages.record import Curves, card_of, write_run
from rag_reasoner_train.stages.together import by_documents, tokens, tokens_in_trees
from rag_reasoner_train.stages.trainer import PackTrainer


def sft(run: Run[Sft], *, resume: bool = False) -> Path:
    """Train as the run says; the folder with its checkpoints."""
    settings = run.settings
    last = to_resume(settings.out, resume=resume)
    set_seed(settings.seed)
    learner = load_learner(settings)
    desk = Desk(learner, (*settings.data, *settings.dev_data))
    taught, asked = examples.training_rows(settings), examples.dev_rows(settings)
    objective = _objective(settings, learner, desk, [*taught, *asked])
    units = _units(taught, settings, desk, settings.split) + _lists(settings, desk)
    shown = _units(asked, settings, desk, settings.dev_split)
    card = card_of(run, learner)
    trainer = PackTrainer(
        learner.model,
        arguments(TrainingArguments, run, learner, {"per_device_train_batch_size": 1}, evaluates=bool(shown)),
        _gathered(units, settings, desk, learner),
        objective,
        partial(objective.figures, units=shown, most=settings.tokens_per_batch) if shown else None,
        card=card,
        processing_class=learner.loaded.encoder.processor or learner.loaded.encoder.tokenizer,
        callbacks=[Curves(settings.out)],
    )
    write_run("sft", run, learner, card)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    return settings.out


def _objective(settings: Sft, learner: Learner, desk: Desk, rows: Sequence[Row]) -> Objective:
    writing = Completion(learner, desk)
    if settings.objective == "completion":
        return writing
    near = nearness_by_id(rows) if settings.nearness else {}
    given = {one: settings.nearness * share for one, share in near.items()}
    judging = Contrastive(learner, desk, settings.bce, given, settings.spoken)
    return Joint(judging, writing) if settings.objective == "joint" else judging


def _lists(settings: Sft, desk: Desk) -> list[Unit]:
    """The replies that a joint run learns besides its rows. Raises InvalidInput where lists and objective disagree."""
    if (settings.objective == "joint") != bool(settings.lists):
        raise InvalidInput("objective: joint needs `lists`, folders whose chains are learned; no other takes them")
    if not settings.lists:
        return []
    made = _replies(examples.list_rows(settings), settings, desk, settings.lists, settings.split)
    return [(one,) for one in desk.sized(made)]


def _units(rows: Sequence[Row], settings: Sft, desk: Desk, split: str) -> list[Unit]:
    """The rows' candidates together where they are told apart; else each example by itself."""
    if settings.objective != "completion":
        return dev.rows_of(desk.sized(examples.relevance_examples(rows, settings, desk.count), reply=1))
    return [(one,) for one in desk.sized(_to_complete(rows, settings, desk, split))]


def _to_complete(rows: Sequence[Row], settings: Sft, desk: Desk, split: str) -> list[Example]:
    pairs = examples.relevance_examples(rows, settings, desk.count) if "relevance" in settings.tasks else []
    folders = settings.data if split == settings.split else settings.dev_data or settings.data
    return pairs + _replies(rows, settings, desk, folders, split)


def _replies(rows: Sequence[Row], settings: Sft, desk: Desk, folders: Sequence[Path], split: str) -> list[Example]:
    """The rows' lists with their perfect replies; those that have none are left out."""
    tasks = [name for name in settings.tasks if name != "relevance"]
    if not tasks or not rows:
        return []
    chains = examples.chains_of(folders, split)
    made = examples.ranking_examples(
        rows, settings, desk.count, tasks, settings.order, settings.shuffles, chains, one_task=settings.one_task
    )
    return [one for one in made if one.target is not None]


def _gathered(units: Sequence[Unit], settings: Sft, desk: Desk, learner: Learner) -> list[tuple[Unit, ...]]:
    if takes_trees(learner.loaded):
        most = settings.tokens_per_batch
        return packs(by_documents(desk, units, most), partial(tokens_in_trees, desk), most, settings.seed)
    return padded_packs(units, tokens, settings.tokens_per_batch, settings.seed)
