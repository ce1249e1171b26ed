import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner.words import best_sentence, bm25, focus, overlap, phrases, sentences, spelling, terms

TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(["word", "Budget", "1962", ".", " ", "\n", "\r\n", "|", "•", "- ", "。", "x" * 450, "\u2028"])
    ).map("".join),
)


def pieces(text):
    return [text[start:end] for start, end in sentences(text)]


@given(TEXTS)
def test_sentences_are_in_order_apart_stripped_and_leave_out_only_blanks(text):
    spans = sentences(text)
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    assert edges == sorted(edges)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    assert "".join("".join(pieces(text)).split()) == "".join(text.split())


def test_sentences_end_where_a_reader_ends_them():
    assert pieces("One is here. Two is there! “Is it?” Yes.") == ["One is here.", "Two is there!", "“Is it?”", "Yes."]
    assert pieces("President Chester A. Arthur signed it. See Fig. 3 and No. 5 of Smith et al. 2019.") == [
        "President Chester A. Arthur signed it.",
        "See Fig. 3 and No. 5 of Smith et al. 2019.",
    ]
    assert pieces("第一句。第二句！") == ["第一句。", "第二句！"]
    assert pieces("a title\n\n• one\n• two\n- three") == ["a title", "• one", "• two", "- three"]


def test_a_row_of_a_table_is_a_sentence_and_a_dash_for_no_value_does_not_end_it():
    table = "Percent complete\r\n-* -* 99.1 99.8 Met\r\nNumber of cases in\r\nthe inventory 217 330 573 Not Met\r\nNote"
    assert pieces(table) == [
        "Percent complete\r\n-* -* 99.1 99.8 Met",
        "Number of cases in\r\nthe inventory 217 330 573 Not Met",
        "Note",
    ]


@given(TEXTS, TEXTS)
def test_overlap_is_a_share(query, text):
    assert 0 <= overlap(query, text) <= 1
    assert overlap(query, query) == (1 if terms(query) else 0)


def test_numbers_and_long_words_weigh_more():
    assert overlap("inventory cat", "inventory") > overlap("inventory cat", "cat")
    assert overlap("cases in 2015", "2015") > overlap("cases in 2015", "cases")


@given(TEXTS, TEXTS)
def test_phrases_are_a_share_of_what_needs_two_words(query, text):
    assert 0 <= phrases(query, text) <= 1
    assert phrases(query, query) == (1 if len(terms(query)) > 1 else 0)


def test_a_phrase_is_neighbours_in_their_order_and_what_means_nothing_does_not_part_them():
    assert phrases("the theory of relativity", "Theories on relativity") == 1
    assert phrases("the theory of relativity", "the relativity theory") == 0
    assert phrases("theory of relativity", "theory of general relativity") == 0
    assert phrases("general theory of relativity", "theory of relativity, relativity theory") == 0.5


def test_terms_are_singular_lower_case_and_carry_meaning():
    assert terms("How many Agencies had the 4.35 Reports?") == ("agency", "4.35", "report")


def test_a_word_is_spelt_as_the_text_first_spells_it():
    assert spelling("museum", "Old Museums, new museum") == "Museums"
    assert spelling("330,000", "some 330,000.") == "330,000"
    for word in ("death", "the", "museum rooms", "33", ""):
        assert spelling(word, "the deathly museum rooms: 330,000") == ""


@given(st.sampled_from(["budget", "word 1962", ""]), TEXTS, st.integers(-2, 60))
def test_focus_keeps_within_its_room(query, text, most):
    spans = focus(query, text, most)
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    assert edges == sorted(edges)
    if len(text) <= most:
        assert spans == ((0, len(text)),)
    else:
        assert sum(end - start for start, end in spans) <= max(most, 0)


def test_focus_counts_the_blanks_between_sentences():
    text = "\n\n".join(["The budget grew."] * 9)
    for most in range(len(text)):
        assert sum(end - start for start, end in focus("budget", text, most)) <= most


def test_focus_takes_what_matters_and_its_neighbours():
    text = " ".join(f"Sentence {word} stands here." for word in "alpha beta gamma delta epsilon zeta".split())
    focused = "".join(text[start:end] for start, end in focus("gamma?", text, 60))
    assert "gamma" in focused
    assert "alpha" not in focused


def test_the_best_sentence_is_the_first_that_shares_most():
    text = "The agency grew. The budget was 5 in 1962. The budget fell in 1962."
    (start, end), share = best_sentence("What was the budget in 1962?", text)
    assert (text[start:end], share) == ("The budget was 5 in 1962.", 1.0)
    assert best_sentence("What was the budget?", "Nothing here.") is None
    assert best_sentence("What?", "") is None


@given(st.lists(st.sampled_from("budget 1962 cases inventory museum opened zinc".split()), max_size=6), st.data())
def test_bm25_is_that_of_bm25s(words, data):
    bm25s = pytest.importorskip("bm25s")
    pool = "budget 1962 cases inventory museum opened the of and".split()
    texts = data.draw(st.lists(st.lists(st.sampled_from(pool), max_size=12).map(" ".join), min_size=1, max_size=6))
    if not any(map(terms, texts)) or not terms(" ".join(words)):
        return
    index = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    index.index([list(terms(text)) for text in texts], show_progress=False)
    expected = index.get_scores(list(terms(" ".join(words))))
    assert bm25(" ".join(words), texts) == pytest.approx(expected.tolist(), abs=1e-5)
