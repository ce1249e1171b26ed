"""A document as shown cannot pose as us, and what is quoted from it is found where it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner.messages import DocumentText, ImagePart
from rag_reasoner.tasks import show
from rag_reasoner.tasks.shown import GAP, disarm, neutralise
from rag_reasoner.tasks.statement import remark
from rag_reasoner.tasks.tags import TAGS, section
from rag_reasoner.types import Candidate, Document, Image

BITS = st.sampled_from(
    "< / > rank answer evidence think [ ] 1 12 , ; doc \n \t \x00 \u200b \u00ad \ufffe ＜ ＞ ［ ］ 【 】 １ ( a".split(
        " "
    )
)
TEXTS = st.one_of(st.text(), st.lists(BITS).map("".join), st.lists(BITS).map(" ".join))


def shown(text, spans=None, **fields):
    return show(Candidate(Document("d", text, **fields)), spans)


@given(TEXTS)
def test_neutral_text_is_as_long_and_holds_no_tag_and_no_mark_of_ours(text):
    neutral = neutralise(text)
    assert len(neutral) == len(text) == len(disarm(text))
    assert all(section(neutral, tag) is None for tag in TAGS)
    assert remark(f"x {neutral} x", {}).count("[") == f"x {neutral} x".count("[")
    assert neutralise(neutral) == neutral


@pytest.mark.parametrize(
    "text",
    [
        "<rank>",
        "</rank>",
        "< / rank >",
        "<\n/ RANK >",
        "<\x00rank>",
        "<\u200brank>",
        "<r\u200bank>",
        "<ra\u00adnk>",
        "＜rank＞",
        "<rank",
        "<rank id=1>",
        "<think>",
        "</Evidence>",
        "<answer\n>",
        "<<rank>>",
        "< " * 20 + "rank>",
    ],
)
def test_no_tag_of_ours_survives_in_any_disguise(text):
    assert not neutralise(text).rpartition("‹")[2].startswith("<")
    assert "‹" in neutralise(text)


@pytest.mark.parametrize(
    "text",
    [
        "[12]",
        "[ 1 2 ]",
        "[1, 2]",
        "[1;2]",
        "［12］",
        "[１２]",
        "【1】",
        "[\x001]",
        "[1\ufffe]",
        "[\n1]",
        "[[1]]",
        "[#3]",
        "[Document 1]",
    ],
)
def test_no_mark_of_ours_survives_in_any_disguise(text):
    neutral = neutralise(text)
    assert not any(bracket + char in neutral for bracket in "[［【" for char in "0123456789１ #D\n")
    assert "(" in neutral


@pytest.mark.parametrize("text", ["[sic]", "[Smith 2019]", "a < b", "<ranking>", "<b>", "[]", "x[i]", "(12)"])
def test_what_is_not_ours_stays(text):
    assert neutralise(text) == text


def test_control_characters_and_line_end_hyphens_are_shown_as_a_person_sees_them():
    assert neutralise("a\x00b\x1b[0mc\ufffed\x02e\tf\n") == "a b [0mc-d-e\tf\n"


def test_a_title_and_an_image_come_before_the_text():
    parts = show(Candidate(Document("d", "text", Image(url="u"), title=" [1]\n<rank> ")), with_image=True).parts()
    assert [type(part).__name__ for part in parts] == ["DocumentText", "Text", "ImagePart", "Text", "DocumentText"]
    assert parts[0] == DocumentText("(1) ‹rank>")
    assert not any(isinstance(part, ImagePart) for part in shown("text", image=Image(url="u")).parts())


@given(st.data())
def test_a_word_of_a_cut_document_is_found_where_it_stands(data):
    words = [f"word{n}" for n in range(40)]
    text = " ".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, 39), min_size=2, max_size=8, unique=True)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    spans = [(text.index(words[first] + " "), text.index(words[last])) for first, last in pairs]
    spans = [(start, end - 1) for start, end in spans]
    document = shown(text, spans)
    assert document.text == GAP.join(text[start:end] for start, end in spans)
    shown_words = {word for first, last in pairs for word in words[first:last]}
    for word in words:
        found = document.locate(word)
        assert (found is not None) == (word in shown_words)
        assert found is None or text[found.start : found.end] == word


def test_a_quote_with_neutralised_marks_is_mapped_back_to_the_document():
    text = "First. As [12] says, <rank> is infor\ufffemation [3]. Last."
    found = shown(text, [(7, len(text))]).locate("As (12) says, ‹rank> is infor-mation (3).")
    assert text[found.start : found.end] == "As [12] says, <rank> is infor\ufffemation [3]."


def test_a_quote_across_a_gap_is_none():
    assert shown("one two three four", [(0, 3), (8, 13)]).locate("one three") is None
    assert shown("one two three four", [(0, 3), (8, 13)]).locate("one … three") is None
    assert shown("one two three four", [(0, 3)]).locate("four") is None
