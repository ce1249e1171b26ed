"""A page retriever with random weights, built on the spot, so that the notebooks run without a model hub.

It finds pages in no sensible order. For one that does, give the notebooks a published checkpoint:
RAG_REASONER_RETRIEVER=vidore/colqwen2-v1.0-hf, or any other of docs/retrieval.md.
"""

import tempfile

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from rag_reasoner.torchvision_guard import guard

guard()  # before transformers: torchvision may be built for another torch

from transformers import (  # noqa: E402
    ColModernVBertConfig,
    ColModernVBertForRetrieval,
    ColModernVBertProcessor,
    Idefics3ImageProcessor,
    PreTrainedTokenizerFast,
)

TILES = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
MARKS = ["<pad>", "<eos>", "<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>", *TILES]


def build() -> str:
    """A folder with the model and its processor, as a published checkpoint has them."""
    folder = tempfile.mkdtemp(prefix="tiny-retriever-")
    words = tokenizer()
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    ends = {f"{end}_token_id": words.eos_token_id for end in ("bos", "eos", "cls", "sep")}
    text = {"model_type": "modernbert", **sizes, **ends, "pad_token_id": 0, "vocab_size": len(words)}
    vision = {"model_type": "siglip_vision_model", **sizes, "image_size": 112, "patch_size": 14}
    vlm = {"model_type": "modernvbert", "text_config": text, "vision_config": vision, "pixel_shuffle_factor": 1}
    pictures = Idefics3ImageProcessor(size={"longest_edge": 224}, max_image_size={"longest_edge": 112})
    processor = ColModernVBertProcessor(pictures, words, image_seq_len=64)
    config = ColModernVBertConfig(vlm_config={**vlm, "image_token_id": processor.image_token_id}, embedding_dim=128)
    ColModernVBertForRetrieval(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def tokenizer() -> PreTrainedTokenizerFast:
    """Bytes, and the marks that images are framed by."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=MARKS, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(["how many cases were in the inventory? "], trainer)
    ends = {"pad_token": MARKS[0], "eos_token": MARKS[1]}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **ends, extra_special_tokens=MARKS[2:])
