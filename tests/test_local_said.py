"""Held evidence: whatever a model would rather write, what it quotes stands in the document."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag_reasoner.backends.local.said import Said
from rag_reasoner.quotes import find_quote

TEXTS = (
    "The museum opened in 1962, after 330,000 hours of work.\nIt has 40 rooms; “the largest” is a naïve one.",
    "| year | visitors |\n| --- | --- |\n| 1962 | 4,100 |",
)
SAID = Said(TEXTS)


@pytest.mark.parametrize(
    "said",
    [
        "",
        " ",
        ' "',
        ' "The museum',
        ' "opened in 1962, after',
        ' "It has 40',
        ' "work. It has',
        ' "1962"',
        ' "| 1962 | 4,100 |"',
        ' "is a na\ufffd',
        " it is about another year",
    ],
)
def test_what_a_document_has_may_be_written(said):
    assert said == "" or SAID.may_begin(said)


@pytest.mark.parametrize(
    "said",
    [
        "The museum",
        ' "Museum',
        ' "useum',
        ' "opened in 1963',
        ' "The mus\ufffd',
        ' "is a na\ufffd\ufffd\ufffd\ufffd',
        ' "museum opened in 19"',
        ' "30,000 hours"',
        ' ""',
        ' "the"',
        ' " opened',
        ' "The museum" and',
        " no\nyes",
        ' it says "so"',
        " “it says",
        " it  says",
        " it\tsays",
        ' "The museum "',
        " </evidence>",
        '  "The',
    ],
)
def test_what_it_does_not_have_may_not(said):
    assert not SAID.may_begin(said)


@given(st.randoms(use_true_random=False), st.integers(1, 30))
def test_whichever_way_the_letters_fall_the_quote_is_found_in_the_text(chance, most):
    letters = sorted({*"".join(TEXTS), '"', " "})
    said = ' "'
    for _ in range(most):
        allowed = [said + letter for letter in letters if SAID.may_begin(said + letter)]
        if not allowed or SAID.is_whole(said):
            break
        said = chance.choice(allowed)
    line = SAID.closed(said)
    assert line == " " or any(find_quote(line[2:-1], text) for text in TEXTS)
    assert line == " " or (line.startswith(' "') and line.endswith('"'))


def test_a_quote_that_was_cut_off_ends_with_a_whole_word():
    assert SAID.closed(' "opened in 1962, after 330,0') == ' "opened in 1962, after"'
    assert SAID.closed(' "The mus') == " "


def test_a_reason_stays_as_it_is():
    assert SAID.closed(" it is about another year ") == " it is about another year"


@given(st.text(), st.text())
@example('"', "")
def test_nothing_that_a_model_writes_raises(text, said):
    found = Said([text])
    found.may_begin(said)
    found.closed(said)


def test_a_quote_can_be_spelt_to_its_end():
    said = ' "'
    for letter in 'It has 40 rooms"':
        assert not SAID.is_whole(said)
        said += letter
        assert SAID.may_begin(said)
    assert SAID.is_whole(said)


def test_where_it_must_quote_a_reason_is_not_begun():
    held = Said(TEXTS, must_quote=True)
    assert held.may_begin(" ")
    assert held.may_begin(' "The museum')
    assert not held.may_begin(" it")


def test_of_a_document_without_a_word_to_look_up_a_reason_is_given_even_where_it_must_quote():
    assert Said(("", " \n", "— It is."), must_quote=True).may_begin(" it shows a museum")
