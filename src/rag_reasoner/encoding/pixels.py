"""Images as a vision model's own processor reads them: their tokens, their pixels, and their number of tokens."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rag_reasoner.errors import Unreadable
from rag_reasoner.types import Image

if TYPE_CHECKING:
    import PIL.Image
    import torch

LoadImage = Callable[[Image], "PIL.Image.Image"]
"""Decodes an image; raises `Unreadable`."""

Pixels = Mapping[str, "torch.Tensor"]

_GRIDS, _TILES, _MASK = "image_grid_thw", "pixel_values", "pixel_attention_mask"


def expand(processor: Any, image: "PIL.Image.Image") -> tuple[tuple[int, ...], Pixels]:
    """The tokens and the pixels of one image; `Unreadable` where the processor does not take its shape."""
    text = {"text": [processor.image_token], "add_special_tokens": False}
    try:
        inputs = processor(images=[image], return_tensors="pt", **text)
    except ValueError as error:
        raise Unreadable(f"an image of {image.width} x {image.height} pixels", str(error)) from error
    pixels = {name: inputs[name] for name in (_TILES, _GRIDS, _MASK) if name in inputs}
    return tuple(inputs["input_ids"][0].tolist()), pixels


def tokens(processor: Any, size: tuple[int, int]) -> int:
    """The number of tokens of an image of `size` (width, height): those of a black one."""
    import PIL.Image

    ids, _ = expand(processor, PIL.Image.new("RGB", size))
    return len(ids)


def in_a_row(images: Sequence[Pixels]) -> Pixels:
    """The pixels of one prompt: its images in reading order.

    Qwen-VL lists the patches of all images and their grids; Idefics3 has (prompt, tile, channel, row, column).
    """
    import torch

    if not images:
        return {}
    axis = 0 if _GRIDS in images[0] else 1
    return {name: torch.cat([image[name] for image in images], dim=axis) for name in images[0]}


def stacked(prompts: Sequence[Pixels]) -> Pixels:
    """The pixels of a batch of prompts. Idefics3's are padded with empty tiles, which the model passes over."""
    import torch

    seen = [prompt for prompt in prompts if prompt]
    if not seen or _GRIDS in seen[0]:
        return in_a_row(seen)
    tiles = max(prompt[_TILES].shape[1] for prompt in seen)
    return {name: torch.cat([_padded(p.get(name), like, tiles) for p in prompts]) for name, like in seen[0].items()}


def _padded(tensor: "torch.Tensor | None", like: "torch.Tensor", tiles: int) -> "torch.Tensor":
    shape = (1, tiles, *like.shape[2:])
    padded = like.new_zeros(shape)
    if tensor is not None:
        padded[:, : tensor.shape[1]] = tensor
    return padded
