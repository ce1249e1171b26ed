"""What both stages of reinforcement do alike: a trainer with its rewards, watched, run and told of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trl import GRPOConfig

from rag_reasoner_train.config import Run
from rag_reasoner_train.learner import Learner
from rag_reasoner_train.stages.arguments import arguments
from rag_reasoner_train.stages.encoding import Desk, Sized
from rag_reasoner_train.stages.group import GroupTrainer
from rag_reasoner_train.stages.record import Curves, card_of, write_run
from rag_reasoner_train.stages.scoring import Length, Scorer, rewards_of
from rag_reasoner_train.stages.watch import Patience, Samples


@dataclass(frozen=True, slots=True)
class Reinforcement:
    """A run of reinforcement made ready: its stage, its examples, and its stage's own defaults."""

    stage: str
    run: Run[Any]
    learner: Learner
    desk: Desk
    examples: Sequence[Sized]
    dev: Sequence[Sized]
    weights: Mapping[str, float]
    own: Mapping[str, Any]


def reinforce(
    wanted: Reinforcement, last: Path | None, trainer_type: type[GroupTrainer] = GroupTrainer, **options: Any
) -> str | None:
    """Train; what ended the run where it was not its last step."""
    settings = wanted.run.settings
    args = arguments(GRPOConfig, wanted.run, wanted.learner, wanted.own, evaluates=bool(wanted.dev or options))
    everything = [*wanted.examples, *wanted.dev]
    scorer = Scorer(wanted.learner.loaded.encoder, wanted.weights, _length(settings, args))
    rewards, args.reward_weights = rewards_of(scorer, everything, dealt_out=settings.shuffle_rewards)
    card = card_of(wanted.run, wanted.learner)
    patience, samples = Patience(settings.patience), Samples(settings.out, settings.samples_every, everything)
    trainer = trainer_type(
        wanted.learner,
        wanted.desk,
        args,
        wanted.examples,
        wanted.dev,
        rewards,
        card=card,
        callbacks=[Curves(settings.out), patience, samples],
        **options,
    )
    patience.trainer = samples.trainer = trainer
    write_run(wanted.stage, wanted.run, wanted.learner, card)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    return patience.told


def _length(settings: Any, args: GRPOConfig) -> Length | None:
    free = getattr(settings, "free_tokens", None)
    return None if free is None else Length(free, args.max_completion_length)
