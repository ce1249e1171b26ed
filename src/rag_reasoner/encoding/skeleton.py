"""What a chat template writes around the parts of a conversation, found once for each shape of conversation."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rag_reasoner.errors import ModelError
from rag_reasoner.messages import DocumentText, ImagePart, Message, Part, Role

Shape = tuple[tuple[Role, str], ...]
"""The role and the kinds of the parts of each message: "t" for texts in a row, "i" for an image."""


@dataclass(frozen=True, slots=True)
class Run:
    """Text between special tokens: the template's own words (str), and which text stands where (int)."""

    pieces: tuple[str | int, ...]

    def filled(self, texts: Sequence[str] = ()) -> str:
        """The whole text."""
        return "".join(texts[piece] if isinstance(piece, int) else piece for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Special:
    """A token that the template wrote."""

    id: int


@dataclass(frozen=True, slots=True)
class ImageSlot:
    """The place of the next image."""


Skeleton = tuple[Run | Special | ImageSlot, ...]

_SLOT = re.compile("\ue000(\\d+)\ue001")
"""A place-holder. No text of a message is ever rendered, so none can pose as one."""


def slot(number: int) -> str:
    """The place-holder of text `number`."""
    return f"\ue000{number}\ue001"


def shape_of(messages: Iterable[Message]) -> Shape:
    """The shape of a conversation."""
    return tuple((message.role, "".join(kind for kind, _ in _grouped(message))) for message in messages)


def texts_of(messages: Iterable[Message]) -> list[str]:
    """The texts of a conversation; those that stand in a row are one."""
    return [text for message in messages for kind, text in _grouped(message) if kind == "t"]


def without_documents(messages: Iterable[Message]) -> list[Message]:
    """The same conversation with nothing said by any document."""
    return [replace(message, parts=tuple(map(_silenced, message.parts))) for message in messages]


def _silenced(part: Part) -> Part:
    return DocumentText("") if isinstance(part, DocumentText) else part


def parse(rendered: str, shape: Shape, split: Callable[[str], Iterator[str | int]], image_id: int | None) -> Skeleton:
    """The skeleton that `rendered` shows. `split` cuts the template's words into text and ids of its special tokens."""
    skeleton = tuple(_merged(_parts(rendered, split, image_id)))
    asked = "".join(kinds for _, kinds in shape)
    if (written := "".join(_kinds(skeleton))) != asked:
        raise ModelError(
            f"the chat template does not keep texts (t) and images (i) in their order: asked for {asked!r}, "
            f"it wrote {written!r}; give the tokenizer another chat template"
        )
    return skeleton


def _grouped(message: Message) -> Iterator[tuple[str, str]]:
    text: list[str] = []
    for part in message.parts:
        if not isinstance(part, ImagePart):
            text.append(part.text)
            continue
        if text:
            yield "t", "".join(text)
        text = []
        yield "i", ""
    if text:
        yield "t", "".join(text)


def _parts(
    rendered: str, split: Callable[[str], Iterator[str | int]], image_id: int | None
) -> Iterator[Run | Special | ImageSlot]:
    for place, piece in enumerate(_SLOT.split(rendered)):
        if place % 2:
            yield Run((int(piece),))
            continue
        for word in split(piece):
            yield Run((word,)) if isinstance(word, str) else ImageSlot() if word == image_id else Special(word)


def _merged(parts: Iterable[Run | Special | ImageSlot]) -> Iterator[Run | Special | ImageSlot]:
    run: tuple[str | int, ...] = ()
    for part in parts:
        if isinstance(part, Run):
            run += part.pieces
            continue
        if run:
            yield Run(run)
        run = ()
        yield part
    if run:
        yield Run(run)


def _kinds(skeleton: Skeleton) -> Iterator[str]:
    seen = 0
    for part in skeleton:
        if isinstance(part, ImageSlot):
            yield "i"
        for piece in part.pieces if isinstance(part, Run) else ():
            if isinstance(piece, int):
                yield "t" if piece == seen else "?"
                seen += 1
