"""Text that a person cannot see on a PDF's page. Runs in the worker process only.

Judged by page object, not by character, for speed: text in an invisible mode, transparent, tiny or off the page is
hidden as it stands; text that seems to have the colour of what lies behind it is hidden where the page looks the same
without it. Text over pictures is taken to be seen. Such text is often honest (OCR puts it behind a scan): it is
flagged, never dropped.
"""

from ctypes import c_float
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag_reasoner.pages import objects, pixels
from rag_reasoner.pages.objects import Matrix, Rectangle
from rag_reasoner.pages.units import Units

INVISIBLE_MODES = {raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP}
STROKE_MODES = {raw.FPDF_TEXTRENDERMODE_STROKE, raw.FPDF_TEXTRENDERMODE_STROKE_CLIP}
TINY_POINTS = 2.0
FAINT_ALPHA = 16
SOLID_ALPHA = 128
MAX_BACKDROPS = 500

Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
Sight = Literal["seen", "doubtful", "hidden"]


class _Backdrop(NamedTuple):
    """Something painted before the text: a filled shape of one colour, or a picture, whose colour is not known."""

    area: Rectangle
    colour: Colour | None


def spans(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage, raw_text: str) -> list[tuple[int, int]]:
    """Start and end of each stretch of hidden text, blanks at its ends left out."""
    found = _hidden_objects(page)
    if not found:
        return []
    units = Units(raw_text)
    flags = [_object_at(textpage, units.unit(place)) in found for place in range(len(units.text))]
    return _stretches(units.text, flags)


def _stretches(text: str, flags: list[bool]) -> list[tuple[int, int]]:
    """The stretches flagged; blanks belong to neither side and do not part them."""
    marked = [(place, flags[place]) for place, character in enumerate(text) if not character.isspace()]
    found = []
    for is_hidden, group in groupby(marked, key=itemgetter(1)):
        places = [place for place, _ in group]
        if is_hidden:
            found.append((places[0], places[-1] + 1))
    return found


def _object_at(textpage: pdfium.PdfTextPage, unit: int) -> int:
    index = raw.FPDFText_GetCharIndexFromTextIndex(textpage, unit)
    return objects.address(raw.FPDFText_GetTextObject(textpage, index)) if index >= 0 else 0


def _hidden_objects(page: pdfium.PdfPage) -> set[int]:
    """The addresses of the page's text objects that cannot be seen."""
    found: set[int] = set()
    doubtful: list[tuple[Any, Rectangle]] = []
    backdrops: list[_Backdrop] = []
    paper = page.get_bbox()
    for item, matrix in objects.painted(page):
        kind = raw.FPDFPageObj_GetType(item)
        area = objects.area(item, matrix)
        if area is None:
            continue
        if kind != raw.FPDF_PAGEOBJ_TEXT:
            backdrops = [*_backdrop(item, kind, area), *backdrops][:MAX_BACKDROPS]
            continue
        sight = _sight(item, matrix, area, paper, backdrops)
        if sight == "hidden":
            found.add(objects.address(item))
        elif sight == "doubtful":
            doubtful.append((item, area))
    return found | {objects.address(item) for item in pixels.without_trace(page, doubtful)}


def _sight(item: Any, matrix: Matrix, area: Rectangle, paper: Rectangle, backdrops: list[_Backdrop]) -> Sight:
    mode = raw.FPDFTextObj_GetTextRenderMode(item)
    if mode in INVISIBLE_MODES or not _overlap(area, paper):
        return "hidden"
    if area[3] - area[1] < TINY_POINTS and _font_points(item, matrix) < TINY_POINTS:
        return "hidden"
    red, green, blue, alpha = objects.colour(item, stroke=mode in STROKE_MODES)
    if alpha < FAINT_ALPHA:
        return "hidden"
    return "doubtful" if _blends((red, green, blue), area, backdrops) else "seen"


def _blends(colour: Colour, area: Rectangle, backdrops: list[_Backdrop]) -> bool:
    """Whether the topmost shape behind the text seems to have its colour. Paper is white."""
    behind = next((one.colour for one in backdrops if _covers_centre(one.area, area)), WHITE)
    return behind is not None and all(abs(a - b) <= pixels.SAME for a, b in zip(colour, behind, strict=True))


def _font_points(item: Any, matrix: Matrix) -> float:
    """The size of the font on the page: a dash is low in any font."""
    size = c_float()
    raw.FPDFTextObj_GetFontSize(item, size)
    _, _, c, d, _, _ = objects.times(objects.matrix_of(item), matrix)
    return abs(size.value) * float((c * c + d * d) ** 0.5)


def _backdrop(item: Any, kind: int, area: Rectangle) -> list[_Backdrop]:
    if kind != raw.FPDF_PAGEOBJ_PATH:
        return [_Backdrop(area, None)]
    if min(area[2] - area[0], area[3] - area[1]) < TINY_POINTS or not objects.is_filled(item):
        return []
    red, green, blue, alpha = objects.colour(item, stroke=False)
    return [_Backdrop(area, (red, green, blue))] if alpha >= SOLID_ALPHA else []


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _covers_centre(outer: Rectangle, inner: Rectangle) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]
