"""Text as token ids of which none is special, whatever the text says."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

Ids = tuple[int, ...]


class PlainText:
    """Tokenises text with a twin of a tokenizer that knows none of its added tokens.

    `split_special_tokens=True` would not do: it still matches the added tokens that are not called special, such as
    `<think>`. Added tokens that are nothing but white space are text and stay.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._added = _added_tokens(tokenizer)
        self.forbidden = frozenset(self._added.values())
        self._marks = _any_of(self._added)
        self._tokenizer = tokenizer
        self._twin = _twin(tokenizer) if getattr(tokenizer, "is_fast", False) else None

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """The tokens of each text by itself."""
        return [
            ids if self.forbidden.isdisjoint(ids) else self._broken_up(text)
            for text, ids in zip(texts, self._encode(texts), strict=True)
        ]

    def split(self, text: str) -> Iterator[str | int]:
        """`text` of a chat template, cut into words and the ids of the added tokens in it."""
        for place, piece in enumerate(self._marks.split(text)):
            if place % 2:
                yield self._added[piece]
            elif piece:
                yield piece

    def _encode(self, texts: Sequence[str]) -> list[Ids]:
        if self._twin is not None:
            return [tuple(found.ids) for found in self._twin.encode_batch_fast(list(texts), add_special_tokens=False)]
        plain = {"add_special_tokens": False, "split_special_tokens": True}
        return [tuple(self._tokenizer.encode(text, **plain)) for text in texts]

    def _broken_up(self, text: str) -> Ids:
        """For vocabularies that spell a special token as a word (Unigram's `</s>`): its characters one by one."""
        pieces = [part for piece in self._marks.split(text) for part in (piece if piece in self._added else (piece,))]
        return tuple(id for ids in self._encode(pieces) for id in ids if id not in self.forbidden)


def _added_tokens(tokenizer: Any) -> dict[str, int]:
    """Added tokens by what they look like, without those of white space and the one for unknown characters."""
    special = zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    added = {**{str(token): id for id, token in tokenizer.added_tokens_decoder.items()}, **dict(special)}
    unknown = tokenizer.unk_token if tokenizer.unk_token_id not in _controls(tokenizer) else None
    return {token: id for token, id in added.items() if token and not token.isspace() and token != unknown}


def _controls(tokenizer: Any) -> set[int | None]:
    return {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}


def _any_of(tokens: dict[str, int]) -> re.Pattern[str]:
    longest_first = sorted(tokens, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})")


def _twin(tokenizer: Any) -> Any:
    """A copy of the tokenizer without added tokens, post-processing, truncation and padding."""
    from tokenizers import Tokenizer

    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    blanks = [token for token in spec["added_tokens"] if token["content"].isspace()]
    spec |= {"added_tokens": blanks, "post_processor": None, "truncation": None, "padding": None}
    _never_prefix(spec.get("pre_tokenizer"))
    return Tokenizer.from_str(json.dumps(spec))


def _never_prefix(pre_tokenizer: dict[str, Any] | None) -> None:
    """A text in the midst of a conversation does not get the blank that SentencePiece puts before the first word."""
    for step in (pre_tokenizer or {}).get("pretokenizers", [pre_tokenizer] if pre_tokenizer else []):
        if step["type"] == "Metaspace" and step["prepend_scheme"] == "first":
            step["prepend_scheme"] = "never"
