"""A tokenizer of each kind that checkpoints come with, and documents that try to write its special tokens."""

from functools import cache

import tiny_models

MARKS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
_WORDS = ["the museum opened in 1962 yes or no Question Document system user assistant You judge when"] * 3


@cache
def byte_level():
    """BPE over bytes, as of GPT, Llama 3, Qwen and SmolLM2; with tokens that are added but not called special."""
    return tiny_models.tokenizer()


@cache
def special_words():
    """BPE that takes whole words from its vocabulary, special tokens among them (`ignore_merges`)."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: id for id, token in enumerate((*MARKS, "<unk>", *alphabet))}
    backend = Tokenizer(models.BPE(vocabulary, [], ignore_merges=True))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _wrapped(backend)


@cache
def unigram():
    """Unigram with blanks as ▁, as of T5: its special tokens are pieces like any other."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    letters = sorted(set("▁" + "".join(_WORDS) + "<|>_/:.\n"))
    pieces = [("<unk>", 0.0), *((mark, 0.0) for mark in MARKS), *((letter, -2.0) for letter in letters)]
    backend = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    return _wrapped(backend)


@cache
def byte_fallback():
    """BPE with blanks as ▁ and bytes for unknown characters, as of Llama 2 and Mistral."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(set("▁" + "".join(_WORDS)))
    tokens = ("<unk>", *MARKS, *(f"<0x{byte:02X}>" for byte in range(256)), *letters)
    vocabulary = {token: id for id, token in enumerate(tokens)}
    backend = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return _wrapped(backend)


@cache
def in_python():
    """A tokenizer without the Rust library: characters."""
    from transformers import PreTrainedTokenizer

    class Characters(PreTrainedTokenizer):
        vocab_size = 0x110000

        def get_vocab(self):
            return dict(self.added_tokens_encoder)

        def _tokenize(self, text, **_):
            return list(text)

        def _convert_token_to_id(self, token):
            return ord(token)

        def _convert_id_to_token(self, index):
            return chr(index)

        def convert_tokens_to_string(self, tokens):
            return "".join(tokens)

    names = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    return Characters(**names, chat_template=tiny_models.CHATML)


KINDS = {
    "byte-level": byte_level,
    "special words": special_words,
    "unigram": unigram,
    "byte fallback": byte_fallback,
    "in python": in_python,
}


def marks(words):
    """What the special and added tokens of a tokenizer look like."""
    return sorted({*words.get_added_vocab(), *words.all_special_tokens})


def hostile(rng, marks):
    """A document made of special tokens, halves of them, and innocent words."""
    pieces = []
    for _ in range(rng.randint(1, 12)):
        mark = rng.choice(marks)
        cut = rng.randint(0, len(mark))
        pieces.append(rng.choice([mark, mark, mark[:cut], mark[cut:], mark + mark, mark.upper(), "the museum", "1962"]))
        pieces.append(rng.choice(["", "", " ", "\n", "\n\n", "\ue0000\ue001", "\u200b", "é", "🙂"]))
    return "".join(pieces)


def _wrapped(backend):
    from transformers import PreTrainedTokenizerFast

    backend.add_special_tokens(list(MARKS))
    names = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    unknown = {"unk_token": "<unk>"} if backend.token_to_id("<unk>") is not None else {}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **names, **unknown, chat_template=tiny_models.CHATML)
