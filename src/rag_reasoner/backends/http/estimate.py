"""How many tokens messages take, without the tokenizer."""

import re
from collections.abc import Sequence

from rag_reasoner.messages import ImagePart, Message, Part

_TOKENS = re.compile(r"[A-Za-z]{1,3}|[^A-Za-z\s]|\n+")
_PER_MESSAGE, _PER_IMAGE = 8, 1280


def estimate(messages: Sequence[Message]) -> int:
    """About how many tokens messages take, on the high side: a server's tokenizer is not at hand.

    Three letters a token, every digit, mark and character of other scripts one; 1,280 an image.
    """
    return sum(_PER_MESSAGE + sum(map(_weight, message.parts)) for message in messages)


def _weight(part: Part) -> int:
    return _PER_IMAGE if isinstance(part, ImagePart) else sum(1 for _ in _TOKENS.finditer(part.text))
