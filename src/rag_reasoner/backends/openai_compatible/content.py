"""Messages as chat completions take them: text and images where they stand, documents without special strings."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from rag_reasoner.backends.openai_compatible.special import broken_up
from rag_reasoner.messages import ImagePart, Message, Part
from rag_reasoner.types import Image

ImageUrl = Callable[[Image], str]
"""The data URL of an image; raises Unreadable."""


def chat(messages: Sequence[Message], image_url: ImageUrl) -> list[dict[str, Any]]:
    """The `messages` of a request; the same images give the same bytes, so that a server's prefix cache hits."""
    return [{"role": message.role, "content": _content(message.parts, image_url)} for message in messages]


def _content(parts: Sequence[Part], image_url: ImageUrl) -> str | list[dict[str, Any]]:
    """Plain text where there is no image: every server takes that."""
    if not any(isinstance(part, ImagePart) for part in parts):
        return _joined(parts)
    return list(_parts(parts, image_url))


def _parts(parts: Sequence[Part], image_url: ImageUrl) -> Iterator[dict[str, Any]]:
    for pictured, group in groupby(parts, lambda part: isinstance(part, ImagePart)):
        if not pictured:
            yield {"type": "text", "text": _joined(group)}
            continue
        for part in group:
            assert isinstance(part, ImagePart)
            yield {"type": "image_url", "image_url": {"url": image_url(part.image)}}


def _joined(parts: Sequence[Part] | Iterator[Part]) -> str:
    return broken_up("".join(part.text for part in parts if not isinstance(part, ImagePart)))
