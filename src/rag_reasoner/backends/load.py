"""From what a user names a model by to a backend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag_reasoner.backends.base import Backend, Completer, Judge
from rag_reasoner.backends.http.address import checked_url
from rag_reasoner.backends.lexical import Lexical
from rag_reasoner.backends.openai_compatible.dialects import CONTEXT, Name
from rag_reasoner.errors import InvalidInput
from rag_reasoner.tasks import Format
from rag_reasoner.types import Image

if TYPE_CHECKING:
    from rag_reasoner.backends.openai_compatible import OpenAICompatible

LoadImage = Callable[[Image], Any]
"""Decodes an image to a `PIL.Image.Image`; raises Unreadable."""

Named = str | Path | Backend | None
"""None (the bundled default), "lexical", a hub id, a folder, a server's address, or a backend."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a model is asked, and what its server does not tell: its context, if it sees images, and what it speaks.

    Raises InvalidInput for an address that cannot be used.
    """

    base_url: str
    context: int | None = None
    dialect: Name | None = None
    reads_images: bool = False

    def __post_init__(self) -> None:
        checked_url(self.base_url)

    def backend(
        self, model: str | None, format: Format | None, image_roots: Sequence[str | PathLike[str]] = (".",)
    ) -> "OpenAICompatible":
        """The backend that asks for `model` here; None is the server's only one."""
        from rag_reasoner.backends.openai_compatible import OpenAICompatible

        return OpenAICompatible(
            self.base_url,
            model,
            dialect=self.dialect,
            context=self.context or CONTEXT,
            format=format,
            reads_images=self.reads_images,
            image_roots=image_roots,
        )


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
