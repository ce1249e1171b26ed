"""Tokens per second of fine-tuning: ours beside TRL's stock recipe, on the same rows, in one run.

    python benchmarks/trainer.py --data train/sample --rows 24

TRL's stock recipe is SFTTrainer with a LoRA of the same size on prompts and completions, its defaults (gradient
checkpointing, random batches, padding), with the loss on completions. Tokens are those of the examples without
padding, each sequence counted whole, for both. `cpu` seconds are the process's own, and do not depend on who else
uses the machine. Needs rag-reasoner-train, and the default model in the cache.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

from rag_reasoner_train.chains.build import build_chains
from rag_reasoner_train.config import Run, Sft
from rag_reasoner_train.examples import Example
from rag_reasoner_train.learner import load_learner
from rag_reasoner_train.rows.build import build_rows
from rag_reasoner_train.rows.card import Origin
from rag_reasoner_train.rows.prepare import Preparation
from rag_reasoner_train.rows.reading import as_folders
from rag_reasoner_train.stages import examples
from rag_reasoner_train.stages.encoding import Desk
from rag_reasoner_train.stages.sft import sft

SHARED = {"num_train_epochs": 1, "learning_rate": 1e-4, "report_to": [], "save_strategy": "no", "disable_tqdm": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--candidates", type=int, default=6)
    parser.add_argument("--words", type=int, default=70)
    parser.add_argument("--batch", type=int, default=8, help="examples in a batch of TRL's")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        data = _prepared(Path(folder), given)
        for objective in ("contrastive", "completion"):
            _compared(objective, data, Path(folder), given)


def _prepared(folder: Path, given: argparse.Namespace) -> Path:
    data = folder / "data"
    origin = Origin("benchmark", 0, as_folders([given.data]), ())
    build_rows(origin, data, "train", Preparation(sample=given.rows, candidates=given.candidates, order="shuffled"))
    build_chains(data, data, "train")
    return data


def _compared(objective: str, data: Path, folder: Path, given: argparse.Namespace) -> None:
    tasks = ("relevance",) if objective == "contrastive" else ("rank_and_answer",)
    settings = Sft(
        out=folder / objective, data=(data,), objective=objective, tasks=tasks, words=given.words, dev_rows=0
    )
    learner = load_learner(settings)
    desk = Desk(learner)
    shown = _examples(settings, data, desk)
    tokens = sum(one.tokens for one in desk.sized(shown))
    print(f"{objective}: {len(shown)} examples of {len(shown) and tokens // len(shown)} tokens")
    stock = _timed(lambda: _stock(learner.base, learner.loaded.encoder, shown, settings, given.batch))
    ours = _timed(lambda: sft(Run(settings, SHARED, Path("benchmark"))))
    for name, (wall, cpu) in (("TRL", stock), ("ours", ours)):
        print(f"  {name:5} {tokens / wall:7.0f} tokens/s, {tokens / cpu:7.0f} tokens per cpu second")
    print(f"  ours is {stock[0] / ours[0]:.2f} times as fast ({stock[1] / ours[1]:.2f} by cpu time)")


def _examples(settings: Sft, data: Path, desk: Desk) -> list[Example]:
    rows = examples.training_rows(settings)
    if settings.objective == "contrastive":
        return examples.relevance_examples(rows, settings, desk.count)
    chains = examples.chains_of((data,), "train")
    made = examples.ranking_examples(rows, settings, desk.count, ["rank_and_answer"], "shuffled", 1, chains)
    return [one for one in made if one.target is not None]


def _stock(base: str, encoder: object, shown: list[Example], settings: Sft, batch: int) -> None:
    """TRL's own recipe, as its documentation has it."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    rows = [{"prompt": _turns(one), "completion": [{"role": "assistant", "content": one.target}]} for one in shown]
    with tempfile.TemporaryDirectory() as out:
        args = SFTConfig(
            **SHARED,
            output_dir=out,
            per_device_train_batch_size=batch,
            max_length=None,
            bf16=True,
            use_cpu=True,
            model_init_kwargs={"dtype": "bfloat16"},
        )
        lora = LoraConfig(r=settings.lora_rank, lora_alpha=settings.lora_alpha, target_modules="all-linear")
        trainer = SFTTrainer(
            model=base,
            args=args,
            train_dataset=Dataset.from_list(rows),
            peft_config=lora,
            processing_class=encoder.tokenizer,  # type: ignore[attr-defined]
        )
        trainer.train()


def _turns(one: Example) -> list[dict[str, str]]:
    return [
        {"role": message.role, "content": "".join(part.text for part in message.parts)}  # type: ignore[union-attr]
        for message in one.task.messages()
    ]


def _timed(run: object) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    run()  # type: ignore[operator]
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
