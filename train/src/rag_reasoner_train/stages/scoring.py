"""The rewards of a run: the core's components, their weighted mean, and each of them on its own beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from rag_reasoner.encoding import Encoder
from rag_reasoner.errors import InvalidInput
from rag_reasoner.rewards import LISTWISE, length, pointwise, weighted
from rag_reasoner.tasks import ListwiseTask, RelevanceTask
from rag_reasoner_train.examples import Example
from rag_reasoner_train.forward.trees import Ids
from rag_reasoner_train.stages.contrastive import label_of
from rag_reasoner_train.stages.encoding import Sized
from rag_reasoner_train.stages.faults import RewardFailed

Parts = Mapping[str, float | None]

VERDICT, LENGTH = "verdict", "length"


@dataclass(frozen=True, slots=True)
class Length:
    """Free up to `free` tokens, worth nothing at `most`."""

    free: int
    most: int


@dataclass(frozen=True)
class Scorer:
    """What a reply to an example is worth, part by part. `weights` names the parts."""

    encoder: Encoder
    weights: Mapping[str, float]
    length: Length | None = None

    def __post_init__(self) -> None:
        known = [VERDICT, LENGTH, *LISTWISE]
        for name, weight in self.weights.items():
            if name not in known:
                raise InvalidInput(f"there is no reward {name!r}; choose among {', '.join(known)}")
            if weight < 0:
                raise InvalidInput(f"the weight of {name!r} is {weight}: it must not be negative")
        if not any(self.weights.values()):
            raise InvalidInput("no reward has a weight above 0: nothing could be learned")

    def parts(self, example: Example, reply: Ids) -> dict[str, float | None]:
        """Each part of the reward. Raises RewardFailed, naming part and example, where one raises."""
        text = self.text(reply)
        return {name: self._part(name, example, text, reply) for name in self.weights}

    def part(self, name: str, example: Example, reply: Ids) -> float | None:
        """One part of the reward. Raises RewardFailed as `parts` does."""
        return self._part(name, example, self.text(reply), reply)

    def total(self, parts: Parts) -> float | None:
        """The weighted mean of the parts that apply."""
        return weighted(parts, self.weights)

    def text(self, reply: Ids) -> str:
        """The reply's text, as inference decodes it."""
        decode = self.encoder.tokenizer.decode
        return str(decode(list(reply), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _part(self, name: str, example: Example, text: str, reply: Ids) -> float | None:
        try:
            return self._worth(name, example, text, reply)
        except Exception as error:
            raise RewardFailed(
                f"the reward {name!r} failed on example {example.id!r} (row {example.group!r}): "
                f"{type(error).__name__}: {error}"
            ) from error

    def _worth(self, name: str, example: Example, text: str, reply: Ids) -> float | None:
        if name == LENGTH:
            return length(len(reply), free=self.length.free, most=self.length.most) if self.length else None
        if isinstance(example.task, RelevanceTask):
            return pointwise(example.task.parse(text), label_of(example)) if name == VERDICT else None
        return _listwise(name, example, example.task, text)


def _listwise(name: str, example: Example, task: ListwiseTask, text: str) -> float | None:
    return None if name == VERDICT else LISTWISE[name](task, task.parse(text), example.truth)


@dataclass(frozen=True)
class Reward:
    """A reward as TRL calls it: picklable, with a name. None where it does not apply."""

    name: str
    scorer: Scorer
    examples: Sequence[Sized] = field(repr=False)

    @property
    def __name__(self) -> str:
        return self.name

    def __call__(self, completion_ids: Sequence[Sequence[int]], place: Sequence[int], **_: Any) -> list[float | None]:
        return [
            self.worth(self.examples[one].example, tuple(ids)) for one, ids in zip(place, completion_ids, strict=True)
        ]

    def worth(self, example: Example, reply: Ids) -> float | None:
        """What the reply is worth."""
        return self.scorer.part(self.name, example, reply)


@dataclass(frozen=True)
class Total(Reward):
    """The weighted mean: what is learned from. `dealt_out`: at random within the batch, as a control."""

    dealt_out: bool = False

    def __call__(
        self, completion_ids: Sequence[Sequence[int]], place: Sequence[int], **known: Any
    ) -> list[float | None]:
        found = super().__call__(completion_ids, place)
        if not self.dealt_out:
            return found
        return Random(f"dealt out/{known['trainer_state'].global_step}").sample(found, len(found))

    def worth(self, example: Example, reply: Ids) -> float | None:
        return self.scorer.total(self.scorer.parts(example, reply))


def rewards_of(scorer: Scorer, examples: Sequence[Sized], *, dealt_out: bool) -> tuple[list[Reward], list[float]]:
    """The total, which counts, and each part, which is logged only; and their weights."""
    parts = [Reward(name, scorer, examples) for name in scorer.weights]
    return [Total("total", scorer, examples, dealt_out), *parts], [1.0] + [0.0] * len(parts)
