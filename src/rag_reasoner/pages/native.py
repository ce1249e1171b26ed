"""pdfium's functions for the objects of a page, with plain numbers for pointers. Runs in the worker process only.

A page has thousands of objects; the typed pointers of the usual binding cost more there than pdfium itself.
"""

from collections.abc import Callable
from ctypes import CFUNCTYPE, addressof, c_float, c_int, c_uint, c_void_p, cast
from typing import Any

import pypdfium2.raw as raw


def _bound(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
    return CFUNCTYPE(result, *arguments)(cast(function, c_void_p).value or 0)


def handle(wrapper: Any) -> int:
    """The pointer inside one of pypdfium2's objects."""
    return cast(wrapper.raw, c_void_p).value or 0


count_objects = _bound(raw.FPDFPage_CountObjects, c_int, c_void_p)
get_object = _bound(raw.FPDFPage_GetObject, c_void_p, c_void_p, c_int)
count_inside = _bound(raw.FPDFFormObj_CountObjects, c_int, c_void_p)
get_inside = _bound(raw.FPDFFormObj_GetObject, c_void_p, c_void_p, c_int)
kind_of = _bound(raw.FPDFPageObj_GetType, c_int, c_void_p)
render_mode = _bound(raw.FPDFTextObj_GetTextRenderMode, c_int, c_void_p)
character_index = _bound(raw.FPDFText_GetCharIndexFromTextIndex, c_int, c_void_p, c_int)
text_object = _bound(raw.FPDFText_GetTextObject, c_void_p, c_void_p, c_int)
set_active = _bound(raw.FPDFPageObj_SetIsActive, c_int, c_void_p, c_int)

_get_bounds = _bound(raw.FPDFPageObj_GetBounds, c_int, c_void_p, *[c_void_p] * 4)
_get_fill = _bound(raw.FPDFPageObj_GetFillColor, c_int, c_void_p, *[c_void_p] * 4)
_get_stroke = _bound(raw.FPDFPageObj_GetStrokeColor, c_int, c_void_p, *[c_void_p] * 4)
_get_font_size = _bound(raw.FPDFTextObj_GetFontSize, c_int, c_void_p, c_void_p)
_get_matrix = _bound(raw.FPDFPageObj_GetMatrix, c_int, c_void_p, c_void_p)
_get_draw_mode = _bound(raw.FPDFPath_GetDrawMode, c_int, c_void_p, c_void_p, c_void_p)

# Where pdfium writes its answers: one place for all, since a worker has one thread.
_floats, _words = (c_float * 6)(), (c_uint * 4)()
_float_at = [addressof(_floats) + 4 * place for place in range(4)]
_word_at = [addressof(_words) + 4 * place for place in range(4)]


def bounds(item: int) -> tuple[float, float, float, float] | None:
    """Left, bottom, right and top in what the object stands in."""
    return (_floats[0], _floats[1], _floats[2], _floats[3]) if _get_bounds(item, *_float_at) else None


def colour(item: int, *, stroke: bool) -> tuple[int, int, int, int]:
    """Red, green, blue and alpha, 0..255, of what is filled or stroked; black where none is set."""
    known = (_get_stroke if stroke else _get_fill)(item, *_word_at)
    red, green, blue, alpha = _words
    return (red, green, blue, alpha) if known else (0, 0, 0, 255)


def matrix(item: int) -> tuple[float, float, float, float, float, float]:
    """How the object is placed in what it stands in."""
    if not _get_matrix(item, _float_at[0]):
        return 1, 0, 0, 1, 0, 0
    a, b, c, d, e, f = _floats
    return a, b, c, d, e, f


def font_size(item: int) -> float:
    """The size of a text's font, before its matrix."""
    return abs(_floats[0]) if _get_font_size(item, _float_at[0]) else 0.0


def is_filled(item: int) -> bool:
    """Whether a path is filled and not only drawn as a line."""
    return bool(_get_draw_mode(item, _word_at[0], _word_at[1])) and bool(_words[0] != raw.FPDF_FILLMODE_NONE)
