"""R9: a quote that stands in the page is found where it stands, an altered one is not."""

from pathlib import Path
from random import Random

import pypdfium2
import pytest
from altered_quotes import altered_quotes, true_quotes
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner.quotes import find_quote

REPORT = Path(__file__).parent.parent / "examples/pdfs/opm-fy2018-annual-performance-report.pdf"
ALTERED = 1_000


@pytest.fixture(scope="module")
def pages():
    with pypdfium2.PdfDocument(REPORT) as report:
        texts = [report[page].get_textpage().get_text_range() for page in range(3, len(report), 2)]
    return [text for text in texts if len(text.split()) > 50]


def test_every_true_quote_of_a_page_is_found_where_it_stands(pages):
    for page in pages:
        for quote in true_quotes(Random(1), page, 20):
            found = find_quote(quote, page)
            assert found, quote
            assert page[found.start : found.end] == quote


def test_a_true_quote_is_found_though_its_lines_are_joined(pages):
    for page in pages:
        for quote in true_quotes(Random(2), page, 20):
            if "\ufffe" in quote or "-" in quote:
                continue
            one_line = " ".join(quote.split())
            found = find_quote(one_line, page)
            assert found, one_line
            assert " ".join(page[found.start : found.end].split()) == one_line


def test_no_altered_quote_in_a_thousand_is_found(pages):
    random = Random(3)
    altered = [(name, quote, page) for page in pages for name, quote in altered_quotes(random, page, 120)][:ALTERED]
    assert len(altered) == ALTERED
    accepted = [(name, quote) for name, quote, page in altered if find_quote(quote, page)]
    assert len(accepted) <= ALTERED / 1000, accepted


SAME = [
    ("information is key", "infor\ufffemation is key"),
    ("information is long-term", "infor\u0002mation is long\ufffeterm"),
    ("infor-mation", "infor-\r\nmation"),
    ("long-term plan", "long-\nterm  plan"),
    ("2018-2019", "2018\ufffe2019"),
    ("2018-2019", "2018–2019"),
    ("official", "o\ufb03cial"),
    ("soft hyphen", "so\u00adft hy\u00adphen"),
    ("rose 88.41 percent", "rose 88 .41 percent"),
    ("it’s “so”", 'it\'s "so"'),
    ("non breaking", "non\u00a0breaking"),
    ("zero width", "ze\u200bro width"),
    ("caf\u00e9 noir", "cafe\u0301 noir"),
    ("cafe\u0301 noir", "caf\u00e9 noir"),
    ("cell one two", "cell\r\none\ttwo"),
    ("a – b works", "a—b works"),
    ("rose by 5.", "rose by 5, then"),
    ("... rose by 5 ...", "it rose by 5 then"),
    ("漢字です", "これは漢字ですね"),
    ("a\x00control char", "a control char"),
    ("-5 points", "down -5 points"),
    ("$330,000 (5)", "cost $330,000 (5) in"),
]
OTHER = [
    ("330,000", "1,330,000"),
    ("330", "330,000"),
    ("35 percent", "4.35 percent"),
    (".35 percent", "4.35 percent"),
    ("rose by 4.", "rose by 4.35"),
    ("rose 4", "rose 4.35"),
    ("rose 88", "rose 88 .41"),
    (".41 percent", "88 .41 percent"),
    ("fell 5", "fell -5"),
    ("5 points", "-5 points"),
    ("5 points", "−5 points"),
    ("$5 million", "-$5 million"),
    ("5 million", "$5 million"),
    ("€5 million", "$5 million"),
    ("rose 5", "rose 5%"),
    ("rose 5", "rose 5½"),
    ("rose 10", "rose 10²"),
    ("at 10", "at 10:30"),
    ("1 of", "1/2 of"),
    ("compliant firms", "non-compliant firms"),
    ("compliant firms", "non\ufffecompliant firms"),
    ("mation technology", "infor\ufffemation technology"),
    ("firms can", "firms can't"),
    ("firms can", "firms can’t"),
    ("able firms", "unable firms"),
    ("firm", "firms"),
    ("cafe", "café"),
    ("cafe", "cafe\u0301"),
    ("resign now", "re-sign now"),
    ("re-sign now", "resign now"),
    ("No 5", "no 5"),
    ("كتاب", "الكتاب"),
    ("хорош", "нехорош"),
    ("5", "５"),
    ("one three", "one two three"),
    ("one ... three", "one two three"),
    ("", "text"),
    ("the of and", "the of and"),
    ("…", "…"),
    ('"', '"'),
]


@pytest.mark.parametrize(("quote", "text"), SAME)
def test_writing_alone_makes_no_difference(quote, text):
    found = find_quote(quote, text)
    assert found
    again = find_quote(text[found.start : found.end], text)
    assert text[again.start : again.end] == text[found.start : found.end]


@pytest.mark.parametrize(("quote", "text"), OTHER)
def test_a_letter_a_digit_a_sign_or_a_word_makes_one(quote, text):
    assert find_quote(quote, text) is None


@given(st.text("ab -\n\ufffe\u00ad1.,%é漢ﬁ'’—", max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_a_quote_between_blanks_is_found_whatever_stands_around_it(quote, before, after):
    text = f"{before} | word {quote} word | {after}"
    found = find_quote(f"word {quote} word", text)
    assert found
    assert text[found.start : found.end].split() == f"word {quote} word".split()


@given(st.text(), st.text())
def test_any_quote_and_any_text_can_be_compared(quote, text):
    found = find_quote(quote, text)
    assert found is None or 0 <= found.start < found.end <= len(text)


@pytest.mark.parametrize("unit", ["-", " ", "a", "a-", "a- ", "-\n", "\ufffe", "ﬁ", "—", "1 .", "\u0301", "\u200b"])
def test_text_made_to_be_slow_comes_to_an_end(unit):
    text = unit * (65_536 // len(unit))
    for quote in ("word", "a", "1", f"word {text[:20_000]}", text[: len(text) // 2] + "word"):
        find_quote(quote, text)
