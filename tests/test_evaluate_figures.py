"""Figures, slices, tables, plots, comparison: from records made by hand to numbers that can be checked by hand."""

import re

import pytest

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate import compare, figures, slices, tables
from rag_reasoner.evaluate.benchmarks import BENCHMARKS, benchmark
from rag_reasoner.evaluate.curves import judged_pairs, recall_by_k
from rag_reasoner.evaluate.folder import Costs, Finished, Header
from rag_reasoner.evaluate.markdown import cell
from rag_reasoner.evaluate.plots import draw
from rag_reasoner.evaluate.record import Record

BASE = Record(
    id="q",
    group="Laws",
    order=("a", "b", "c", "d"),
    kept=2,
    probabilities={"a": 0.6, "b": 0.9, "c": 0.2, "d": 0.1},
    relevant={"b": 1.0, "d": 1.0},
    answers=("the red door",),
    gold={},
    answer="Red door",
    answered_by="m",
    cited=("b", "c"),
    sources=("b", "c"),
    verified=("exact", "none"),
    listwise=True,
    calls=5,
    read=100,
    written=10,
)


def made(**changes):
    return BASE.model_copy(update=changes)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hit@1", 0.0),
        ("mrr", 0.5),
        ("recall@3", 0.5),
        ("hit@1 by P(relevant) alone", 1.0),
        ("relevant kept", 0.5),
        ("irrelevant dropped", 0.5),
        ("citation precision", 0.5),
        ("citation recall", 0.5),
        ("verified quotes", 0.5),
        ("well formed", 1.0),
        ("own answer", 1.0),
        ("false abstention", 0.0),
        ("right abstention", None),
        ("source F1", 0.5),
        ("answer EM", 1.0),
        ("answer F1", 1.0),
    ],
)
def test_a_figure_is_what_can_be_counted_by_hand(name, expected):
    assert benchmark("jsonl").figures[name](BASE) == expected


def test_what_cannot_be_scored_has_no_figure_and_is_not_0():
    nothing = made(relevant={}, answer=None, sources=None, verified=(), listwise=False, probabilities={"a": None})
    found = {name: figure(nothing) for name, figure in benchmark("jsonl").figures.items()}
    assert {name for name, value in found.items() if value is not None} == {"irrelevant dropped"}


def test_an_answer_is_scored_only_where_the_candidates_hold_it():
    assert benchmark("jsonl").figures["answer F1"](made(relevant={})) is None


def test_silence_scores_0_and_is_not_left_out():
    silent = made(order=(), kept=0, probabilities={}, answer="", cited=(), sources=(), verified=())
    for name in ("hit@1", "mrr", "recall@10", "citation precision", "source F1", "answer F1"):
        assert benchmark("jsonl").figures[name](silent) == 0.0


def test_abstaining_is_right_only_where_there_is_nothing_to_find():
    assert figures.right_abstention(made(relevant={}, abstained=True, answer="")) == 1.0
    assert figures.right_abstention(made(relevant={})) == 0.0
    assert figures.false_abstention(made(abstained=True, answer="")) == 1.0


def test_an_extract_is_no_answer_of_the_models_own():
    assert figures.own_answer(made(answered_by="extractive")) == 0.0


def test_only_faults_of_form_make_a_reply_malformed():
    assert figures.well_formed(made(faults=("uncited", "hidden_text"))) == 1.0
    assert figures.well_formed(made(faults=("duplicate",))) == 0.0


def test_squads_official_figures_count_questions_without_an_answer():
    nothing = made(answers=(), relevant={}, answer="")
    assert BENCHMARKS["squad"].figures["SQuAD EM"](nothing) == 1.0
    assert BENCHMARKS["squad"].figures["SQuAD F1"](made(answers=(), relevant={})) == 0.0


def test_webqas_accuracy_is_by_keywords_or_else_against_the_answer():
    colour = made(group="color", answer="It is red.", answers=("The door is red.",), gold={"keywords": "red"})
    assert figures.webqa_accuracy(colour) == pytest.approx(1, abs=1e-4)
    assert figures.webqa_accuracy(made(group="color")) is None
    assert figures.webqa_approximate_accuracy(colour) == 1.0
    assert figures.webqa_approximate_accuracy(made(group="no such category")) is None


def test_layout_recall_is_the_share_of_the_gold_area_within_the_first_k():
    gold = {"layouts": [(1, 10, 20, 60, 40)], "regions": {"b": [1, 10, 20, 35, 40], "c": [1, 10, 20, 60, 40]}}
    at = BENCHMARKS["mmdocir-layouts"].figures
    assert at["layout recall@1"](made(gold=gold)) == 0.0
    assert at["layout recall@1"](made(gold=gold, order=("b", "c"))) == 0.5
    assert at["layout recall@5"](made(gold=gold)) == 1.0
    assert at["official layout recall@5"](made(gold=gold)) == 1.5
    assert at["layout recall@5"](made(gold={"layouts": [], "regions": {}})) is None


def test_page_recall_divides_by_all_gold_pages():
    assert BENCHMARKS["mmdocir"].figures["page recall@3"](BASE) == 0.5


def test_the_slice_of_one_document_narrows_order_relevance_and_what_was_kept():
    part = slices.same_document(made(gold={"same_doc": ["b", "c"]}))
    assert (part.order, part.relevant, part.kept) == (("b", "c"), {"b": 1.0}, 1)
    assert slices.same_document(BASE) is None


def test_the_slice_that_bm25_misses_has_only_those():
    missed = made(gold={"bm25_rank": 2})
    assert slices.missed_by_bm25(missed) == missed
    assert slices.missed_by_bm25(made(gold={"bm25_rank": 1})) is None
    assert slices.missed_by_bm25(BASE) is None


def test_recall_never_falls_with_k():
    assert recall_by_k([BASE, made(relevant={"a": 1.0})]) == [0.5, 0.75, 0.75, 1.0]
    assert recall_by_k([]) == []


def test_judged_pairs_are_all_probabilities_with_their_labels():
    assert judged_pairs([made(probabilities={"a": None, "b": 0.9, "c": 0.2})]) == ([0.9, 0.2], [True, False])


def finished(name="run", count=4, benchmark="mmdocir", **changes):
    what = {
        "benchmark": benchmark,
        "split": "test",
        "sample": 4,
        "setting": {"model": "lexical", "seed": 7, "sources": {"by": "citations", "threshold": 0.5}},
    }
    made_with = {"versions": {"rag-reasoner": "0.1.0"}, "machine": "one", "command": "rag-reasoner eval a|b"}
    found = tuple(made(id=f"q{n}", group="Laws" if n else "News", **changes) for n in range(count))
    spent = {one.id: Costs(one.id, {"filter": 0.25}, {"process": 100.2 - n}) for n, one in enumerate(found)}
    return Finished(name, Header(what, made_with), found, spent)


def test_a_table_tells_n_seed_versions_command_and_costs():
    text = tables.report(finished())
    assert text.startswith("# MMDocIR, pages, test: n = 4\n")
    for part in (
        "| page recall@3 | 0.500 | 4 |",
        "seed 7",
        "rag-reasoner 0.1.0",
        "| command | `rag-reasoner eval a\\|b` |",
        "| sample | 4 by hash |",
        "| tokens read | 100 |",
        "| seconds, filter | 0.250 |",
        "| peak memory, process | 101 MB |",
        "16 judged pairs, 8 of them relevant",
    ):
        assert part in text


def test_a_table_counts_the_questions_that_had_a_fault():
    text = tables.report(finished(faults=("missing", "uncited"), degraded=True))
    assert "| degraded order | 4 |\n| missing | 4 |\n| uncited | 4 |" in text


def test_a_table_by_group_has_the_mean_over_questions_and_over_groups():
    run = finished()
    better = run.records[0].model_copy(update={"order": ("b", "d", "a", "c")})
    text = tables.report(Finished(run.name, run.header, (better, *run.records[1:]), run.costs))
    assert "| Laws | 3 | 0.000 | 0.500 | 1.000 |" in text
    assert "| News | 1 | 0.500 | 1.000 | 1.000 |" in text
    assert "| micro | 4 | 0.125 | 0.625 | 1.000 |" in text
    assert "| macro | 2 groups | 0.250 | 0.750 | 1.000 |" in text


def test_every_row_of_every_table_has_as_many_cells_as_its_head():
    for part in re.findall(r"(?:^\|.*\|$\n?)+", tables.report(finished(benchmark="jsonl")), re.MULTILINE):
        assert len({re.sub(r"\\\|", "", line).count("|") for line in part.splitlines()}) == 1


def test_a_cell_stays_on_its_line_and_in_its_column():
    assert cell("a | b\nc") == "a \\| b c"


def test_plots_are_drawn_where_there_is_something_to_draw(tmp_path):
    assert [path.name for path in draw(finished(), tmp_path)] == ["recall.png", "scores.png", "calibration.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())
    assert [path.name for path in draw(finished(probabilities={}), tmp_path / "no")] == ["recall.png"]


def test_runs_are_compared_on_the_same_questions():
    better = finished("better", order=("b", "d", "a", "c"))
    found = compare.compare(finished(), better, "hit@1")
    assert (found.n, found.mean_a, found.mean_b, found.difference) == (4, 0.0, 1.0, 1.0)
    text = compare.report([finished(), better, finished("same")], ["hit@1", "mrr"])
    assert "| better | 4 | 1.000 | 1.000 |" in text
    assert re.search(r"\| hit@1 \| run \| better \| 4 \| 0.000 \| 1.000 \| \+1.000 \| .* \| 0\.\d+ \|", text)
    assert "| hit@1 | run | same | 4 | 0.000 | 0.000 | +0.000 | +0.000 … +0.000 | 1.0000 |" in text


def test_a_figure_that_one_run_lacks_is_compared_as_absent():
    text = compare.report([finished(), finished("silent", answer=None)], ["answer F1"])
    assert "| answer F1 | run | silent | 0 | – | – | – | – | – |" in text


@pytest.mark.parametrize(
    ("other", "chosen", "complaint"),
    [
        (finished("short", count=3), (), "1 questions were asked in one of run and short only, 'q3' for one"),
        (finished("other", benchmark="webqa"), (), "run of mmdocir and other of webqa"),
        (finished("same"), ["no such"], "figure: unknown 'no such'; choose from"),
    ],
)
def test_runs_that_cannot_be_compared_say_why(other, chosen, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        compare.report([finished(), other], chosen)


def test_one_run_is_nothing_to_compare():
    with pytest.raises(InvalidInput, match="1 run to compare"):
        compare.report([finished()])


def test_runs_of_one_name_are_told_apart():
    text = compare.report([finished(), finished()], ["mrr"])
    assert "| run (1) | 4 |" in text
    assert "| run (2) | 4 |" in text
