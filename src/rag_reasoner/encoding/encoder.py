"""The encoder of one tokenizer or processor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any

from rag_reasoner.encoding import pixels
from rag_reasoner.encoding.pixels import LoadImage, Pixels
from rag_reasoner.encoding.plain_text import Ids, PlainText
from rag_reasoner.encoding.skeleton import (
    ImageSlot,
    Run,
    Shape,
    Skeleton,
    Special,
    parse,
    shape_of,
    slot,
    texts_of,
    without_documents,
)
from rag_reasoner.errors import InvalidInput, ModelError
from rag_reasoner.messages import Message
from rag_reasoner.messages import images as images_of
from rag_reasoner.types import Image

ImageSize = Callable[[Image], tuple[int, int]]
"""Width and height of an image as it is decoded."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A conversation as a model reads it.

    `ids[:opening]` does not depend on any document: it is the same for all candidates of a question.
    `ids[reply_start:]` is the reply, the token that ends it included; empty where the prompt awaits one.
    """

    ids: Ids
    reply_start: int
    opening: int = 0
    pixels: Pixels = field(default_factory=dict, repr=False, compare=False)
    images: int = 0


def encode(messages: Sequence[Message], reads: Any, *, load_image: LoadImage | None = None) -> Encoded:
    """`messages` for the tokenizer or processor `reads`: a prompt, and its reply where the assistant speaks last."""
    return encoder_of(reads).encode(messages, load_image)


@lru_cache(maxsize=8)
def encoder_of(reads: Any) -> "Encoder":
    """The encoder of a tokenizer or processor, made once."""
    return Encoder(reads)


class Encoder:
    """Encodes and counts for one tokenizer, or for one processor of text and images."""

    def __init__(self, reads: Any) -> None:
        self.processor = reads if hasattr(reads, "image_processor") else None
        self.tokenizer = reads.tokenizer if self.processor else reads
        self._template = getattr(self.processor, "chat_template", None)
        self._plain = PlainText(self.tokenizer)
        self._skeletons: dict[Shape, Skeleton] = {}
        self._image_tokens = lru_cache(maxsize=1024)(partial(pixels.tokens, self.processor))

    def encode(self, messages: Sequence[Message], load_image: LoadImage | None = None) -> Encoded:
        """`messages` as the model reads them."""
        asked, reply = _apart(messages)
        self._check_reads(asked)
        seen = [pixels.expand(self.processor, _given(load_image)(image)) for image in images_of(asked)]
        prompt = self._prompt_ids(asked, [ids for ids, _ in seen])
        written = () if reply is None else self.reply_ids(reply) + self._end
        opening = common(prompt, self._prompt_ids(without_documents(asked), [()] * len(seen)))
        return Encoded(prompt + written, len(prompt), opening, pixels.in_a_row([image for _, image in seen]), len(seen))

    def count(self, messages: Sequence[Message], image_size: ImageSize | None = None) -> int:
        """The number of tokens of `messages`; of an image nothing but its size is asked for."""
        asked, reply = _apart(messages)
        self._check_reads(asked)
        seen = [self._image_tokens(_given(image_size)(image)) for image in images_of(asked)]
        written = 0 if reply is None else len(self.reply_ids(reply) + self._end)
        return len(self._prompt_ids(asked, [()] * len(seen))) + sum(seen) + written

    def reply_ids(self, text: str) -> Ids:
        """The tokens of a reply as they follow the prompt."""
        return self.text_ids(self._turn[0] + text)

    def text_ids(self, text: str) -> Ids:
        """The tokens of a text within a reply."""
        (ids,) = self._plain.encode([text])
        return ids

    @property
    def special_ids(self) -> frozenset[int]:
        """Every id that no text yields."""
        return self._plain.forbidden

    @property
    def image_id(self) -> int | None:
        """The id of the image token, where the model reads images."""
        return int(self.processor.image_token_id) if self.processor else None

    @property
    def marks_images(self) -> bool:
        """Whether the model wants to be told which tokens are an image's (Qwen-VL finds positions by it)."""
        return self.processor is not None and "mm_token_type_ids" in self.processor.model_input_names

    @property
    def end_id(self) -> int | None:
        """The token that ends the assistant's turn."""
        return self._end[-1] if self._end else None

    def _prompt_ids(self, asked: Sequence[Message], image_ids: Sequence[Ids]) -> Ids:
        skeleton = self._skeleton(shape_of(asked))
        texts = texts_of(asked)
        runs = iter(self._plain.encode([part.filled(texts) for part in skeleton if isinstance(part, Run)]))
        seen = iter(image_ids)
        ids: list[int] = []
        for part in skeleton:
            ids += (part.id,) if isinstance(part, Special) else next(seen if isinstance(part, ImageSlot) else runs)
        return tuple(ids)

    def _skeleton(self, shape: Shape) -> Skeleton:
        if shape not in self._skeletons:
            self._skeletons[shape] = self._parse(self._render(shape, generation_prompt=True), shape)
        return self._skeletons[shape]

    def _parse(self, rendered: str, shape: Shape) -> Skeleton:
        return parse(rendered, shape, self._plain.split, self.image_id)

    def _render(self, shape: Shape, *, generation_prompt: bool) -> str:
        """What the template writes. Models that think at will are asked not to: our formats hold their own reasons."""
        from jinja2 import TemplateError

        options = {"tokenize": False, "add_generation_prompt": generation_prompt, "enable_thinking": False}
        try:
            written = self.tokenizer.apply_chat_template(
                self._conversation(shape), chat_template=self._template, **options
            )
        except (ValueError, TemplateError) as error:
            turns = ", ".join(role for role, _ in shape)
            raise ModelError(f"the chat template of this model cannot write the turns {turns}: {error}") from error
        return str(written)

    def _conversation(self, shape: Shape) -> list[dict[str, Any]]:
        numbers = iter(range(sum(kinds.count("t") for _, kinds in shape)))
        return [{"role": role, "content": self._content(kinds, numbers)} for role, kinds in shape]

    def _content(self, kinds: str, numbers: Any) -> Any:
        if not self.processor:
            return "".join(slot(next(numbers)) for _ in kinds)
        return [{"type": "text", "text": slot(next(numbers))} if kind == "t" else {"type": "image"} for kind in kinds]

    def _check_reads(self, messages: Sequence[Message]) -> None:
        if not self.processor and any(images_of(messages)):
            raise InvalidInput("this model does not read images: leave them out, or choose one that does")

    @cached_property
    def _turn(self) -> tuple[str, str]:
        """What the template writes between the prompt and a reply, and after the reply."""
        asked: Shape = (("user", "t"),)
        prompt = self._render(asked, generation_prompt=True)
        whole = self._render((*asked, ("assistant", "t")), generation_prompt=False)
        before, _, after = whole.partition(slot(1))
        return before[len(prompt) :] if before.startswith(prompt) else "", after

    @cached_property
    def _end(self) -> Ids:
        """The tokens after a reply, up to and with the first special one: what a model writes to end its turn."""
        ids: Ids = ()
        for word in self._plain.split(self._turn[1]):
            if isinstance(word, int):
                return (*ids, word)
            ids += self.text_ids(word)
        return ()


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences share at their beginning."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))


def _apart(messages: Sequence[Message]) -> tuple[Sequence[Message], str | None]:
    """The prompt, and the reply where the assistant speaks last."""
    if not messages or messages[-1].role != "assistant":
        return messages, None
    return messages[:-1], "".join(texts_of(messages[-1:]))


def _given(loader: Any) -> Any:
    if loader is None:
        raise InvalidInput("messages with images need a way to load them: give `load_image` (for counts `image_size`)")
    return loader
