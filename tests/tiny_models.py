"""Tiny random models made on the spot: a language model, vision models of each class, and tokenizers of each kind.

They are saved to a folder and loaded by the same path as a published checkpoint. No weights are fetched.
"""

import atexit
import shutil
import tempfile
from functools import cache, partial

from rag_reasoner.backends.transformers_local import TransformersLocal
from rag_reasoner.torchvision_guard import guard

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for part in m['content'] %}{% if part['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SMOLVLM = (
    "<|im_start|>{% for m in messages %}{{ m['role'] | capitalize }}{% if m['content'][0]['type'] == 'image' %}"
    "{{ ':' }}{% else %}{{ ': ' }}{% endif %}{% for part in m['content'] %}{% if part['type'] == 'text' %}"
    "{{ part['text'] }}{% elif part['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""Templates of our own in the manner of each family: ours keep to the turns that the tests use."""

_WORDS = (
    "Can this document help to answer the question? yes or no: The museum opened in 1962. [1] yes > no, rank\n\n" * 9
)
_QWEN_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
_SMOLVLM_TOKENS = ("<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>")
_TILES = tuple(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7))


@cache
def folder(kind, seed=0):
    """A folder with a tiny model of `kind`, made once."""
    place = tempfile.mkdtemp(prefix="tiny-")
    atexit.register(partial(shutil.rmtree, place, ignore_errors=True))
    guard()
    SAVE[kind](place, seed=seed)
    return place


def backend(kind="language", seed=0, **options):
    """A tiny model of `kind`, loaded as any other; in fp32, so that numbers can be compared."""
    return TransformersLocal(folder(kind, seed), **{"dtype": "float32", "device": "cpu", **options})


@cache
def tokenizer(template=CHATML, special=(), added=("<think>", "</think>")):
    """Byte-level BPE with ChatML's special tokens; `added` ones are not called special."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *special]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=marks, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator([_WORDS], trainer)
    backend.add_tokens([AddedToken(token, normalized=False) for token in added])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=template,
        extra_special_tokens=list(special),
    )


def save_language_model(folder, *, seed=0, context=2048):
    """A Llama of two layers with random weights, in `folder`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    reads = tokenizer()
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(**_text_sizes(reads), max_position_embeddings=context))
    _save(folder, _loud(model), reads)


def save_qwen2_5_vl(folder, *, seed=0):
    """A Qwen2.5-VL of two layers with random weights and its full processor, in `folder`."""
    import torch
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    reads = _qwen_processor()
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64}
    vision |= {"fullatt_block_indexes": [1], "patch_size": 14, "window_size": 56}
    torch.manual_seed(seed)
    config = Qwen2_5_VLConfig(text_config=_qwen_text(reads), vision_config=vision, **_qwen_ids(reads))
    _save(folder, _loud(Qwen2_5_VLForConditionalGeneration(config)), reads)


def save_qwen3_vl(folder, *, seed=0):
    """A Qwen3-VL of two layers with random weights and its full processor, in `folder`."""
    import torch
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    reads = _qwen_processor(patch_size=16, third=True)
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 64}
    vision |= {"deepstack_visual_indexes": [0], "patch_size": 16, "num_position_embeddings": 64}
    text = _qwen_text(reads) | {"head_dim": 16}
    torch.manual_seed(seed)
    config = Qwen3VLConfig(text_config=text, vision_config=vision, **_qwen_ids(reads))
    _save(folder, _loud(Qwen3VLForConditionalGeneration(config)), reads)


def save_idefics3(folder, *, seed=0):
    """An Idefics3 of two layers with random weights and its full processor, in `folder`."""
    import torch
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3ImageProcessor, Idefics3Processor

    words = tokenizer(SMOLVLM, (*_SMOLVLM_TOKENS, *_TILES))
    pictures = Idefics3ImageProcessor(size={"longest_edge": 112}, max_image_size={"longest_edge": 56})
    reads = Idefics3Processor(pictures, words, image_seq_len=4, chat_template=SMOLVLM)
    torch.manual_seed(seed)
    config = Idefics3Config(
        image_token_id=reads.image_token_id, text_config=_llama_text(words), vision_config=_siglip(), scale_factor=2
    )
    _save(folder, _loud(Idefics3ForConditionalGeneration(config)), reads)


def save_smolvlm(folder, *, seed=0):
    """A SmolVLM of two layers with random weights and its full processor, in `folder`."""
    import torch
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    words = tokenizer(SMOLVLM, (*_SMOLVLM_TOKENS, *_TILES))
    sizes = {"size": {"longest_edge": 112}, "max_image_size": {"longest_edge": 56}}
    pictures, films = SmolVLMImageProcessor(**sizes), SmolVLMVideoProcessor(**sizes)
    reads = SmolVLMProcessor(pictures, words, films, image_seq_len=4, chat_template=SMOLVLM)
    torch.manual_seed(seed)
    config = SmolVLMConfig(
        image_token_id=reads.image_token_id, text_config=_llama_text(words), vision_config=_siglip(), scale_factor=2
    )
    _save(folder, _loud(SmolVLMForConditionalGeneration(config)), reads)


def _qwen_processor(patch_size=14, *, third=False):
    from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    words = tokenizer(QWEN, _QWEN_TOKENS)
    size = {"shortest_edge": 56 * 56, "longest_edge": 112 * 112}
    pictures = Qwen2VLImageProcessor(patch_size=patch_size, size=size)
    if not third:
        films = Qwen2VLVideoProcessor(patch_size=patch_size)
        return Qwen2_5_VLProcessor(pictures, words, films, chat_template=QWEN)
    from transformers import Qwen3VLProcessor, Qwen3VLVideoProcessor

    return Qwen3VLProcessor(pictures, words, Qwen3VLVideoProcessor(patch_size=patch_size), chat_template=QWEN)


def _qwen_ids(reads):
    id_of = reads.tokenizer.convert_tokens_to_ids
    ids = {f"vision_{end}_token_id": id_of(f"<|vision_{end}|>") for end in ("start", "end")}
    return ids | {"image_token_id": reads.image_token_id, "video_token_id": reads.video_token_id}


def _text_sizes(reads):
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    ids = {"bos_token_id": reads.bos_token_id, "eos_token_id": reads.eos_token_id, "pad_token_id": reads.pad_token_id}
    return sizes | ids | {"num_key_value_heads": 2, "vocab_size": len(reads)}


def _qwen_text(reads):
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    return _text_sizes(reads.tokenizer) | {"max_position_embeddings": 4096, "rope_parameters": rope}


def _llama_text(words):
    return _text_sizes(words) | {"model_type": "llama", "max_position_embeddings": 4096}


def _siglip():
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return sizes | {"image_size": 56, "patch_size": 14}


def _loud(model):
    """Random weights of a size at which the model has opinions: P(yes) differs from prompt to prompt."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6)
    return model.eval()


def _save(folder, model, reads):
    model.save_pretrained(folder)
    reads.save_pretrained(folder)


SAVE = {
    "language": save_language_model,
    "qwen2_5_vl": save_qwen2_5_vl,
    "qwen3_vl": save_qwen3_vl,
    "idefics3": save_idefics3,
    "smolvlm": save_smolvlm,
}
VISION = ("qwen2_5_vl", "qwen3_vl", "idefics3", "smolvlm")
