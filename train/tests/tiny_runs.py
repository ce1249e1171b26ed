"""Runs of tiny random models on toy rows: what the tests of the stages stand on."""

import importlib.util
import json
from pathlib import Path

import yaml
from rag_reasoner_train.config import Listwise, Pointwise, Sft, read_run
from rag_reasoner_train.rows.row import Row
from rag_reasoner_train.stages.arguments import arguments_of

from rag_reasoner.types import Document, Image

_CORE = Path(__file__).parents[2] / "tests" / "tiny_models.py"
_spec = importlib.util.spec_from_file_location("tiny_models", _CORE)
tiny_models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny_models)

STAGES = {"sft": Sft, "pointwise": Pointwise, "listwise": Listwise}

COMMON = {
    "precision": "float32",
    "words": None,
    "dev_rows": 0,
    "learning_rate": 1e-3,
    "report_to": [],
    "disable_tqdm": True,
    "logging_steps": 1,
    "save_steps": 1000,
    "lr_scheduler_type": "constant",
    "warmup_steps": 0,
    "use_cpu": True,
    "samples_every": 0,
}
OWN = {
    "sft": {"objective": "contrastive", "tokens_per_batch": 600},
    "pointwise": {"calibration_rows": 0, "dev_rows": 0, "num_generations": 4, "per_device_train_batch_size": 8},
    "listwise": {"num_generations": 4, "per_device_train_batch_size": 8, "max_completion_length": 8, "tasks": ["rank"]},
}

TRUE = ("It opened in 1962.", "The museum opened in 1962.", "In 1962 the museum opened.")
FALSE = ("no", "The document is no help.", "Can this document help?", "answer the question", "yes or no, rank")


def toy_row(number, images=False):
    """A question with three candidates, one of which says when."""
    texts = [FALSE[(number + one) % len(FALSE)] for one in (0, 1)]
    texts.insert(number % 3, TRUE[number % len(TRUE)])
    documents = tuple(
        Document(f"{number}-{place}", "" if images else text, image=picture(number, place) if images else None)
        for place, text in enumerate(texts)
    )
    return Row(f"row{number}", "When?", documents, {documents[number % 3].id: 1.0}, ("1962",))


def picture(number, place):
    """A small picture of one colour, as bytes."""
    import io

    import PIL.Image

    stream = io.BytesIO()
    size = (56 + 28 * (place % 2), 56)
    PIL.Image.new("RGB", size, (number * 20 % 255, place * 80 % 255, 120)).save(stream, "PNG")
    return Image(data=stream.getvalue())


def write_rows(folder, rows, split="train"):
    """The rows as a data folder holds them; images become files."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for row in rows:
        candidates = []
        for one in row.candidates:
            found = {"id": one.id, "title": "", "text": one.text}
            if one.image is not None:
                path = folder / f"{one.id}.png"
                path.write_bytes(one.image.data)
                found |= {"image": path.name, "modality": "image"}
            candidates.append(found)
        value = {"id": row.id, "question": row.question, "answers": list(row.answers), "candidates": candidates}
        lines.append(json.dumps({**value, "relevant": list(row.relevant)}))
    (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def run_of(tmp_path, stage, kind="language", rows=8, seed=0, **changes):
    """A run's settings: a tiny model on toy rows."""
    images = kind != "language"
    data = tmp_path / ("pictures" if images else "data")
    if not data.exists():
        write_rows(data, [toy_row(number, images) for number in range(rows)])
    base = tiny_models.folder(kind, seed)
    stored = {**COMMON, **OWN[stage], "data": str(data), "base": base, "out": str(tmp_path / stage), "images": images}
    tmp_path.mkdir(exist_ok=True)
    file = tmp_path / f"{stage}.yaml"
    file.write_text(yaml.safe_dump({**stored, **changes}))
    return read_run(file, STAGES[stage], arguments_of(stage))


def history(out):
    """What the last checkpoint of a run has logged."""
    from rag_reasoner_train.learner.checkpoints import last_checkpoint

    state = json.loads((last_checkpoint(Path(out)) / "trainer_state.json").read_text())
    return state["log_history"]
