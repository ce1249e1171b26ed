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
from typing import Literal

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag_reasoner.pages import native, objects, pixels
from rag_reasoner.pages.objects import Painted, Rectangle
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
    for one in objects.painted(page):
        if one.kind != raw.FPDF_PAGEOBJ_TEXT:
            backdrops.add(one)
            continue
        sight = _sight(one, paper, backdrops)
        if sight == "hidden":
            found.add(one.item)
        elif sight == "doubtful":
            doubtful.append((one.item, one.area))
    return found | pixels.without_trace(page, doubtful)


def _sight(text: Painted, paper: Rectangle, backdrops: "_Backdrops") -> Sight:
    mode = native.render_mode(text.item)
    if mode in INVISIBLE_MODES or not _overlap(text.area, paper):
        return "hidden"
    if text.area[3] - text.area[1] < TINY_POINTS and _font_points(text) < TINY_POINTS:
        return "hidden"
    red, green, blue, alpha = native.colour(text.item, stroke=mode in STROKE_MODES)
    if alpha < FAINT_ALPHA:
        return "hidden"
    return "doubtful" if backdrops.swallow((red, green, blue), text.area) else "seen"


class _Backdrops:
    """What was painted so far: filled shapes of one colour, and pictures, whose colour is not known."""

    def __init__(self) -> None:
        self._latest_first: deque[tuple[Rectangle, Colour | None]] = deque(maxlen=MAX_BACKDROPS)
        self._colours = {WHITE}
        self._told_apart: set[Colour] = set()

    def add(self, one: Painted) -> None:
        """Note a shape or picture."""
        if one.kind != raw.FPDF_PAGEOBJ_PATH:
            self._latest_first.appendleft((one.area, None))
            return
        left, bottom, right, top = one.area
        if min(right - left, top - bottom) < TINY_POINTS or not native.is_filled(one.item):
            return
        red, green, blue, alpha = native.colour(one.item, stroke=False)
        if alpha >= SOLID_ALPHA:
            self._latest_first.appendleft((one.area, (red, green, blue)))
            self._note((red, green, blue))

    def swallow(self, colour: Colour, area: Rectangle) -> bool:
        """Whether the topmost shape behind the text seems to have its colour. Paper is white."""
        if colour in self._told_apart:
            return False
        if not any(_alike(colour, other) for other in self._colours):
            self._told_apart.add(colour)
            return False
        behind = next((under for covered, under in self._latest_first if _covers_centre(covered, area)), WHITE)
        return behind is not None and _alike(colour, behind)

    def _note(self, colour: Colour) -> None:
        if colour not in self._colours:
            self._colours.add(colour)
            self._told_apart.clear()


def _alike(one: Colour, other: Colour) -> bool:
    return (
        abs(one[0] - other[0]) <= pixels.SAME
        and abs(one[1] - other[1]) <= pixels.SAME
        and abs(one[2] - other[2]) <= pixels.SAME
    )


def _font_points(text: Painted) -> float:
    """The size of the font on the page: a dash is low in any font."""
    _, _, c, d, _, _ = objects.times(native.matrix(text.item), text.matrix)
    return native.font_size(text.item) * math.hypot(c, d)


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _covers_centre(outer: Rectangle, inner: Rectangle) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]
