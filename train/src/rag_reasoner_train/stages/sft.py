"""Supervised fine-tuning: perfect replies, or candidates told apart."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from transformers import TrainingArguments, set_seed

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
from rag_reasoner_train.stages.objective import Objective, Unit
from rag_reasoner_train.stages.packs import packs, padded_packs
from rag_reasoner_train.stages.record import Curves, card_of, write_run
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
    units = _units(taught, settings, desk, settings.split)
    shown = _units(asked, settings, desk, settings.dev_split)
    card = card_of(run, learner)
    trainer = PackTrainer(
        learner.model,
        arguments(TrainingArguments, run, learner, {"per_device_train_batch_size": 1}, evaluates=bool(shown)),
        _gathered(units, settings, learner),
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
    if settings.objective == "contrastive":
        near = nearness_by_id(rows) if settings.nearness else {}
        return Contrastive(learner, desk, settings.bce, {one: settings.nearness * share for one, share in near.items()})
    return Completion(learner, desk)


def _units(rows: Sequence[Row], settings: Sft, desk: Desk, split: str) -> list[Unit]:
    """The rows' candidates together for the contrastive objective; for the other each example by itself."""
    if settings.objective == "contrastive":
        return dev.rows_of(desk.sized(examples.relevance_examples(rows, settings, desk.count), reply=1))
    return [(one,) for one in desk.sized(_to_complete(rows, settings, desk, split))]


def _to_complete(rows: Sequence[Row], settings: Sft, desk: Desk, split: str) -> list[Example]:
    lists = [name for name in settings.tasks if name != "relevance"]
    pairs = examples.relevance_examples(rows, settings, desk.count) if "relevance" in settings.tasks else []
    if not lists or not rows:
        return pairs
    folders = settings.data if split == settings.split else settings.dev_data or settings.data
    chains = examples.chains_of(folders, split)
    made = examples.ranking_examples(rows, settings, desk.count, lists, settings.order, settings.shuffles, chains)
    return pairs + [one for one in made if one.target is not None]


def _gathered(units: Sequence[Unit], settings: Sft, learner: Learner) -> list[tuple[Unit, ...]]:
    gather = packs if takes_trees(learner.loaded) else padded_packs
    return gather(units, _tokens, settings.tokens_per_batch, settings.seed)


def _tokens(unit: Unit) -> int:
    return sum(one.tokens for one in unit)
