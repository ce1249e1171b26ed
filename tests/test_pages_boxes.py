"""A word's box is where a person sees the word: on cropped, rotated and shifted pages too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageChops
from small_pdf import Page, pdf, stream, text

from rag_reasoner.boxes import boxes_of
from rag_reasoner.errors import Unreadable
from rag_reasoner.pages import load, read, with_words
from rag_reasoner.pages.units import Units
from rag_reasoner.types import Box, Word

SIZE = (900, 900)
TURNS = [
    Page(text("needle")),
    Page(text("needle"), extra="/Rotate 90"),
    Page(text("needle"), extra="/Rotate 180"),
    Page(text("needle"), extra="/Rotate 270"),
    Page(text("needle", 150, 500), extra="/CropBox [100 200 400 600]"),
    Page(text("needle", 150, 500), extra="/CropBox [100 200 400 600] /Rotate 90"),
    Page(text("needle", -50, 20), media_box="-100 -100 300 500", extra="/Rotate 270"),
    Page(b"q 0.7 0.7 -0.7 0.7 300 100 cm " + text("needle", 0, 0) + b"Q"),
    Page(text("needle"), extra="/UserUnit 2"),
]


def read_one(tmp_path, *pages):
    (tmp_path / "one.pdf").write_bytes(pdf(*pages))
    return read(tmp_path).documents[0]


def ink(image):
    """The box around all that is not white, as fractions."""
    inverted = ImageChops.invert(image.convert("L")).point(lambda value: 255 if value > 60 else 0)
    left, top, right, bottom = inverted.getbbox()
    return Box(left / image.width, top / image.height, right / image.width, bottom / image.height)


@pytest.mark.parametrize("page", TURNS, ids=lambda page: f"{page.media_box} {page.extra}".strip())
def test_a_word_is_boxed_where_it_is_drawn(tmp_path, page):
    document = read_one(tmp_path, page)
    (word,) = with_words(document).words
    drawn = ink(load(document.image, size=SIZE))
    assert word.box == pytest.approx(drawn, abs=0.006)
    assert document.text[word.start : word.end] == "needle"


def test_words_cover_the_text_in_order(tmp_path):
    document = with_words(read_one(tmp_path, Page(text("one two") + text("three", y=650))))
    assert [document.text[word.start : word.end] for word in document.words] == ["one", "two", "three"]
    assert document.words[0].box.right < document.words[1].box.left
    assert document.words[1].box.bottom < document.words[2].box.top


def test_a_page_that_changed_is_not_given_boxes(tmp_path):
    document = read_one(tmp_path, Page(text("before")))
    (tmp_path / "one.pdf").write_bytes(pdf(Page(text("after"))))
    with pytest.raises(Unreadable, match="has changed since"):
        with_words(document)


def test_what_is_no_page_of_a_pdf_is_left_as_it_is(tmp_path):
    (tmp_path / "t.txt").write_text("words")
    (document,) = read(tmp_path).documents
    assert with_words(document) is document


HIDDEN = {
    "invisible mode": b"q " + text("unseen", before="3 Tr") + b"Q ",
    "clipping mode": b"q " + text("unseen", before="7 Tr") + b"Q ",
    "white on white": b"1 g " + text("unseen") + b"0 g ",
    "black on black": b"0 g 60 680 200 40 re f " + text("unseen"),
    "nearly white": b"0.98 g " + text("unseen") + b"0 g ",
    "tiny": text("unseen", size=0.5),
    "tiny by its matrix": b"q 0.1 0 0 0.1 0 0 cm " + text("unseen", 720, 7000) + b"Q ",
    "off the page": text("unseen", 900, 700),
    "white under a stroke mode": b"q 1 G " + text("unseen", before="1 Tr") + b"Q ",
}
SEEN = {
    "black": text("seen"),
    "white on black": b"0 g 60 680 200 40 re f 1 g " + text("seen"),
    "a dash": text("-----"),
    "small print": text("seen", size=3),
    "light grey": b"0.8 g " + text("seen"),
    "white on a black shape under a white one that is elsewhere": (
        b"0 g 60 680 200 40 re f 1 g 40 0 m 300 0 l 300 740 l 295 740 l 295 5 l 40 5 l f " + text("seen")
    ),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_text_that_nobody_sees_is_flagged_and_kept(tmp_path, case):
    document = read_one(tmp_path, Page(text("plain words", y=300) + HIDDEN[case] + text("more", y=200)))
    assert [document.text[start:end] for start, end in document.metadata["hidden_text"]] == ["unseen"]


@pytest.mark.parametrize("case", SEEN)
def test_text_that_is_seen_is_not_flagged(tmp_path, case):
    assert "hidden_text" not in read_one(tmp_path, Page(SEEN[case])).metadata


def test_hidden_text_inside_a_form_is_flagged(tmp_path):
    entries = "/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
    page = Page(text("plain", y=300) + b"/X Do ", xobjects={"X": stream(text("unseen", before="3 Tr"), entries)})
    document = read_one(tmp_path, page)
    assert [document.text[start:end] for start, end in document.metadata["hidden_text"]] == ["unseen"]


@given(st.text(st.sampled_from("ab\r\n \ud83d\ude00😀\u0002\ufffe")))
def test_kept_text_and_its_places_agree(raw):
    raw = raw.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    units, encoded = Units(raw), raw.encode("utf-16-le", "surrogatepass")
    for place, character in enumerate(units.text):
        start = 2 * units.unit(place)
        assert encoded[start:].decode("utf-16-le", "surrogatepass").startswith(character)
    units.text.encode("utf-8")


def test_lines_end_with_a_line_feed_alone():
    assert Units("one\r\ntwo\rthree\ud83d").text == "one\ntwo\rthree"


def row(top, *lefts, start=0):
    return [Word(start + 2 * n, start + 2 * n + 1, Box(x, top, x + 0.1, top + 0.05)) for n, x in enumerate(lefts)]


def test_a_span_is_boxed_line_by_line():
    words = [*row(0.1, 0.1, 0.3, 0.5), *row(0.2, 0.1, 0.3, start=6)]
    assert boxes_of(words, 2, 7) == (Box(0.3, 0.1, 0.6, pytest.approx(0.15)), words[3].box)


def test_a_column_to_the_right_is_a_line_of_its_own():
    words = [*row(0.8, 0.1), *row(0.1, 0.6, start=2)]
    assert boxes_of(words, 0, 3) == (words[0].box, words[1].box)


def test_a_word_to_the_left_starts_a_line_of_its_own():
    words = [*row(0.1, 0.6), *row(0.1, 0.1, start=2)]
    assert boxes_of(words, 0, 3) == (words[0].box, words[1].box)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (1, 2), (50, 60), (5, 1)])
def test_a_span_without_words_has_no_boxes(start, end):
    assert boxes_of(row(0.1, 0.1, 0.3), start, end) == ()


@given(st.integers(0, 20), st.integers(0, 20))
def test_every_word_of_a_span_is_inside_a_box(start, end):
    words = [*row(0.1, 0.1, 0.3, 0.5), *row(0.2, 0.1, 0.3, start=6), *row(0.1, 0.7, start=10)]
    boxes = boxes_of(words, start, end)
    for word in words:
        touched = word.start < end and start < word.end
        assert not touched or any(b[0] <= word.box[0] and word.box[2] <= b[2] for b in boxes)
