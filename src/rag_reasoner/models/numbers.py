"""What counts as a number in a card. Pure."""

import math
from typing import Any


def is_number(value: Any) -> bool:
    """Whether `value` is a finite number; JSON's true is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
