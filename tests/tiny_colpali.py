"""Tiny page retrievers of each family, with random weights: real configurations, real processors, our own tokenizers.

They are saved to a folder and loaded by the same path as a published checkpoint. No weights are fetched.
"""

import atexit
import shutil
import tempfile
from copy import deepcopy
from functools import cache, partial
from importlib.util import find_spec

import pytest
import tiny_models

from rag_reasoner.retrieve.colpali import PageEncoder
from rag_reasoner.torchvision_guard import guard

NATIVE = ("colpali", "colqwen2", "colmodernvbert")
ENGINE = ("colqwen2_5", "colqwen3", "colidefics3")

needs_engine = pytest.mark.skipif(find_spec("colpali_engine") is None, reason="needs the [colpali] extra")
FAMILIES = (*NATIVE, *(pytest.param(name, marks=needs_engine) for name in ENGINE))


def folder(family, seed=0):
    """A folder with a tiny checkpoint of `family`, made once."""
    return _made(family, seed)


@cache
def _made(family, seed):
    place = tempfile.mkdtemp(prefix="tiny-")
    atexit.register(partial(shutil.rmtree, place, ignore_errors=True))
    guard()
    SAVE[family](place, seed)
    return place


@cache
def encoder(family="colmodernvbert", seed=0, dtype="float32"):
    """A tiny encoder; in fp32, so that numbers can be compared."""
    return PageEncoder(folder(family, seed), dtype=dtype, device="cpu")


def _tokenizer(*options):
    """A copy of the tests' tokenizer: processors add their own tokens to the one that they are given."""
    return deepcopy(tiny_models.tokenizer(*options))


def save_colpali(place, seed):
    """PaliGemma with two layers, on squares of 8 x 8 cells."""
    import torch
    from transformers import ColPaliConfig, ColPaliForRetrieval, ColPaliProcessor, SiglipImageProcessor

    words = _tokenizer()
    pictures = SiglipImageProcessor(size={"height": 112, "width": 112})
    pictures.image_seq_length = 64
    reads = ColPaliProcessor(pictures, words)
    text = _gemma(words)
    vision = tiny_models._siglip() | {"image_size": 112, "model_type": "siglip_vision_model", "projection_dim": 64}
    paligemma = {"model_type": "paligemma", "image_token_id": reads.image_token_id, "projection_dim": 64}
    torch.manual_seed(seed)
    config = ColPaliConfig(vlm_config=paligemma | {"text_config": text, "vision_config": vision}, embedding_dim=128)
    tiny_models._save(place, ColPaliForRetrieval(config).eval(), reads)  # loud, it would mix all cells into one


def save_colqwen2(place, seed):
    """Qwen2-VL with two layers."""
    import torch
    from transformers import ColQwen2Config, ColQwen2ForRetrieval, ColQwen2Processor, Qwen2VLImageProcessor

    words = _tokenizer(tiny_models.QWEN, tiny_models._QWEN_TOKENS)
    pictures = Qwen2VLImageProcessor(size={"shortest_edge": 56 * 56, "longest_edge": 224 * 224})
    reads = ColQwen2Processor(pictures, words)
    vision = {"depth": 2, "embed_dim": 32, "hidden_size": 64, "num_heads": 2, "mlp_ratio": 2, "patch_size": 14}
    qwen = {"model_type": "qwen2_vl", "text_config": _qwen_text(words), "vision_config": vision}
    torch.manual_seed(seed)
    config = ColQwen2Config(vlm_config=qwen | _qwen_ids(words), embedding_dim=128)
    tiny_models._save(place, tiny_models._loud(ColQwen2ForRetrieval(config)), reads)


def save_colmodernvbert(place, seed):
    """ModernVBert with two layers, on tiles of 4 x 4 cells."""
    import torch
    from transformers import (
        ColModernVBertConfig,
        ColModernVBertForRetrieval,
        ColModernVBertProcessor,
        Idefics3ImageProcessor,
    )

    words = _tiled_tokenizer()
    reads = ColModernVBertProcessor(_tiles(Idefics3ImageProcessor), words, image_seq_len=16)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = sizes | {"model_type": "modernbert", "vocab_size": len(words), "max_position_embeddings": 1024}
    text |= {f"{end}_token_id": words.eos_token_id for end in ("bos", "eos", "cls", "sep")}
    text |= {"pad_token_id": words.pad_token_id}
    vision = tiny_models._siglip() | {"model_type": "siglip_vision_model"}
    vlm = {"model_type": "modernvbert", "text_config": text, "vision_config": vision, "pixel_shuffle_factor": 1}
    torch.manual_seed(seed)
    config = ColModernVBertConfig(vlm_config=vlm | {"image_token_id": reads.image_token_id}, embedding_dim=128)
    tiny_models._save(place, tiny_models._loud(ColModernVBertForRetrieval(config)), reads)


def save_colqwen2_5(place, seed):
    """ColQwen2.5 with two layers."""
    import torch
    from colpali_engine.models import ColQwen2_5, ColQwen2_5_Processor
    from transformers import Qwen2_5_VLConfig, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    words = _tokenizer(tiny_models.QWEN, tiny_models._QWEN_TOKENS)
    size = {"shortest_edge": 56 * 56, "longest_edge": 224 * 224}
    reads = ColQwen2_5_Processor(Qwen2VLImageProcessor(size=size), words, Qwen2VLVideoProcessor())
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64}
    vision |= {"fullatt_block_indexes": [1], "patch_size": 14, "window_size": 56}
    torch.manual_seed(seed)
    config = Qwen2_5_VLConfig(text_config=_qwen_text(words), vision_config=vision, **_qwen_ids(words))
    tiny_models._save(place, tiny_models._loud(ColQwen2_5(config)), reads)


def save_colqwen3(place, seed):
    """ColQwen3 with two layers."""
    import torch
    from colpali_engine.models import ColQwen3, ColQwen3Processor
    from transformers import Qwen2VLImageProcessor, Qwen3VLConfig, Qwen3VLVideoProcessor

    words = _tokenizer(tiny_models.QWEN, tiny_models._QWEN_TOKENS)
    size = {"shortest_edge": 64 * 64, "longest_edge": 256 * 256}
    pictures = Qwen2VLImageProcessor(patch_size=16, size=size)
    reads = ColQwen3Processor(pictures, words, Qwen3VLVideoProcessor(patch_size=16))
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64}
    vision |= {"deepstack_visual_indexes": [0], "patch_size": 16, "num_position_embeddings": 64}
    text = _qwen_text(words) | {"head_dim": 16}
    torch.manual_seed(seed)
    config = Qwen3VLConfig(text_config=text, vision_config=vision, **_qwen_ids(words))
    tiny_models._save(place, tiny_models._loud(ColQwen3(config)), reads)


def save_colidefics3(place, seed):
    """ColIdefics3 (ColSmol) with two layers, on tiles of 4 x 4 cells."""
    import torch
    from colpali_engine.models import ColIdefics3, ColIdefics3Processor
    from transformers import Idefics3Config, Idefics3ImageProcessor

    words = _tiled_tokenizer()
    reads = ColIdefics3Processor(_tiles(Idefics3ImageProcessor), words, image_seq_len=16)
    torch.manual_seed(seed)
    config = Idefics3Config(
        image_token_id=reads.image_token_id,
        text_config=tiny_models._llama_text(words),
        vision_config=tiny_models._siglip(),
        scale_factor=1,
    )
    tiny_models._save(place, tiny_models._loud(ColIdefics3(config)), reads)


def _tiles(processor):
    """Pages of up to 224 pixels, cut into tiles of 56: 4 x 4 patches of 14 each."""
    return processor(size={"longest_edge": 224}, max_image_size={"longest_edge": 56})


def _tiled_tokenizer():
    special = (*tiny_models._SMOLVLM_TOKENS, "<|begin_of_text|>", *tiny_models._TILES)
    return _tokenizer(tiny_models.SMOLVLM, special)


def _gemma(words):
    sizes = tiny_models._text_sizes(words) | {"num_key_value_heads": 2, "head_dim": 16}
    return sizes | {"model_type": "gemma", "max_position_embeddings": 2048}


def _qwen_text(words):
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    return tiny_models._text_sizes(words) | {"max_position_embeddings": 4096, "rope_parameters": rope}


def _qwen_ids(words):
    id_of = words.convert_tokens_to_ids
    ids = {f"vision_{end}_token_id": id_of(f"<|vision_{end}|>") for end in ("start", "end")}
    return ids | {f"{kind}_token_id": id_of(f"<|{kind}_pad|>") for kind in ("image", "video")}


SAVE = {
    "colpali": save_colpali,
    "colqwen2": save_colqwen2,
    "colmodernvbert": save_colmodernvbert,
    "colqwen2_5": save_colqwen2_5,
    "colqwen3": save_colqwen3,
    "colidefics3": save_colidefics3,
}
