"""Lets transformers be imported where torchvision was built for another torch (a CUDA build beside a CPU torch).

Such a torchvision cannot load its operators, and then fails on import, and with it all of transformers. Reading and
resizing images needs none of these operators: declaring their names is enough. Call `guard` before transformers is
first imported; `pip install colpali-engine` on a CPU machine is enough to need it.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

_OPERATORS = (
    "nms",
    "qnms",
    *(
        f"{prefix}{name}{suffix}"
        for name in ("roi_align", "ps_roi_align", "roi_pool", "ps_roi_pool", "deform_conv2d")
        for prefix, suffix in (("", ""), ("_", "_backward"))
    ),
)


@cache
def guard() -> Any:
    """Declares torchvision's operators where it is installed and cannot load them; returns what it declared."""
    import torch

    library = _library()
    if library is None or _loads(library):
        return None
    declared = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in _OPERATORS:
        declared.define(f"{name}() -> ()")  # type: ignore[no-untyped-call]
    return declared  # cached with the function: the declarations live as long as this object


def _library() -> Path | None:
    """The file with torchvision's operators; None where torchvision is not installed."""
    spec = importlib.util.find_spec("torchvision")
    for folder in (spec and spec.submodule_search_locations) or ():
        for found in sorted(Path(folder).glob("_C.*")):
            return found
    return None


def _loads(library: Path) -> bool:
    import torch

    try:
        torch.ops.load_library(library)  # type: ignore[no-untyped-call]
    except (OSError, RuntimeError):
        return False
    return True
