"""What the list-wise tasks ask for, and how replies to them are read."""

import re
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from small_tasks import EVERY_LISTWISE, LISTWISE, QUESTION, SHOWN, of

from rag_reasoner.messages import plain
from rag_reasoner.tasks import (
    AnswerTask,
    Evidence,
    ListwiseReply,
    MMR5Task,
    OrderTask,
    RankAndAnswerTask,
    RankTask,
    RelevanceTask,
)
from rag_reasoner.tasks.evidence import quoted
from rag_reasoner.tasks.scaffold import Choice, Evidenced, Free, Literal, Marked, Permutation
from rag_reasoner.tasks.statement import ABSTENTION, Statement, cite, remark
from rag_reasoner.tasks.tags import STOPS, after_thinking
from rag_reasoner.types import FAULTS

OF_FORM = {"no_answer", "unreadable", "misformatted", "duplicate", "missing", "truncated"}
BITS = st.sampled_from(
    "<rank> </rank> <answer> </answer> <evidence> </evidence> <think> </think> [1] [2] yes: no: > , 1 2 3 12 0 -1 0.5 "
    '\n Document answer: " “ ” The documents do not say. ٣ １ \x00'.split(" ")
)
REPLIES = st.one_of(st.text(), st.lists(BITS).map(" ".join), st.lists(BITS).map("".join))
KINDS = pytest.mark.parametrize("kind", EVERY_LISTWISE, ids=lambda kind: kind.__name__)


def kinds(read):
    return [fault.kind for fault in read.faults]


@KINDS
@given(count=st.integers(0, 40), reply=REPLIES)
def test_any_text_yields_a_permutation_and_every_document_is_accounted_for(kind, count, reply):
    read = of(kind, count).parse(reply)
    assert sorted(read.order) == list(range(count))
    assert 0 <= read.stated <= count
    assert read.order[read.stated :] == tuple(sorted(read.order[read.stated :]))
    assert set(kinds(read)) <= FAULTS.keys()
    assert all(1 <= line.number <= count for line in read.evidence)
    assert all(0 <= place < count for place in (read.answer.cited if read.answer else ()))


@KINDS
@given(count=st.integers(1, 40), reply=REPLIES)
def test_a_reply_with_no_fault_of_form_is_its_own_rendering_so_a_repair_always_leaves_a_fault(kind, count, reply):
    task = of(kind, count)
    read = task.parse(reply)
    if not (OF_FORM | {"out_of_range"}) & set(kinds(read)):
        said = after_thinking(reply)
        assert "".join(said.split()) == "".join(after_thinking(task.render(read)).split())
        assert task.parse(task.render(read)) == read


@KINDS
@given(count=st.integers(1, 12), data=st.data())
def test_an_order_that_was_repaired_says_so(kind, count, data):
    task = of(kind, count)
    reply = data.draw(REPLIES)
    read = task.parse(reply)
    if getattr(task, "gives_order", True) and read.stated < count:
        assert {"missing", "no_answer"} & set(kinds(read))


def test_any_text_yields_a_verdict_or_none():
    task = RelevanceTask(QUESTION, SHOWN[0])
    assert (task.parse("yes").relevant, task.parse("no").relevant) == (True, False)
    assert task.parse("yes").faults == ()
    assert task.parse(" **Yes**, because").relevant is True
    assert kinds(task.parse("Yes.")) == ["misformatted"]
    assert task.parse("nothing").relevant is None
    assert kinds(task.parse(" " * 100_000)) == ["unreadable"]


WORDS = st.text("abcdefghij XYZ0123456789.,%$()é漢'-", min_size=1, max_size=60).map(lambda text: " ".join(text.split()))


@st.composite
def canonical(draw, count):
    order = tuple(draw(st.permutations(range(count))))
    lines = []
    for number in range(1, count + 1):
        said = draw(WORDS.filter(bool))
        quoted = draw(st.booleans())
        lines.append(Evidence(number, draw(st.booleans()), *((said, "") if quoted else ("", said))))
    places = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3, unique=True))
    answer = draw(
        st.one_of(st.just(Statement(ABSTENTION, abstained=True)), WORDS.filter(bool).map(lambda t: cite(t, places)))
    )
    return ListwiseReply(order, count, tuple(lines), answer, draw(WORDS))


@KINDS
@given(data=st.data(), count=st.integers(1, 12))
def test_parse_of_render_is_what_was_rendered(kind, data, count):
    said = data.draw(canonical(count))
    read = of(kind, count).parse(kind.render(said))
    assert not OF_FORM & set(kinds(read))
    assert read.order == (said.order if getattr(kind, "gives_order", True) else tuple(range(count)))
    assert read.stated == (count if getattr(kind, "gives_order", True) else 0)
    assert read.evidence == (said.evidence if getattr(kind, "gives_evidence", False) else ())
    assert read.answer == (said.answer if getattr(kind, "gives_answer", False) else None)
    assert read.reasoning == (said.reasoning if kind is MMR5Task else "")


@st.composite
def along(draw, scaffold):
    """A reply made along a scaffold, with whatever a model may write into the open pieces."""
    return "".join([draw(_piece(piece)) for piece in scaffold])


def _piece(piece):
    match piece:
        case Literal():
            return st.just(piece.text)
        case Choice():
            return st.sampled_from(piece.options)
        case Permutation():
            return st.permutations(range(1, piece.n + 1)).map(lambda order: piece.separator.join(map(str, order)))
        case Free() | Marked():
            return st.text().filter(lambda text: _free(text, piece.stops))
        case Evidenced():  # where a server writes it, nothing holds it to the texts
            return st.text().filter(lambda text: _free(text, ("\n", *STOPS))).map(lambda text: f" {text}")
    raise AssertionError(piece)


def _free(text, stops):
    """Not the stops, no tag of ours in any case, and a quote, if it begins with one, has words and ends."""
    tagged = any(stop in text for stop in stops) or re.search(
        r"<\s?/?\s?(rank|answer|evidence|think)", text, re.IGNORECASE
    )
    half_quoted = re.match('["“”«]', text) and not re.fullmatch(r'"\S(.*\S)?"', text)
    return not tagged and not half_quoted and not text.endswith("<") and bool(text.strip())


@KINDS
@given(data=st.data(), count=st.integers(1, 6))
def test_a_reply_made_along_the_scaffold_has_no_fault_of_form(kind, data, count):
    task = of(kind, count)
    reply = data.draw(along(task.scaffold()))
    assume("not say" not in reply)
    assert not OF_FORM & set(kinds(task.parse(reply)))


@pytest.mark.parametrize("kind", [RankTask, AnswerTask, RankAndAnswerTask])
def test_of_a_document_that_answers_the_verdict_and_where_to_quote_are_given_and_nothing_else_changes(kind):
    task = of(kind, 2)
    known = replace(task, said_in=("here", "or here"))
    assert known.messages() == task.messages()
    verdict = next(place for place, piece in enumerate(task.scaffold()) if isinstance(piece, Choice))
    told, open_ = list(known.scaffold()), list(task.scaffold())
    assert (open_[verdict], told[verdict]) == (Choice(("yes", "no")), Literal("yes"))
    assert told[verdict + 2] == replace(open_[verdict + 2], texts=("here", "or here"))
    del open_[verdict : verdict + 3], told[verdict : verdict + 3]
    assert told == open_


@pytest.mark.parametrize("kind", LISTWISE, ids=lambda kind: kind.__name__)
def test_the_example_in_the_prompt_is_a_perfect_reply(kind):
    prompt = plain(of(kind, 2).messages())
    example = prompt.split("Reply in exactly this form:\n")[1].split("\n--- user")[0]
    task = of(kind, 2, "the museum opened in 1962")
    assert task.parse(example).faults == ()


def test_the_most_tokens_grow_with_the_documents():
    for kind in EVERY_LISTWISE:
        assert of(kind, 20).reply_tokens > of(kind, 2).reply_tokens


def test_what_a_reply_has_quoted_is_told_by_its_strict_lines():
    lines = [
        "[1] no: it is old",
        '[3] yes: "so it is"',
        '[2] no: "or so"',
        '[3] yes: "again"',
        '1) yes: "x"',
        '[4] yes: ""',
    ]
    assert quoted("\n".join(["<evidence>", *lines])) == (3, 2)


# Thinking is never parsed.


def test_blanks_beside_tags_are_no_fault():
    assert of(OrderTask, 3).parse("<rank>\n 3 > 1 > 2 \n</rank>\n").faults == ()


RANKED = "<rank>3 > 2 > 1</rank>"


@pytest.mark.parametrize(
    "thoughts",
    [
        "<think>for example <rank>1 > 2 > 3</rank></think>",
        "for example <rank>1 > 2 > 3</rank></think>",
        "<think>a <think>nested <rank>1 > 2 > 3</rank></think> and <rank>2 > 1 > 3</rank></think>",
        "<THINK>1 > 2 > 3\n</THINK >",
    ],
)
def test_what_is_thought_is_not_said(thoughts):
    read = of(OrderTask, 3).parse(f"{thoughts}\n{RANKED}")
    assert (read.order, read.stated, read.faults) == ((2, 1, 0), 3, ())


@pytest.mark.parametrize(
    "reply", [f"<think>{RANKED}", f"a</think><think>{RANKED}", f"<think>Compare 9 with 4 {RANKED}"]
)
def test_thinking_that_never_ends_says_nothing(reply):
    read = of(OrderTask, 3).parse(reply)
    assert (read.order, read.stated) == ((0, 1, 2), 0)
    assert "no_answer" in kinds(read)


# Rankings that models really write.


@pytest.mark.parametrize(
    "said",
    [
        "[3] > [1] > [2]",
        "3,1,2",
        "[3, 1, 2]",
        '{"ranking": [3, 1, 2]}',
        "Document 3 > Document 1 > Document 2",
        "3 → 1 → 2",
        "3\n1\n2",
        "1. Document 3\n2. Document 1\n3. Document 2",
        "(1) 3\n(2) 1\n(3) 2",
        "**3** > **1** > **2**",
        "3 > 1 > 2 > 3 > 3",
        "3 > 1 > 2 > 99",
        "0 > 3 > 1 > -2 > 2 > 2.5",
        f"3 > 1 > 2 > {'7' * 5000}",
    ],
)
def test_a_ranking_is_read_in_whatever_way_it_is_written_and_the_way_reported(said):
    read = of(OrderTask, 3).parse(f"<rank>{said}</rank>")
    assert (read.order, read.stated) == ((2, 0, 1), 3)
    assert read.faults


@pytest.mark.parametrize(
    "reply",
    [
        "<rank>3 > 1 > 2",
        "3 > 1 > 2</rank>",
        "<RANK>3 > 1 > 2</RANK>",
        "< rank >3 > 1 > 2</ rank>",
        "```\n<rank>3 > 1 > 2</rank>\n```",
        "Ranking: 3 > 1 > 2",
        "<rank>1 > 2 > 3</rank> No: <rank>3 > 1 > 2</rank>",
        "1. Document 3\n2. Document 1\n3. Document 2",
        f"<rank>3 > 1 > 2</rank>\n{'x' * 70_000}",
    ],
)
def test_a_ranking_is_found_where_its_tags_are_spoilt_and_that_reported(reply):
    read = of(OrderTask, 3).parse(reply)
    assert (read.order, read.stated) == ((2, 0, 1), 3)
    assert read.faults


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I'm sorry, I can't help with that.",
        "Compare passage 9 with 4. In 2023 there were 17, 2 of them new.",
        "Which of the 3 documents do you mean?",
        "Doc: 0",
        "\x00\u202e",
        "３ > １ > ２",
        "٣ > ١ > ٢",
        "three, one, two",
        "<rank></rank>",
    ],
)
def test_what_is_no_ranking_is_none(reply):
    read = of(OrderTask, 3).parse(reply)
    assert (read.order, read.stated) == ((0, 1, 2), 0)
    assert "no_answer" in kinds(read)


def test_the_first_mention_counts_and_the_rest_keeps_its_order():
    read = of(OrderTask, 5).parse("<rank>4 > 4 > 2 > 9</rank>")
    assert (read.order, read.stated) == ((3, 1, 0, 2, 4), 2)
    assert set(kinds(read)) == {"duplicate", "out_of_range", "missing"}


def test_half_a_number_is_no_number():
    read = of(OrderTask, 12).parse("<rank>3 > 1")
    assert (read.order[0], read.stated) == (2, 1)
    assert {"truncated", "missing"} <= set(kinds(read))
    assert of(OrderTask, 12).parse("<rank>3 > 12").stated == 2


# Evidence and answers.


def evidence(*lines):
    return of(RankTask, 2).parse("<evidence>\n" + "\n".join(lines) + "\n</evidence>\n<rank>1 > 2</rank>")


@pytest.mark.parametrize(
    "line",
    [
        '- [1] yes: "opened in 1962"',
        '**[1]** Yes: "opened in 1962"',
        'Document 1: yes, "opened in 1962"',
        "[1] yes: “opened in 1962”",
        '1. [1] yes: "opened in 1962"',
        '[1] relevant - it says "opened in 1962".',
        '[1] yes: "opened in 1962 yea',
    ],
)
def test_a_line_of_evidence_is_read_in_whatever_way_it_is_written_and_the_way_reported(line):
    read = evidence(line, "[2] no: other year")
    assert read.evidence == (Evidence(1, True, quote="opened in 1962"), Evidence(2, False, reason="other year"))
    assert "misformatted" in kinds(read)


def test_evidence_left_out_doubled_or_foreign_is_reported():
    read = evidence("[2] no: a", "[2] yes: b", "[3] yes: c", "well")
    assert read.evidence == (Evidence(2, False, reason="a"),)
    assert {"duplicate", "out_of_range", "unreadable", "missing"} <= set(kinds(read))


def test_a_quote_that_its_document_does_not_have_is_reported():
    assert "unverified_quote" in kinds(evidence('[1] yes: "opened in 1963"', "[2] no: x"))
    assert kinds(evidence('[1] yes: "opened in 1962"', "[2] no: x")) == []


def answer(text, count=2):
    return of(AnswerTask, count).parse(
        f'<evidence>\n[1] yes: "opened in 1962"\n[2] no: other year\n</evidence>\n<answer>{text}</answer>'
    )


def test_an_answer_cites_what_was_shown_and_rests_on_quotes():
    assert answer("1962 [1]").answer == Statement("1962 [1]", (0,))
    assert answer("1962 [1]").faults == ()
    assert kinds(answer("1962 [1][2]")) == ["unfounded_citation"]
    assert kinds(answer("1962")) == ["uncited"]
    assert answer("1962 [1] [7].").answer == Statement("1962 [1].", (0,))
    assert kinds(answer("1962 [1] [7].")) == ["out_of_range"]
    assert answer(f"1962 [{'9' * 5000}] [1]").answer.cited == (0,)
    assert answer("1962 [Document 1]").answer == Statement("1962 [1]", (0,))
    assert kinds(answer("1962 [Document 1]")) == ["misformatted"]


def test_an_abstention_is_one_however_it_is_written():
    for text in (ABSTENTION, "the document does not say", f"**{ABSTENTION}**", f"{ABSTENTION} [7]"):
        assert answer(text).answer == Statement(ABSTENTION, abstained=True)
    assert answer(ABSTENTION).faults == ()
    assert kinds(answer("the documents do not say")) == ["misformatted"]


def test_marks_are_renumbered_and_unknown_ones_taken_out():
    assert remark("a [1], b [2, 3] [9].", {1: 3, 2: 1, 3: 2}) == "a [3], b [1, 2]."
    assert remark("a" + " " * 100_000 + "b [1]", {1: 2}).endswith("b [2]")


def test_the_joint_reply_is_read_whole():
    task = RankAndAnswerTask(QUESTION, SHOWN)
    read = task.parse(
        '<evidence>\n[1] yes: "opened in 1962"\n[2] no: orders\n[3] no: a plan\n</evidence>\n'
        "<rank>1 > 3 > 2</rank>\n<answer>1962 [1]</answer>"
    )
    assert (read.order, read.stated, read.answer, read.faults) == ((0, 2, 1), 3, Statement("1962 [1]", (0,)), ())


# MM-R5: what the published pieces disagree about.


@pytest.mark.parametrize(
    ("said", "order", "faults"),
    [
        ("[3, 2, 1]", (2, 1, 0), set()),
        ("[ 3, 2, 1 ]", (2, 1, 0), set()),
        ("\n[3,2,1]\n", (2, 1, 0), set()),
        ("[1, 1, 1]", (0, 1, 2), {"duplicate", "missing"}),
        ("[1, 1, 2]", (0, 1, 2), {"duplicate", "missing"}),
        ("[4, 3]", (2, 0, 1), {"out_of_range", "missing"}),
        ("[0, 2]", (1, 0, 2), {"out_of_range", "missing"}),
        ("[-1, 2]", (1, 0, 2), {"out_of_range", "missing"}),
        ("[1.5, 2]", (1, 0, 2), {"out_of_range", "missing"}),
        ("3, 2, 1", (2, 1, 0), {"misformatted"}),
        ("none", (0, 1, 2), {"no_answer"}),
    ],
)
def test_an_mm_r5_list(said, order, faults):
    read = of(MMR5Task, 3).parse(f"<think>Image 1 is <answer>[1, 2, 3]</answer></think>\n<answer>{said}</answer>")
    assert (read.order, set(kinds(read))) == (order, faults)
    assert read.reasoning == "Image 1 is <answer>[1, 2, 3]</answer>"


def test_one_image_is_a_list_too():
    assert of(MMR5Task, 1).parse("<think>a</think><answer>[1]</answer>").faults == ()


def test_mm_r5_prompt_takes_another_template_and_leaves_the_question_alone():
    task = MMR5Task("{count} {images}?", SHOWN[:1], "{question} of {count}:{images}!")
    assert plain(task.messages()) == "--- user\n{count} {images}? of 1:\nImage 1: History\n" + SHOWN[0].text + "!"
