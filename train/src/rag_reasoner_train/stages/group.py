"""TRL's GRPO with our tokens: prompts by the library's encoder, replies drawn from a shared memory, trees for both.

What is TRL's: rollout and reward bookkeeping, advantages, the losses, KL to a reference, vLLM, evaluation. What is ours
are the methods below, each of which replaces one of TRL's whole.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer
from trl.models.utils import unwrap_model_for_generation
from trl.trainer.utils import RepeatSampler

from rag_reasoner.backends.local.generate import ends_of
from rag_reasoner.encoding import Encoded
from rag_reasoner.messages import images
from rag_reasoner_train.forward.exchange import Exchange
from rag_reasoner_train.forward.logits import logprobs
from rag_reasoner_train.forward.sampling import Sampling, sample
from rag_reasoner_train.learner import Learner
from rag_reasoner_train.learner.checkpoints import saved_whole
from rag_reasoner_train.stages.encoding import Desk, Sized
from rag_reasoner_train.stages.faults import refuse_not_a_number
from rag_reasoner_train.stages.scoring import Reward

if TYPE_CHECKING:
    import torch


class GroupTrainer(GRPOTrainer):  # type: ignore[misc]
    """Group-relative policy optimisation over examples. `dev` follows `examples` in what a place counts through."""

    def __init__(
        self,
        learner: Learner,
        desk: Desk,
        args: GRPOConfig,
        examples: Sequence[Sized],
        dev: Sequence[Sized],
        rewards: Sequence[Reward],
        *,
        card: Mapping[str, Any],
        **options: Any,
    ) -> None:
        self._learner, self._desk, self._card = learner, desk, card
        self._examples = [*examples, *dev]
        self._places: list[int] = []
        reads = learner.loaded.encoder
        super().__init__(
            model=learner.model,
            args=args,
            train_dataset=_places(range(len(examples))),
            eval_dataset=_places(range(len(examples), len(self._examples))) if dev else None,
            reward_funcs=list(rewards),
            processing_class=reads.processor or reads.tokenizer,
            **options,
        )
        self.eos_token_ids = sorted(ends_of(learner.loaded))

    def _send_telemetry(self) -> None:
        """Nobody is told of a run."""

    def _tokenize_prompts(self, prompts: Sequence[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [list(one.ids) for one in self._prompts(map(int, prompts))], None, {}

    def _generate_single_turn(
        self, prompt_ids: Any, images: Any, multimodal_fields: Any, num_generations: int, has_tool_images: bool = False
    ) -> tuple[list[list[int]], Any]:
        if self.use_vllm:
            return super()._generate_single_turn(prompt_ids, self._pictures(), {}, num_generations)  # type: ignore[no-any-return]
        how = Sampling(self.max_completion_length, self.temperature, self.top_p, self.top_k or 0)
        gathered = {"gather_deepspeed3_params": self.args.ds3_gather_for_generation}
        trained = self.model.training
        with unwrap_model_for_generation(self.model_wrapped, self.accelerator, **gathered) as model:
            model.eval()
            with self.accelerator.autocast(), self._dist.summon_full_params(self.model_wrapped, recurse=False):
                replies = sample(model, self._learner.loaded, self._prompts(self._places), how)
            model.train(trained)
        return [list(reply) for reply in replies], None

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        self._places = [one["place"] for one in inputs]
        torch.manual_seed(self._drawing_seed())
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        return {**output, "place": torch.tensor([one["place"] for one in inputs], device=self.accelerator.device)}

    def _drawing_seed(self) -> int:
        """What is drawn at a step depends on the step, and not on what was drawn before: so a run can be resumed."""
        step = int(self.args.seed) * 1_000_003 + int(self.state.global_step)
        return step * 1009 + int(self.accelerator.process_index)

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        return _Epochs.like(super()._get_train_sampler(dataset))

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> "torch.Tensor":
        self._places = inputs["place"].tolist()
        loss: torch.Tensor = super()._compute_loss(model, inputs)
        refuse_not_a_number(loss, self.state.global_step + 1, [self._id(place) for place in self._places])
        return loss

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: "torch.Tensor",
        attention_mask: "torch.Tensor",
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        **_: Any,
    ) -> "tuple[torch.Tensor, torch.Tensor | None, None]":
        import torch

        replies = [
            tuple(ids[mask.bool()].tolist())
            for ids, mask in zip(input_ids[:, -logits_to_keep:], attention_mask[:, -logits_to_keep:], strict=True)
        ]
        said: list[torch.Tensor] = []
        spread: list[torch.Tensor] = []
        size = batch_size or len(replies)
        for start in range(0, len(replies), size):
            part = slice(start, start + size)
            with self.accelerator.autocast() if self.args.bf16 or self.args.fp16 else nullcontext():
                one, entropy = self._said(model, self._places[part], replies[part], logits_to_keep, compute_entropy)
            said, spread = [*said, one], [*spread, entropy]
        return torch.cat(said), torch.cat(spread) if compute_entropy else None, None

    def _said(
        self, model: Any, places: Sequence[int], replies: Sequence[tuple[int, ...]], width: int, entropies: bool
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """Log-probabilities and entropies, (replies, `width`), 0 beyond each reply's end."""
        prompts = self._prompts(places)
        exchanges = [Exchange(*both) for both in zip(prompts, replies, strict=True) if both[1]]
        found = logprobs(model, self._learner.loaded, exchanges, temperature=self.temperature, entropies=entropies)
        spread = found.logprobs if found.entropies is None else found.entropies
        return _rows(found.logprobs, replies, width), _rows(spread, replies, width)

    def _save_checkpoint(self, *args: Any, **options: Any) -> None:
        first, wait = self.is_world_process_zero(), self.accelerator.wait_for_everyone
        with saved_whole(self.args.output_dir, self.state.global_step, self._card, first=first, wait=wait):
            super()._save_checkpoint(*args, **options)

    def _prompts(self, places: Any) -> list[Encoded]:
        """The prompts at `places`, each encoded once."""
        wanted = list(places)
        made = {place: self._desk.prompt(self._examples[place].example) for place in dict.fromkeys(wanted)}
        return [made[place] for place in wanted]

    def _pictures(self) -> list[list[Any]] | None:
        """The images of the prompts as vLLM takes them."""
        shown = [self._examples[place].example.task.messages() for place in self._places]
        found = [[self._desk.image(image) for image in images(messages)] for messages in shown]
        return found if any(found) else None

    def _id(self, place: int) -> str:
        return self._examples[place].example.id


class _Epochs(RepeatSampler):  # type: ignore[misc]
    """TRL's order, which goes on drawing from epoch to epoch, made a function of the epoch."""

    @classmethod
    def like(cls, sampler: Any) -> "_Epochs":
        made = cls.__new__(cls)
        made.__dict__.update(sampler.__dict__)
        return made

    def set_epoch(self, epoch: int) -> None:
        if self.shuffle:
            self.generator.manual_seed(self.seed + epoch)


def _places(places: range) -> Dataset:
    """What TRL goes through: the number of an example, as the "prompt" and as a column for the rewards."""
    return Dataset.from_dict({"prompt": [str(place) for place in places], "place": list(places)})


def _rows(flat: "torch.Tensor", replies: Sequence[tuple[int, ...]], width: int) -> "torch.Tensor":
    import torch
    from torch.nn.functional import pad

    parts = torch.split(flat, [len(reply) for reply in replies])
    return torch.stack([pad(part, (0, width - len(part))) for part in parts])
