"""Pages and questions become vectors: one for each patch of an image, one for each token of a question."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag_reasoner.candidates import checked_query
from rag_reasoner.errors import ModelError, QueryTooLong, Unreadable
from rag_reasoner.retrieve.colpali.arrangement import Cells, in_grid, in_square, in_tiles
from rag_reasoner.retrieve.colpali.load import Loaded, load
from rag_reasoner.retrieve.store.base import Identity

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

Vectors = NDArray[np.float32]

_IGNORED = ("labels",)
"""What processors give for training only."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPage:
    """A page's vectors, (tokens, dim) in fp32: first `rows` x `columns` cells row by row, then the prompt's.

    `rows` and `columns` are 0 where the model does not tell which vector stands where.
    """

    vectors: Vectors = field(repr=False)
    rows: int
    columns: int


@dataclass(frozen=True, slots=True, eq=False)
class EncodedQuery:
    """A question's vectors, (tokens, dim) in fp32. `asked` are the places of the question's own words: the others
    are the model's prefix and the room that it has to think in.
    """

    vectors: Vectors = field(repr=False)
    asked: tuple[int, ...]


class PageEncoder:
    """A late-interaction vision model. `model` is a folder or a hub id; bf16 where the device computes in it.

    Raises MissingExtra and ModelError as `load` does. One thread encodes at a time.
    """

    def __init__(self, model: str | Path, *, device: str | None = None, dtype: str | None = None) -> None:
        self._loaded: Loaded = load(model, device=device, dtype=dtype)
        self._lock = Lock()

    @property
    def name(self) -> str:
        """The model as it was asked for."""
        return self._loaded.name

    @property
    def identity(self) -> Identity:
        """What a store must say of itself for its vectors to be comparable: the last part of the model's name, and a
        fingerprint of its weights and settings.
        """
        return Identity(Path(self.name).name, self.dim, settings={"fingerprint": self._loaded.fingerprint})

    @property
    def dim(self) -> int:
        """Numbers in a vector."""
        model = self._loaded.model
        return int(getattr(model, "embedding_dim", None) or model.dim)

    @property
    def context(self) -> int:
        """The most tokens that the model takes."""
        text = self._loaded.model.config.get_text_config()
        most = getattr(text, "max_position_embeddings", None) or self._processor.tokenizer.model_max_length
        return int(min(most, self._processor.tokenizer.model_max_length))

    @property
    def resolution(self) -> Mapping[str, Any]:
        """How large a page is to be drawn, as options of `rag_reasoner.pages.load`: more the model would not see."""
        pictures, size = self._processor.image_processor, dict(self._processor.image_processor.size)
        match self._loaded.family.arrangement:
            case "square":
                return {"max_pixels": 2 * int(size["height"]) * int(size["width"])}  # A4 is stretched, not blown up
            case "grid":
                return {"max_pixels": int(getattr(pictures, "max_pixels", None) or size["longest_edge"])}
            case _:
                return {"size": (int(size["longest_edge"]), int(size["longest_edge"]))}

    def pages(self, images: Sequence["Pixels"]) -> list[EncodedPage]:
        """One batch. Raises Unreadable where the model does not take an image's shape."""
        if not images:
            return []
        try:
            inputs = self._processor.process_images(list(images))
        except ValueError as error:
            shapes = ", ".join(f"{image.width} x {image.height}" for image in images)
            raise Unreadable(f"images of {shapes} pixels", f"the model does not take them: {error}") from error
        return list(self._encoded_pages(inputs, images))

    def query(self, text: str) -> EncodedQuery:
        """Raises InvalidInput for an empty question, QueryTooLong for one that the model's context does not hold."""
        question = self._plain(checked_query(text))
        inputs = self._processor.process_queries([question])
        length = int(inputs["input_ids"].shape[1])
        if length > self.context:
            raise QueryTooLong(f"the question has {length:,} tokens, {self.name!r} takes {self.context:,}: shorten it")
        (vectors,) = self._vectors(inputs)
        return EncodedQuery(vectors, self._asked(inputs["input_ids"][0].tolist()))

    @property
    def _processor(self) -> Any:
        return self._loaded.processor

    def _encoded_pages(self, inputs: Any, images: Sequence["Pixels"]) -> Iterator[EncodedPage]:
        seen = inputs["input_ids"] == self._processor.image_token_id
        kept = inputs["attention_mask"].bool()
        for number, vectors in enumerate(self._vectors(inputs)):
            cells = self._cells(inputs, number, seen[number][kept[number]].numpy(), images[number].size)
            yield EncodedPage(vectors[cells.order], cells.rows, cells.columns)

    def _cells(self, inputs: Any, number: int, seen: NDArray[np.bool_], size: tuple[int, int]) -> Cells:
        pictures = self._processor.image_processor
        match self._loaded.family.arrangement:
            case "square":
                return in_square(seen)
            case "grid":
                _, rows, columns = inputs["image_grid_thw"][number].tolist()
                return in_grid(seen, rows // pictures.merge_size, columns // pictures.merge_size)
            case _:
                _, rows, columns = pictures.get_number_of_image_patches(size[1], size[0], {})
                return in_tiles(seen, rows, columns, self._processor.image_seq_len)

    def _vectors(self, inputs: Any) -> list[Vectors]:
        """What the model makes of a batch, without the padding."""
        import torch

        model = self._loaded.model
        with self._lock, torch.inference_mode():
            found = model(**_placed(inputs, model))
        embeddings = getattr(found, "embeddings", found).float().cpu()
        kept = inputs["attention_mask"].bool()
        return [_checked(embeddings[number][kept[number]].numpy(), self.name) for number in range(len(embeddings))]

    def _plain(self, question: str) -> str:
        """`question` with every special token of the model's taken apart: a question cannot show an image."""
        words = self._processor.tokenizer
        marks = {mark.strip() for mark in (*words.all_special_tokens, *words.get_added_vocab())}
        apart = [mark for mark in marks if len(mark) > 1 and not mark[1].isspace()]
        while found := next((mark for mark in apart if mark in question), None):
            question = question.replace(found, f"{found[0]} {found[1:]}")
        return question

    def _asked(self, ids: list[int]) -> tuple[int, ...]:
        """The places of a question's own words in its tokens: after the prefix, before the room to think."""
        words = self._processor.tokenizer
        prefix = words(self._processor.query_prefix.rstrip(), add_special_tokens=False)["input_ids"]
        (room,) = words(self._processor.query_augmentation_token, add_special_tokens=False)["input_ids"]
        start = next((place for place, id in enumerate(ids) if id not in words.all_special_ids), 0)
        start += _shared(prefix, ids[start:])
        end = ids.index(room, start) if room in ids[start:] else len(ids)
        return tuple(range(start, end))


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many numbers both begin with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _placed(inputs: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """The inputs where the model is, pixels in its precision."""
    return {
        name: value.to(model.device, model.dtype) if value.is_floating_point() else value.to(model.device)
        for name, value in inputs.items()
        if name not in _IGNORED
    }


def _checked(vectors: Vectors, name: str) -> Vectors:
    """The vectors as the model gave them, if they are numbers."""
    if not np.isfinite(vectors).all():
        raise ModelError(f"{name!r} gives vectors that are no numbers; try dtype='float32'")
    return vectors
