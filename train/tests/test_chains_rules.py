"""Chains by rule: the words that carry the answer, and of the others what they are about and what they lack."""

from operator import attrgetter

import pytest
from hypothesis import given
from rag_reasoner_train.chains.check import NoChain, check
from rag_reasoner_train.chains.quote import best_quote, from_the_answer
from rag_reasoner_train.chains.reply import reply_of
from rag_reasoner_train.chains.room import BRIEF, FULL
from rag_reasoner_train.chains.rules import BRIEF_STYLE, Rules, chain_by_rule
from rag_reasoner_train.chains.topic import missing, topics
from rag_reasoner_train.rows.reading import read_rows
from rag_reasoner_train.rows.view import View
from small_rows import FACT, hostile_rows, row

from rag_reasoner.models import default
from rag_reasoner.quotes import find_quote
from rag_reasoner.tasks import RankTask, show
from rag_reasoner.tasks.evidence import LINE_TOKENS
from rag_reasoner.types import Candidate, Document
from rag_reasoner.words import terms

name = attrgetter("id")
ASKED = "When did the museum open?"


def shown(text, title=""):
    return show(Candidate(Document("d", text, title=title)))


def quoted(text, answers=("1962",), asked=ASKED):
    return best_quote(asked, shown(text), answers)


def test_the_sentence_with_the_answer_is_quoted_and_of_several_the_one_that_speaks_of_the_question():
    text = f"In 1962 it rained. {FACT} The museum is open on Mondays."
    assert quoted(text).text == FACT
    assert quoted(text).carries
    assert not quoted(text).alone
    assert quoted(FACT).alone


def test_without_the_answer_what_shares_most_with_the_question_is_quoted():
    found = quoted("It rained. The museum is open on Mondays. It has 40 rooms.")
    assert (found.text, found.carries) == ("The museum is open on Mondays.", False)


def test_of_a_table_the_row_is_quoted_and_not_its_head():
    table = "| Museum | Opened |\n| --- | --- |\n| Old museum | 1962 |\n| New museum | 1990 |"
    assert quoted(table).text == "Old museum | 1962"
    assert quoted(table, answers=("17",), asked="How big is the new museum?").text == "New museum | 1990"


def test_a_long_sentence_is_cut_around_the_answer_to_what_a_line_has_room_for():
    text = f"{'very ' * 40}old, the museum of the town opened in 1962, {'and ' * 40}so on."
    found = quoted(text)
    assert FULL.fits(found.text)
    assert found.carries
    assert "museum of the town opened in 1962" in found.text
    assert terms(found.text.split()[-1])  # ends with a word that says something


def test_a_quote_does_not_begin_where_a_line_before_it_ends_with_a_hyphen():
    heading = "".join(f"FY {year} \nResults\n" for year in range(2014, 2019)) + "FY 2018 \nTarget\nFY 2014-\n"
    text = (
        f"{heading}FY 2018 \nTrend\nAverage number of minutes to answer phone calls 13.7 15.8 24.2 17.7 8.60 <=12 Met\n"
    )
    found = quoted(text, ("8.60",), "What was the average number of minutes to answer phone calls in FY 2018?")
    assert found.carries
    assert shown(text).locate(found.text)


def test_an_answer_that_lists_things_is_carried_only_by_all_of_them():
    text = "We have cats and dogs. We have birds."
    assert quoted(text, ("cats; dogs",), "Which animals?").carries
    assert not quoted(text, ("cats; birds",), "Which animals?").carries


@pytest.mark.parametrize("text", ["", "?!", "the of and", "\n\n"])
def test_where_nothing_can_be_quoted_there_is_no_chain(text):
    assert quoted(text) is None
    wordless = row(candidates=[{"id": "b", "text": text}])
    with pytest.raises(NoChain, match="document 'b' is relevant, but has no words to quote"):
        chain_by_rule(wordless)


def test_answers_that_are_worked_out_are_never_certain():
    for extra in ({"answer_type": "arithmetic"}, {"answer_type": "count"}, {"derivation": "1960+2"}):
        chain = chain_by_rule(row(extra=extra))
        assert (chain.certain, chain.answer) == (False, None)
    assert chain_by_rule(row(extra={"answer_type": "span"})).certain


def test_the_terms_of_a_derivation_lead_to_the_row_that_it_takes_them_from():
    table = "| Year | Visitors |\n| 2018 | 1,234 |\n| 2019 | 5,678 |"
    found = row(
        question="By how much did it change?",
        answers=["4,444"],
        candidates=[{"id": "b", "text": table}],
        extra={"derivation": "5,678 - 1,234"},
    )
    assert chain_by_rule(found).sayings["b"].quote == "2018 | 1,234"


def test_a_second_relevant_document_is_quoted_where_it_names_the_first():
    table = "| Team | Ground |\n| Eagles | North End |\n| Rangers | Shielfield Park |"
    found = row(
        question="In which town does the team play?",
        answers=["Berwick"],
        candidates=[
            {"id": "t", "text": table},
            {"id": "p", "title": "Rangers", "text": "The club is based in the town of Berwick."},
        ],
        relevant=["t", "p"],
    )
    assert chain_by_rule(found).sayings["t"].quote == "Rangers | Shielfield Park"


@pytest.mark.parametrize("answer", ["[2]", "<answer>", "it has four .303 guns"])
def test_an_answer_that_would_be_read_as_something_else_is_not_taught_but_the_order_is(answer):
    chain = chain_by_rule(row(answers=[answer], candidates=[{"id": "b", "text": f"The museum says that {answer}."}]))
    assert (chain.certain, chain.answer) == (False, None)
    assert chain.sayings["b"].quote


def test_reasons_say_truly_what_a_document_is_about_and_lacks():
    free = Document("d", "Admission to the museum is free.", title="Rock")
    one, other = shown("Basalt forms when lava cools quickly. Basalt is dark.", "Rock"), show(Candidate(free))
    about = topics([one, other])
    assert "Basalt" in about[0]
    assert "Admission" in about[1]
    assert topics([one, shown("x", title="Museum")])[1] == "Museum"
    assert missing("When did the old museum open?", free) == ["open", "old"]
    assert missing("Is admission free?", free) == []


def test_wordings_vary_with_the_seed_and_stay_short(sample):
    reasons = set()
    for found in read_rows(sample):
        chains = [chain_by_rule(found, Rules(seed)) for seed in range(3)]
        assert chains[0] == chain_by_rule(found)
        for chain in chains:
            said = [saying.reason or saying.quote for saying in chain.sayings.values()]
            assert all(FULL.fits(text) for text in said)
        reasons |= {tuple(saying.reason for saying in chain.sayings.values()) for chain in chains}
    assert len(reasons) > 100


def test_brief_chains_say_the_same_in_half_the_words(sample):
    certain = 0
    for found in read_rows(sample):
        chain = chain_by_rule(found, Rules(style=BRIEF_STYLE))
        assert all(BRIEF.fits(saying.quote or saying.reason) for saying in chain.sayings.values())
        certain += chain.certain
    assert certain > 30


def pointed(text, answers=("1962",)):
    return from_the_answer(quoted(text, answers), shown(text), answers, BRIEF).text


def test_a_pointed_quote_begins_with_the_answer_and_goes_on_past_its_sentence():
    text = "The old museum on the hill opened its doors in 1962. Since then it has grown."
    assert pointed(text) == "1962. Since then it has grown."
    assert pointed(f"Once, {'very ' * 9}early in 1962, the museum {'did ' * 30}open") == f"1962, the museum{' did' * 9}"


@pytest.mark.parametrize(
    "text", [FACT, f"{FACT}\nSince then it has grown much.", "| Museum | 1962 | the year it opened |"]
)
def test_where_little_follows_the_answer_and_in_tables_a_pointed_quote_is_as_it_was(text):
    assert pointed(text) == quoted(text).text


def test_brief_chains_point_at_their_answers(sample):
    rows = [one for one in read_rows(sample) if not any("|" in document.text for document in one.candidates)]
    begun = 0
    for found in rows:
        chain = chain_by_rule(found, Rules(style=BRIEF_STYLE))
        quotes = [saying.quote for saying in chain.sayings.values() if saying.quote]
        begun += any(quote.startswith(str(chain.answer).split()[0]) for quote in quotes)
    assert begun > 10


def test_other_scripts_take_twice_the_room_that_letters_do():
    assert FULL.fits("museum " * 20)
    assert FULL.fits("μουσείο")
    assert not FULL.fits("μουσείο " * 3)


@pytest.mark.model
def test_a_line_has_room_for_what_the_default_model_must_write(sample):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(default.pull()))
    lines = [
        line
        for found in read_rows(sample)
        for line in RankTask.render(
            reply_of(list(map(name, found.candidates)), found.relevant, chain_by_rule(found))
        ).split("\n")
        if line.startswith("[")
    ]
    assert len(lines) == 6 * 48
    assert max(len(tokenizer(line).input_ids) for line in lines) <= LINE_TOKENS


def test_a_reason_names_nothing_that_a_cut_document_does_not_show():
    lava = {
        "id": "a",
        "text": "Basalt forms from lava. " + "It is grey and hard. " * 5 + "Granite, granite, granite.",
    }
    found = row(candidates=[lava, {"id": "b", "text": FACT}])
    whole, cut = (chain_by_rule(found, Rules(view=view)).sayings["a"].reason for view in (View(), View(12)))
    assert "ranite" in whole
    assert "ranite" not in cut


@given(hostile_rows())
def test_quotes_stand_in_their_document_and_reasons_say_nothing_of_numbers(found):
    chain = chain_by_rule(found)
    for document in found.candidates:
        saying = chain.sayings[document.id]
        assert bool(saying.quote) is (document.id in found.relevant)
        assert bool(saying.reason) is not bool(saying.quote)
        if saying.quote:
            assert show(Candidate(document)).locate(saying.quote)
            assert FULL.fits(saying.quote)
    if chain.certain and found.answerable:
        assert any(find_quote(chain.answer, saying.quote) for saying in chain.sayings.values())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"b": ""}, "unfounded_citation"),
        ({"b": "The museum opened in 1963."}, "unverified_quote"),
    ],
)
def test_a_chain_that_would_not_earn_everything_is_refused(change, reason):
    chain = chain_by_rule(row())
    sayings = {one: type(saying)(change.get(one, saying.quote), saying.reason) for one, saying in chain.sayings.items()}
    with pytest.raises(NoChain, match=reason):
        check(row(), type(chain)(chain.row_id, sayings, chain.answer, chain.certain))


def test_a_chain_with_another_answer_is_refused():
    chain = chain_by_rule(row())
    with pytest.raises(NoChain, match="does not earn all of answer_exact, answer_f1"):
        check(row(), type(chain)(chain.row_id, chain.sayings, "1963", True))


def test_the_answer_cites_all_that_is_relevant_and_nothing_else():
    found = row(
        candidates=[{"id": str(n), "text": f"The museum opened in 1962, says {n}."} for n in range(3)],
        relevant=["0", "2"],
    )
    reply = reply_of(["0", "1", "2"], found.relevant, chain_by_rule(found))
    assert reply.answer.text == "1962 [1][3]"
    assert reply.order == (0, 2, 1)
