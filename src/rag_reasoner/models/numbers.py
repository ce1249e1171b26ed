"""What counts as a number in a card. Pure."""

import sys
from typing import Any


def is_number(value: Any) -> bool:
    """Whether `value` is a finite number that a float can hold; JSON's true is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
