"""The benchmarks' figures against their official scripts.

Three oracles, none of which is the implementation: cases recorded from the scripts' own functions, retyped from their
sources outside of this repository and run with the packages that the scripts use (`golden/official_metrics.jsonl`);
the formulas restated by brute force (areas by counting unit squares, alignments by trying all); and small tables
worked out by hand.
"""

import json
from collections import Counter
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner.errors import InvalidInput
from rag_reasoner.metrics import grouped, mmdocir, multimodalqa, number_words, squad, webqa
from rag_reasoner.metrics.assignment import best_assignment
from rag_reasoner.metrics.mmdocir import Region

RECORDED = [
    json.loads(line)
    for line in (Path(__file__).parent / "golden" / "official_metrics.jsonl").read_text("utf-8").splitlines()
]
MODULES = {
    "mmdocir": mmdocir,
    "multimodalqa": multimodalqa,
    "number_words": number_words,
    "squad": squad,
    "webqa": webqa,
}


@pytest.mark.parametrize("name", sorted({case["function"] for case in RECORDED}))
def test_recorded_figures_of_the_official_scripts_are_met(name):
    module, function = name.split(".")
    cases = [case for case in RECORDED if case["function"] == name]
    assert len(cases) >= 25
    for case in cases:
        args = case["args"]
        if "layout" in name:
            args = [[Region(*one) for one in args[0]], [Region(*one) for one in args[1]], args[2]]
        value = getattr(MODULES[module], function)(*args)
        assert value == (None if case["value"] is None else pytest.approx(case["value"], abs=1e-9)), case


# MMDocIR

PAGES = st.integers(0, 8)
SIDE = 6
BOXES = st.tuples(st.integers(0, SIDE), st.integers(0, SIDE), st.integers(1, SIDE), st.integers(1, SIDE))
REGIONS = st.builds(
    lambda page, box: Region(page, min(box[0], box[2] - 1), min(box[1], box[3] - 1), box[2], box[3]),
    st.integers(0, 1),
    BOXES,
)


def squares(region):
    return Counter(
        (region.page, x, y)
        for x in range(int(region.left), int(region.right))
        for y in range(int(region.top), int(region.bottom))
    )


@given(st.lists(REGIONS, max_size=5), st.lists(REGIONS, max_size=3), st.sampled_from([1, 3, 10]))
def test_layout_recall_counts_every_unit_square_once_and_the_official_one_each_overlap(ranked, gold, k):
    covered = set().union(*(squares(one) for one in ranked[:k]))
    wanted = set().union(*(squares(one) for one in gold))
    overlaps = sum((squares(one) & squares(other)).total() for one in ranked[:k] for other in gold)
    areas = sum(squares(one).total() for one in gold)
    assert mmdocir.layout_recall(ranked, gold, k) == pytest.approx(len(covered & wanted) / len(wanted) if wanted else 0)
    assert mmdocir.official_layout_recall(ranked, gold, k) == pytest.approx(overlaps / areas if areas else 0)


def test_overlapping_layouts_lift_only_the_official_recall_above_1():
    gold = [Region(0, 0, 0, 2, 2)]
    twice = [Region(0, 0, 0, 2, 2), Region(0, 0, 0, 9, 9)]
    assert mmdocir.official_layout_recall(twice, gold) == 2.0
    assert mmdocir.layout_recall(twice, gold) == 1.0
    assert mmdocir.layout_recall([Region(1, 0, 0, 2, 2)], gold) == 0.0


def test_the_official_ndcg_and_average_precision_forgive_what_was_not_retrieved():
    assert mmdocir.official_ndcg([7], [7, 8, 9]) == mmdocir.official_average_precision([7], [7, 8, 9]) == 1.0
    assert mmdocir.page_recall([7], [7, 8, 9]) == pytest.approx(1 / 3)


@given(st.lists(PAGES, unique=True), st.lists(PAGES, unique=True, min_size=1), st.sampled_from([1, 3, 5]))
def test_page_recall_is_the_textbooks_recall_where_nothing_repeats(ranked, gold, k):
    expected = sum(1 for page in gold if page in ranked[:k]) / len(gold)
    assert mmdocir.page_recall(ranked, gold, k) == pytest.approx(expected)


def test_micro_is_over_questions_and_macro_over_domains():
    values = {"1": 1.0, "2": 0.0, "3": 0.0, "4": 1.0}
    domains = {"1": "News", "2": "News", "3": "News", "4": "Laws"}
    result = grouped(values, domains)
    assert (result.micro, result.macro) == (0.5, pytest.approx((1 / 3 + 1) / 2))
    assert result.counts == {"Laws": 1, "News": 3}
    assert mmdocir.official_macro(values, domains) == pytest.approx((1 / 3 + 1) / 10)


def test_a_domain_that_the_benchmark_lacks_is_named():
    with pytest.raises(InvalidInput, match="'Poetry' is not a domain"):
        mmdocir.official_macro({"1": 1.0}, {"1": "Poetry"})
    with pytest.raises(InvalidInput, match="'1' belongs to no group"):
        grouped({"1": 1.0}, {})


# Numbers in words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("forty-two", 42),
        ("three hundred and five", 305),
        ("one billion two million five", 1_002_000_005),
        ("two million three thousand", 2_004_003),
        ("nine point zero five", 9.05),
        ("point", 0),
        ("point five hundred", 0),
        ("one two three four five", 1),
        ("007", 7),
        ("thousand thousand five", None),
        ("point one point two", None),
        ("five thousand two million", None),
        ("thousand five", None),
        ("²", None),
        ("cats", None),
        ("", None),
    ],
)
def test_number_words_are_read_as_the_scripts_package_reads_them(text, expected):
    assert number_words.number(text) == expected


# MultimodalQA

SCORES = st.sampled_from([0.0, 0.25, 0.4, 0.5, 2 / 3, 1.0])
MATRICES = st.integers(1, 4).flatmap(
    lambda columns: st.lists(st.lists(SCORES, min_size=columns, max_size=columns), min_size=1, max_size=4)
)


@given(MATRICES)
def test_an_assignment_is_as_good_as_the_best_of_all(scores):
    rows, columns = len(scores), len(scores[0])
    pairs = best_assignment(scores)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == min(rows, columns) == len(pairs)
    wide = scores if rows <= columns else [list(column) for column in zip(*scores, strict=True)]
    best = max(
        sum(row[column] for row, column in zip(wide, chosen, strict=True))
        for chosen in permutations(range(len(wide[0])), len(wide))
    )
    assert sum(scores[row][column] for row, column in pairs) == pytest.approx(best)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Twenty-One cats!", "20.0 1.0 cats"),
        ("1,000", "1000.0"),
        ("3.0", "3.0"),
        ("U.S.", "us"),
        ("NaN", "nan"),
        ("a", ""),
        ("half point", "half 0.0"),
        ("two\u00a0million\u00a0three\u00a0thousand", "2004003.0"),
        ("five hundred", "5.0 100.0"),
    ],
)
def test_answers_are_normalised_word_by_word(text, expected):
    assert multimodalqa.normalise(text) == expected


@pytest.mark.parametrize(
    ("predicted", "gold", "em", "f1"),
    [
        (["red", "blue"], ["Blue.", "the Red"], 1.0, 1.0),
        (["red", "red"], ["red"], 0.0, 0.5),
        ("red", ["red"], 1.0, 1.0),
        (["red", "red"], ["red", "blue"], 0.0, 0.5),
        ([], ["red"], 0.0, 0.0),
        ([""], ["red"], 0.0, 0.0),
        (["the"], ["a"], 1.0, 1.0),
        (["about 7 cats"], ["8 cats"], 0.0, 0.0),
        (["big red car"], ["red car"], 0.0, 0.8),
        (["a b c", "d"], ["b", "c d"], 0.0, 0.67),
        ([], [], 1.0, 1.0),
    ],
)
def test_lists_of_answers_have_the_figures_worked_out_by_hand(predicted, gold, em, f1):
    assert multimodalqa.list_em(predicted, gold) == em
    assert multimodalqa.list_f1(predicted, gold) == f1


WORDS = st.lists(st.sampled_from(["red", "blue", "cat", "dog", "sun"]), max_size=3).map(" ".join)


@given(st.lists(WORDS, max_size=4), st.lists(WORDS, min_size=1, max_size=4))
def test_list_f1_is_the_best_of_all_alignments(predicted, gold):
    size = max(len(predicted), len(gold))
    ours = [set(one.split()) for one in predicted] + [None] * (size - len(predicted))
    theirs = [set(one.split()) for one in gold] + [None] * (size - len(gold))

    def f1(one, other):
        if one is None or other is None:
            return 0.0
        return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0

    best = max(sum(map(f1, order, theirs)) for order in permutations(ours)) / size
    assert multimodalqa.list_f1(predicted, gold, digits=None) == pytest.approx(best)


def test_list_f1_is_rounded_as_numpy_rounds():
    predicted, gold = ["w x y z", "u v"], ["w k l m", "u n o"]
    assert multimodalqa.list_f1(predicted, gold, digits=None) == (0.25 + 0.4) / 2
    assert multimodalqa.list_f1(predicted, gold) == 0.32 != round((0.25 + 0.4) / 2, 2)


@pytest.mark.parametrize("size", [7, 8, 9, 15, 64, 128, 129, 150])
def test_list_f1_is_summed_to_the_last_bit_as_numpy_sums(size):
    shares = [(number % 7 + 1, number % 5 + 1) for number in range(size)]
    predicted = [" ".join([f"w{n}x", *(f"p{n}x{i}" for i in range(a))]) for n, (a, _) in enumerate(shares)]
    gold = [" ".join([f"w{n}x", *(f"g{n}x{i}" for i in range(b))]) for n, (_, b) in enumerate(shares)]
    one_shared = [2 * (1 / (a + 1)) * (1 / (b + 1)) / (1 / (a + 1) + 1 / (b + 1)) for a, b in shares]
    assert multimodalqa.list_f1(predicted, gold, digits=None) == float(np.mean(one_shared))


def test_a_question_without_a_prediction_counts_as_zero_in_every_benchmark():
    gold = {"1": [["red"]], "2": [["blue"], ["navy"]]}
    assert multimodalqa.per_query(multimodalqa.list_em, {"2": "navy"}, gold) == {"1": 0.0, "2": 1.0}
    assert squad.per_query(squad.f1, {"2": ""}, {"1": ["red"], "2": []}) == {"1": 0.0, "2": 1.0}


def test_a_question_without_gold_answers_is_refused_where_the_benchmark_has_none():
    with pytest.raises(InvalidInput, match="no gold answer"):
        multimodalqa.best(multimodalqa.list_f1, "red", [])
    with pytest.raises(InvalidInput, match="no questions without an answer"):
        squad.f1_v1("red", [])


# SQuAD


@pytest.mark.parametrize(
    ("prediction", "answers", "em", "f1"),
    [
        ("The Norman's dukes", ["Normans dukes"], 1.0, 1.0),
        ("the dukes of France", ["dukes"], 0.0, 0.5),
        ("dukes dukes", ["dukes"], 0.0, pytest.approx(2 / 3)),
        ("", [], 1.0, 1.0),
        ("the", [], 1.0, 1.0),
        ("red", [], 0.0, 0.0),
        ("", ["red"], 0.0, 0.0),
        ("", ["the"], 1.0, 1.0),
        ("red", ["blue", "red hat"], 0.0, pytest.approx(2 / 3)),
    ],
)
def test_extracted_answers_have_the_figures_worked_out_by_hand(prediction, answers, em, f1):
    assert squad.exact_match(prediction, answers) == em
    assert squad.f1(prediction, answers) == f1


def test_version_1_gives_no_f1_for_saying_nothing():
    assert (squad.exact_match_v1("the", ["a"]), squad.f1_v1("the", ["a"])) == (1.0, 0.0)


def test_a_probable_no_answer_overrules_the_prediction():
    gold = {"1": ["red"], "2": []}
    said = {"1": "red", "2": "blue"}
    unsure = {"1": 0.9, "2": 0.9}
    assert squad.per_query(squad.f1, said, gold, no_answer=unsure) == {"1": 1.0, "2": 0.0}
    assert squad.per_query(squad.f1, said, gold, no_answer=unsure, threshold=0.5) == {"1": 0.0, "2": 1.0}


@given(st.text(max_size=30))
def test_an_answer_matches_itself(text):
    assert squad.exact_match(text, [text]) == squad.f1(text, [text]) == 1.0
    assert multimodalqa.list_em([text, text], [text, text]) == multimodalqa.list_f1([text], [text]) == 1.0


# WebQA


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The three red cats.", "3 red cats"),
        ("a", "a"),
        ("?", "?"),
        ("The", "the"),
        ("It is 3.5 m. tall", "it is 3.5 m tall"),
        ("point", "point"),
        ("a point zero", "point 0"),
        ("", ""),
        ("twenty-one", "twentyone"),
    ],
)
def test_webqa_text_is_normalised_as_its_script_does(text, expected):
    assert webqa.normalise(text) == expected


@pytest.mark.parametrize(
    ("prediction", "keywords", "category", "expected"),
    [
        ("It is red and blue", "red", "color", 2 * 0.5 / (1.5 + 1e-5)),
        ("red red red", "red", "color", 2 / (2 + 1e-5)),
        ("Yes, no", "yes", "YesNo", 2 * 0.5 / (1.5 + 1e-5)),
        ("two round and 4 square", "2 4", "number", 2 / (2 + 1e-5)),
        ("3.5 or four", "3.5", "number", 0.0),
        ("a round circle", "circle", "shape", 2 * 0.5 / (1.5 + 1e-5)),
        ("the quick brown fox", "brown fox jumps", "text", 2 / 3),
        ("", "red", "color", 0.0),
        ("purple", "mauve", "color", 0.0),
    ],
)
def test_webqa_answers_have_the_figures_worked_out_by_hand(prediction, keywords, category, expected):
    assert webqa.accuracy(prediction, keywords, category) == pytest.approx(expected, abs=1e-12)


def test_the_lemmatiser_is_applied_to_both_sides():
    assert webqa.accuracy("cats", "cat", "text") == 0.0
    assert webqa.accuracy("cats", "cat", "text", lambda text: text.rstrip("s")) == 1.0


def test_one_candidate_that_misses_makes_all_figures_zero():
    assert webqa.answer_scores(["red", "mauve"], "red", "color") == webqa.AnswerScores()
    assert webqa.answer_scores([], "red", "color") == webqa.AnswerScores()
    assert webqa.answer_scores(["red", "red"], "red", "color").exact == 1.0


def test_an_unknown_category_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInput, match="'colour'; choose one of YesNo"):
        webqa.accuracy("red", "red", "colour")


@given(st.lists(PAGES), st.lists(PAGES))
def test_source_f1_is_the_harmonic_mean_of_precision_and_recall_of_the_sets(predicted, gold):
    shared = len([one for one in set(gold) if one in predicted])
    precision = shared / len(set(predicted)) if predicted else 0
    recall = shared / len(set(gold)) if gold else 0
    expected = 2 * precision * recall / (precision + recall) if shared else 0.0
    assert webqa.source_f1(predicted, gold) == pytest.approx(expected)
    assert webqa.baseline_source_f1(predicted, gold) == pytest.approx(expected, abs=5e-5)


def test_fluency_is_absent_without_a_scorer_and_relative_to_the_reference_with_one():
    def shorter_is_likelier(sources, targets):
        assert len(sources) == len(targets)
        return [-float(len(target)) for target in targets]

    assert webqa.fluency("red", ["red"], None) is None
    assert webqa.fluency("It is red!", ["It is red."], shorter_is_likelier) == 1.0
    assert webqa.fluency("red", ["It is red."], shorter_is_likelier) == 1.0
    assert webqa.fluency("abc", ["a", "ab"], shorter_is_likelier) == pytest.approx(0.36787944117)
    with pytest.raises(InvalidInput):
        webqa.fluency("red", [], shorter_is_likelier)
