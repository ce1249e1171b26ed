"""What is loaded, and how it is refused: clear errors, no remote code, adapters only on the base they were made for."""

import json
import shutil

import pytest

pytest.importorskip("transformers")

import tiny_models
from small_tasks import of

from rag_reasoner.backends.local.device import device_for, dtype_for
from rag_reasoner.backends.transformers_local import TransformersLocal
from rag_reasoner.errors import AdapterRefused, ModelError
from rag_reasoner.models import base_hash
from rag_reasoner.tasks import FORMAT, OrderTask, RelevanceTask, show
from rag_reasoner.types import Candidate, Document

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:transformers")  # of peft's, where a test makes adapters


@pytest.fixture
def base(tmp_path):
    return shutil.copytree(tiny_models.folder("language"), tmp_path / "base")


def make_adapter(folder, base, /, **card):
    """A LoRA adapter with random weights, and its card."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(base)
    options = {"r": 2, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": False, "task_type": "CAUSAL_LM"}
    get_peft_model(model, LoraConfig(**options)).save_pretrained(folder)
    told = {"format_version": FORMAT, "base_hash": base_hash(base), "base": str(base), **card}
    (folder / "card.json").write_text(json.dumps(told))
    return folder


def ask(backend):
    (judged,) = backend.judge([RelevanceTask("when?", show(Candidate(Document("a", "It opened in 1962."))))])
    return judged.probability


def test_a_folder_that_holds_an_adapter_loads_its_base_and_the_adapter(tmp_path, base):
    adapter = make_adapter(tmp_path / "adapter", base, format="mm_r5")
    adapted = TransformersLocal(adapter, dtype="float32", device="cpu")
    assert adapted.card.format == "mm_r5"
    assert adapted.card.trained
    assert ask(adapted) != pytest.approx(ask(tiny_models.backend()), abs=1e-3)
    given = TransformersLocal(base, adapter=adapter, dtype="float32", device="cpu")
    assert ask(given) == ask(adapted)


def test_a_merged_adapter_says_what_the_adapter_beside_its_base_says(tmp_path, base):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    adapter = make_adapter(tmp_path / "adapter", base)
    merged = TransformersLocal(adapter, dtype="float32", device="cpu")._loaded.model
    beside = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(adapter))
    ids = torch.arange(40)[None]
    with torch.inference_mode():
        assert torch.allclose(merged(ids).logits, beside(ids).logits, atol=1e-4)


def test_an_adapter_of_another_format_version_is_refused_with_both(tmp_path, base):
    adapter = make_adapter(tmp_path / "adapter", base, format_version=FORMAT + 1)
    with pytest.raises(AdapterRefused, match=f"format {FORMAT + 1}, and this release speaks format {FORMAT}"):
        TransformersLocal(adapter)


def test_an_adapter_of_another_base_is_refused_with_both(tmp_path, base):
    adapter = make_adapter(tmp_path / "adapter", base, base_hash="0" * 64)
    with pytest.raises(AdapterRefused, match=f"base weights {'0' * 64}, and these are {base_hash(base)}"):
        TransformersLocal(adapter)


def test_an_adapter_without_a_card_is_refused(tmp_path, base):
    adapter = make_adapter(tmp_path / "adapter", base)
    (adapter / "card.json").unlink()
    with pytest.raises(ModelError, match="has no card"):
        TransformersLocal(adapter)


def test_a_calibrated_adapter_calibrates_what_it_judges(tmp_path, base):
    plain = ask(TransformersLocal(make_adapter(tmp_path / "a", base), dtype="float32", device="cpu"))
    flat = {"isotonic": {"x": [0.0, 1.0], "y": [0.2, 0.4]}}
    calibrated = TransformersLocal(make_adapter(tmp_path / "b", base, calibration=flat), dtype="float32", device="cpu")
    assert calibrated.card.calibrated
    assert ask(calibrated) == pytest.approx(0.2 + 0.2 * plain)


def test_what_cannot_be_found_is_said_with_what_to_do(tmp_path):
    with pytest.raises(ModelError, match=r"'.*nowhere'.* neither a folder with a model nor a hub id"):
        TransformersLocal(tmp_path / "nowhere")


def test_a_kind_of_model_that_is_not_supported_is_refused_with_those_that_are(base):
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "model_type": "vit"}))
    with pytest.raises(ModelError, match=r"is a 'vit', which is not supported: .* qwen2_5_vl, qwen3_vl, idefics3"):
        TransformersLocal(base)


def test_weights_that_are_not_safetensors_are_refused(base):
    (base / "model.safetensors").rename(base / "pytorch_model.bin")
    with pytest.raises(ModelError, match="only safetensors are"):
        TransformersLocal(base)


def test_code_that_comes_with_a_model_never_runs(base, tmp_path):
    config = json.loads((base / "config.json").read_text())
    config |= {"model_type": "surprise", "auto_map": {"AutoConfig": "surprise.Config"}}
    (base / "config.json").write_text(json.dumps(config))
    (base / "surprise.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\n")
    with pytest.raises(ModelError):
        TransformersLocal(base)
    assert not (tmp_path / "ran").exists()


def test_a_sampling_checkpoint_still_decodes_greedily(base):
    stored = {"do_sample": True, "temperature": 5.0, "repetition_penalty": 3.0, "eos_token_id": 2}
    (base / "generation_config.json").write_text(json.dumps(stored))
    tasks = [of(OrderTask, 3)]
    hot = TransformersLocal(base, dtype="float32", device="cpu")
    assert hot.complete(tasks)[0].text == tiny_models.backend().complete(tasks)[0].text


def test_the_format_is_an_argument_or_the_checkpoints_own_and_never_a_guess(base):
    assert TransformersLocal(base, format="mm_r5").card.format == "mm_r5"
    renamed = base.rename(base.parent / "MM-R5")
    assert TransformersLocal(renamed).card.format == "rag_reasoner"


def test_a_model_that_was_not_made_by_us_is_not_called_untrained(base):
    assert TransformersLocal(base).card.trained


def test_without_an_adapter_the_default_model_is_untrained_and_held_and_with_the_packaged_one_it_is_not(
    tmp_path, base, monkeypatch
):
    monkeypatch.setattr("rag_reasoner.backends.local.load.pull", lambda: base)
    monkeypatch.setattr("rag_reasoner.backends.local.load.PACKAGED_ADAPTER", tmp_path / "adapter")
    bare = TransformersLocal()
    assert (bare.card.name, bare.card.trained, bare._held) == ("SmolLM2-135M-Instruct", False, True)
    untrained = ask(bare)
    make_adapter(tmp_path / "adapter", base, base="default")
    packaged, given = TransformersLocal(), TransformersLocal(tmp_path / "adapter")
    assert (packaged.card.name, packaged.card.trained, packaged._held) == (
        "SmolLM2-135M-Instruct + adapter",
        True,
        False,
    )
    assert ask(packaged) == ask(given) != ask(bare)
    named = TransformersLocal("SmolLM2-135M-Instruct")
    assert (named.card.trained, ask(named)) == (False, untrained)


@pytest.mark.parametrize(("device", "dtype"), [("tpu9", None), ("cpu", "int3")])
def test_an_unknown_device_or_precision_is_refused(device, dtype):
    with pytest.raises(ModelError, match=r"unknown (device|dtype)"):
        dtype_for(dtype, device_for(device))
