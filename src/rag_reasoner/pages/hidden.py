"""Text that a person cannot see on a PDF's page. Runs in the worker process only.

Judged by page object, not by character, for speed: text in an invisible mode, transparent, tiny or off the page is
hidden as it stands; text that seems to have the colour of what lies behind it is hidden where the page looks the same
without it. Text over pictures is taken to be seen. Such text is often honest (OCR puts it behind a scan): it is
flagged, never dropped.
"""

import math
from collections import deque
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag_reasoner.pages import native, objects, pixels
from rag_reasoner.pages.objects import Matrix, Rectangle
from rag_reasoner.pages.units import Units

INVISIBLE_MODES = {raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP}
STROKE_MODES = {raw.FPDF_TEXTRENDERMODE_STROKE, raw.FPDF_TEXTRENDERMODE_STROKE_CLIP}
TINY_POINTS = 2.0
FAINT_ALPHA = 16
SOLID_ALPHA = 128
MAX_BACKDROPS = 500

Colour = tuple[int, int, int, int]
WHITE: Colour = (255, 255, 255, 255)


def spans(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage, raw_text: str) -> list[tuple[int, int]]:
    """Start and end of each stretch of hidden text, blanks at its ends left out."""
    found = _hidden_objects(page)
    if not found:
        return []
    units = Units(raw_text)
    places = [place for place, character in enumerate(units.text) if not character.isspace()]
    opened = native.handle(textpage)
    return _stretches((place, _object_at(opened, units.unit(place)) in found) for place in places)


def _stretches(marked: Iterable[tuple[int, bool]]) -> list[tuple[int, int]]:
    """The stretches of places that are marked, one after the other; places not given part nothing."""
    found = []
    for is_hidden, group in groupby(marked, key=itemgetter(1)):
        places = [place for place, _ in group]
        if is_hidden:
            found.append((places[0], places[-1] + 1))
    return found


def _object_at(textpage: int, unit: int) -> int:
    index = native.character_index(textpage, unit)
    return native.text_object(textpage, index) or 0 if index >= 0 else 0


def _hidden_objects(page: pdfium.PdfPage) -> set[int]:
    """The addresses of the page's text objects that cannot be seen."""
    found: set[int] = set()
    doubtful: list[tuple[int, Rectangle]] = []
    backdrops = _Backdrops()
    paper = page.get_bbox()
    for item, kind, matrix, area in objects.painted(page):
        if kind != raw.FPDF_PAGEOBJ_TEXT:
            backdrops.add(item, kind, area)
            continue
        mode = native.render_mode(item)
        colour = native.colour(item, stroke=mode in STROKE_MODES)
        if mode in INVISIBLE_MODES or colour[3] < FAINT_ALPHA or _is_out_of_sight(item, matrix, area, paper):
            found.add(item)
        elif colour not in backdrops.told_apart and backdrops.swallow(colour, area):
            doubtful.append((item, area))
    return found | pixels.without_trace(page, doubtful)


def _is_out_of_sight(item: int, matrix: Matrix, area: Rectangle, paper: Rectangle) -> bool:
    """Whether a text is tiny, or wholly off the page. A dash is low in any font, so that the font's size counts."""
    left, bottom, right, top = area
    if left >= paper[2] or right <= paper[0] or bottom >= paper[3] or top <= paper[1]:
        return True
    return top - bottom < TINY_POINTS and _font_points(item, matrix) < TINY_POINTS


def _font_points(item: int, matrix: Matrix) -> float:
    _, _, c, d, _, _ = objects.times(native.matrix(item), matrix)
    return native.font_size(item) * math.hypot(c, d)


class _Backdrops:
    """What was painted so far: filled shapes of one colour, and pictures, whose colour is not known.

    `told_apart` are the colours, looked at before, that no shape so far has: most texts of a page have one of them.
    """

    def __init__(self) -> None:
        self._latest_first: deque[tuple[Rectangle, Colour | None]] = deque(maxlen=MAX_BACKDROPS)
        self._colours = {WHITE}
        self.told_apart: set[Colour] = set()

    def add(self, item: int, kind: int, area: Rectangle) -> None:
        """Note a shape or picture."""
        if kind != raw.FPDF_PAGEOBJ_PATH:
            self._latest_first.appendleft((area, None))
            return
        left, bottom, right, top = area
        if right - left < TINY_POINTS or top - bottom < TINY_POINTS or not native.is_filled(item):
            return
        colour = native.colour(item, stroke=False)
        if colour[3] >= SOLID_ALPHA:
            self._latest_first.appendleft((area, colour))
            self._note(colour)

    def swallow(self, colour: Colour, area: Rectangle) -> bool:
        """Whether the topmost shape behind the text seems to have its colour. Paper is white."""
        if not any(_alike(colour, other) for other in self._colours):
            self.told_apart.add(colour)
            return False
        behind = next((under for covered, under in self._latest_first if _covers_centre(covered, area)), WHITE)
        return behind is not None and _alike(colour, behind)

    def _note(self, colour: Colour) -> None:
        if colour not in self._colours:
            self._colours.add(colour)
            self.told_apart.clear()


def _alike(one: Colour, other: Colour) -> bool:
    return (
        abs(one[0] - other[0]) <= pixels.SAME
        and abs(one[1] - other[1]) <= pixels.SAME
        and abs(one[2] - other[2]) <= pixels.SAME
    )


def _covers_centre(outer: Rectangle, inner: Rectangle) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]
