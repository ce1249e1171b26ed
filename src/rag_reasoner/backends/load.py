"""From what a user names a model by to a backend."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag_reasoner.backends.base import Backend, Completer, Judge
from rag_reasoner.backends.lexical import Lexical
from rag_reasoner.errors import InvalidInput
from rag_reasoner.tasks import Format
from rag_reasoner.types import Image

LoadImage = Callable[[Image], Any]
"""Decodes an image to a `PIL.Image.Image`; raises Unreadable."""

Named = str | Path | Backend | None
"""None (the bundled default), "lexical", a hub id, a folder, a server's address, or a backend."""


def load_backend(model: Named, format: Format | None, load_image: LoadImage) -> Backend:
    """The backend for `model`. Raises InvalidInput for a value that names none, ModelError where loading fails."""
    if isinstance(model, Judge | Completer):
        return model
    if model == "lexical":
        return Lexical()
    if isinstance(model, str) and model.startswith(("http://", "https://")):
        from rag_reasoner.backends.openai_compatible import OpenAICompatible

        return OpenAICompatible(model, format=format, load_image=load_image)
    if model is None or isinstance(model, str | Path):
        from rag_reasoner.backends.transformers_local import TransformersLocal

        return TransformersLocal(model, format=format, load_image=load_image)
    raise InvalidInput(
        f"model={model!r}: give None (the bundled model), 'lexical', a hub id, a folder, a server's address, or an "
        "object that has judge or complete"
    )
