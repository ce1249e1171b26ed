"""The settings of each stage that are ours, with their defaults. All else in a file is transformers' or TRL's."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from rag_reasoner_train.examples.listwise import Order, TaskName

JUDGE_TOKENS = 256
"""How much of a document a ReasoningReranker's filter reads if nothing else is said."""

KEPT = 0.97
"""The share of the relevant documents that a coarse filter shall keep."""

ANSWERED = 0.96
"""The share of the questions with an answer among their documents that shall get one."""

DEFAULT_WEIGHTS: Mapping[str, float] = {
    "form": 0.1,
    "rank_ndcg": 0.4,
    "evidence": 0.2,
    "answer_f1": 0.2,
    "citation": 0.1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What every stage needs.

    `base` is "default", a folder or a hub id; `start` the adapter (a folder of an earlier stage) that training goes on
    from. `words` cuts documents, None shows them whole. `judge_tokens` (a judgement's document) and `document_tokens`
    (each of a list) cut them in its place, exactly as the arguments of a ReasoningReranker that have these names.
    `tokens_per_batch` bounds what is computed at once. `compiled` computes what is between the products of a Llama's
    layers in one pass each, after some seconds of compiling.
    """

    out: Path
    data: tuple[Path, ...]
    split: str = "train"
    rows: int | None = None
    dev_data: tuple[Path, ...] = ()
    dev_split: str = "dev"
    dev_rows: int = 64
    base: str = "default"
    start: Path | None = None
    tuning: Literal["lora", "full"] = "lora"
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    lora_targets: str | tuple[str, ...] = "all-linear"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    words: int | None = 80
    judge_tokens: int | None = None
    document_tokens: int | None = None
    images: bool = False
    tokens_per_batch: int = 4096
    seed: int = 0
    samples_every: int = 20
    compiled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sft(Common):
    """Supervised fine-tuning.

    "contrastive" judges the candidates of a row against each other and by themselves (`bce` weighs the second); what a
    document's nearness to the question by words is worth, `nearness`, is added there, so that the rest is learned, and
    `spoken` weighs that yes or no is what the model says at all;
    "completion" learns the perfect replies of `tasks`, token by token; with `one_task` each row is asked one of its
    tasks only, by lot. "joint" does both in the same steps: `data` is judged, and of `lists`, folders with
    chains, the perfect replies are learned.
    """

    objective: Literal["contrastive", "completion", "joint"] = "completion"
    lists: tuple[Path, ...] = ()
    one_task: bool = False
    bce: float = 0.5
    nearness: float = 0.0
    spoken: float = 0.0
    tasks: tuple[TaskName | Literal["relevance"], ...] = ("relevance", "rank", "rank_and_answer")
    order: Order = "shuffled"
    shuffles: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinforced(Common):
    """What both stages of reinforcement need. `patience`: so many steps without variance in the rewards end a run."""

    patience: int = 20
    shuffle_rewards: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointwise(Reinforced):
    """Stage 1: `pool` pairs are judged, and the `pairs` most uncertain of them, balanced, are trained on."""

    pool: int = 4000
    pairs: int = 1000
    calibration: Literal["platt", "isotonic"] = "platt"
    calibration_rows: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Listwise(Reinforced):
    """Stage 2: `weights` of the rewards by their names; "length" falls from 1 at `free_tokens` to 0 at the limit."""

    tasks: tuple[TaskName, ...] = ("rank_and_answer",)
    order: Order = "shuffled"
    shuffles: int = 1
    weights: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS), hash=False)
    free_tokens: int | None = None


Settings = Sft | Pointwise | Listwise


def common_from(stored: Mapping[str, Any]) -> Common:
    """The settings that all stages share, from a run's own record."""
    from pydantic import TypeAdapter

    shared = {field.name for field in fields(Common)}
    return TypeAdapter(Common).validate_python({name: value for name, value in stored.items() if name in shared})
