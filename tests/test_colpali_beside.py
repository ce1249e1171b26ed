"""Page retrievers beside the models that rerank: neither the engine nor a torchvision built for another torch harms."""

import subprocess
import sys
from pathlib import Path

import pytest
import tiny_colpali
import tiny_models
from tiny_colpali import needs_engine

pytestmark = needs_engine

BEGIN = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
SEE = """
from rag_reasoner.retrieve.colpali import PageEncoder
from PIL import Image
assert PageEncoder({folder!r}, device="cpu").pages([Image.new("RGB", (60, 80))])[0].rows
"""
JUDGE = """
from rag_reasoner import ReasoningReranker
from rag_reasoner.backends.transformers_local import TransformersLocal
model = TransformersLocal({folder!r}, device="cpu")
assert ReasoningReranker(model, keep="all").rerank("When?", ["In 1962.", "Never."]).ranked
"""
ENGINE = "from rag_reasoner.torchvision_guard import guard; guard(); import colpali_engine.models\n"


def python(code):
    """Runs code in a process of its own, where nothing is imported yet."""
    return subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("first", ["page retrievers", "rerankers"])
def test_page_retrievers_and_rerankers_share_a_process(first):
    see = "".join(SEE.format(folder=tiny_colpali.folder(name)) for name in (*tiny_colpali.NATIVE, *tiny_colpali.ENGINE))
    judge = "".join(JUDGE.format(folder=tiny_models.folder(name)) for name in ("language", "qwen2_5_vl"))
    done = python(see + judge if first == "page retrievers" else judge + see)
    assert done.returncode == 0, done.stderr


def test_weights_of_a_vision_model_are_read_the_same_beside_the_engine():
    # colpali-engine registers names of its own for the weights of Qwen3-VL.
    code = (
        "from rag_reasoner.backends.local.load import load\n"
        f"model = load({tiny_models.folder('qwen3_vl')!r}, dtype='float32', device='cpu').model\n"
        "print(sorted((name, float(one.double().sum())) for name, one in model.state_dict().items()))\n"
    )
    alone, beside = python(code), python(ENGINE + code)
    assert alone.returncode == beside.returncode == 0, beside.stderr
    assert alone.stdout == beside.stdout != "[]\n"


def test_without_the_guard_a_foreign_torchvision_would_take_transformers_down():
    done = python("import torchvision")
    if done.returncode == 0:
        pytest.skip("torchvision is built for the torch that is here")
    assert "torchvision::nms does not exist" in done.stderr
    assert python("from rag_reasoner.torchvision_guard import guard; guard(); import torchvision").returncode == 0
