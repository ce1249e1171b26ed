"""Stage 1: rule-based reinforcement of the one-word judgement (MMRAG-RFT's first stage).

After fine-tuning most one-word replies have no variance, and groups without variance teach nothing; so it starts from
the pairs that the current model is least certain of, as many relevant as not, with KL to that model. What it does to
the calibration is measured before and after.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from transformers import set_seed

from rag_reasoner.models.calibration import as_stored
from rag_reasoner.tasks.relevance import NO, YES
from rag_reasoner_train.config import Pointwise, Run
from rag_reasoner_train.learner import Learner, load_learner
from rag_reasoner_train.learner.checkpoints import to_resume
from rag_reasoner_train.stages import dev, examples
from rag_reasoner_train.stages.calibrating import measure
from rag_reasoner_train.stages.encoding import Desk, Sized
from rag_reasoner_train.stages.group import GroupTrainer
from rag_reasoner_train.stages.mining import pool_of, read_mined, uncertain, write_mined
from rag_reasoner_train.stages.reinforce import Reinforcement, reinforce
from rag_reasoner_train.stages.scoring import VERDICT
from rag_reasoner_train.written import write_text

CALIBRATION = "calibration.json"

OWN = {
    "num_generations": 8,
    "per_device_train_batch_size": 64,
    "beta": 0.05,
    "learning_rate": 5e-5,
    "logging_steps": 1,
    "save_steps": 20,
    "gradient_checkpointing": False,
}


class JudgeTrainer(GroupTrainer):
    """Is evaluated by what its judgements are worth on dev questions, and not by sampled words."""

    def __init__(self, *args: Any, measured: Any, **options: Any) -> None:
        self._measured = measured
        super().__init__(*args, **options)

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        figures = {f"{metric_key_prefix}_{name}": value for name, value in self._measured(self.model).items()}
        self.model.train()
        self.log(figures)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, figures)
        return figures


def pointwise(run: Run[Pointwise], *, resume: bool = False) -> str | None:
    """Train as the run says; what ended it early, if anything did."""
    settings = run.settings
    last = to_resume(settings.out, resume=resume)
    set_seed(settings.seed)
    learner = load_learner(settings)
    desk = Desk(learner, (*settings.data, *settings.dev_data))
    judge = partial(dev.judge, learner=learner, desk=desk, most=settings.tokens_per_batch)
    shown = _shown(settings, desk)
    if shown and not resume:
        _note(settings, "before", judge(learner.model, examples=shown))
    mined = _mined(settings, desk, judge, learner, resume=resume)
    own = {**OWN, "max_completion_length": max(len(learner.loaded.encoder.reply_ids(word)) for word in (YES, NO))}
    wanted = Reinforcement("pointwise", run, learner, desk, mined, shown, {VERDICT: 1.0}, own)
    measured = {"measured": lambda model: dev.judging_figures(judge(model, examples=shown))}
    ended = reinforce(wanted, last, JudgeTrainer, **measured) if shown else reinforce(wanted, last)
    if shown:
        _note(settings, "after", judge(learner.model, examples=shown))
    return ended


def _mined(settings: Pointwise, desk: Desk, judge: Any, learner: Learner, *, resume: bool) -> list[Sized]:
    asked = examples.relevance_examples(examples.training_rows(settings), settings, desk.count)
    pool = pool_of(asked, settings.pool, settings.seed)
    sized = {one.example.id: one for one in desk.sized(pool, reply=1)}
    if resume:
        return [sized[id] for id in read_mined(settings.out)]
    found = uncertain(judge(learner.model, examples=list(sized.values())), settings.pairs)
    write_mined(settings.out, found)
    return [sized[one.example.id] for one in found]


def _shown(settings: Pointwise, desk: Desk) -> list[Sized]:
    """The candidates of the dev rows: for evaluation, and for calibration before and after."""
    rows = examples.dev_rows(replace(settings, dev_rows=settings.calibration_rows))
    return desk.sized(examples.relevance_examples(rows, settings, desk.count), reply=1)


def _note(settings: Pointwise, when: str, judged: Sequence[dev.Judged]) -> None:
    """`calibration.json`: the expected calibration error, raw and fitted, and the ranking, before and after.

    No fit is noted of a judge that puts what is irrelevant first: it is measured, and the run goes on.
    """
    path = settings.out / CALIBRATION
    told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found = measure(judged, settings.calibration)
    fit = as_stored(found.calibration) if found.rises else None
    value = {"pairs": found.pairs, "ece": found.before, "ece_fitted": found.after if fit else None, "fit": fit}
    write_text(path, json.dumps({**told, when: {**value, **dev.judging_figures(judged)}}, indent=2) + "\n")
