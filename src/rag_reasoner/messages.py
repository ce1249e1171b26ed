"""What is put to a model: messages of structured parts, in the order in which they are meant to be read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rag_reasoner.types import Image

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Text:
    """Words of ours, or the reader's question."""

    text: str


@dataclass(frozen=True, slots=True)
class DocumentText:
    """Words of a document: data, never instructions, and the only part that may be cut to fit."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image, at the place where it is to be seen."""

    image: Image


Part = Text | DocumentText | ImagePart


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    parts: tuple[Part, ...]


def images(messages: Sequence[Message]) -> Iterator[Image]:
    """The images of `messages` in reading order."""
    for message in messages:
        for part in message.parts:
            if isinstance(part, ImagePart):
                yield part.image


def plain(messages: Sequence[Message]) -> str:
    """The messages as one readable text: what the golden files hold."""
    return "\n".join(f"--- {message.role}\n{''.join(map(_plain_part, message.parts))}" for message in messages)


def _plain_part(part: Part) -> str:
    return "<image>" if isinstance(part, ImagePart) else part.text
