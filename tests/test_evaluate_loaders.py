"""Loaders read the official layouts, one question at a time, and name the file that is missing or wrong."""

import json
import random
import shutil

import pytest
from benchmark_folders import FOLDERS, mmdocir, multimodalqa, own, own_rows, squad, webqa, write_lines

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.benchmarks import BENCHMARKS, benchmark
from rag_reasoner.evaluate.loaders import own as own_loader
from rag_reasoner.evaluate.loaders.parquet import Parquet
from rag_reasoner.evaluate.sample import all_ids, rows, sampled_ids


def everything(row_id):
    return True


def loaded(name, folder, split=None):
    asked = benchmark(name)
    return list(asked.load(folder, split or asked.split, everything))


def test_own_lines_have_candidates_relevance_answers_and_groups(tmp_path):
    first, *_, last = loaded("jsonl", own(tmp_path))
    assert first.id == "q0"
    assert [document.id for document in first.candidates] == ["wrong", "near", "right", "far"]
    assert (first.relevant, first.answers, first.group) == ({"right": 1.0}, ("3",), "span")
    assert last.relevant == {}


def test_own_images_are_found_beside_the_file(tmp_path):
    row = {**next(own_rows()), "candidates": [{"id": "right", "image": "page.png"}]}
    write_lines(tmp_path / "dev.jsonl", [row])
    (found,) = loaded("jsonl", tmp_path)
    assert found.candidates[0].image.path == str(tmp_path / "page.png")


def test_squad_has_the_articles_paragraphs_and_knows_what_has_no_answer(tmp_path):
    a, b, c = loaded("squad", squad(tmp_path))
    assert [document.text for document in a.candidates] == ["The tower was built in 1889.", "It is made of iron."]
    assert (a.relevant, a.answers, a.group) == ({"The_Tower#0": 1.0}, ("1889",), "answerable")
    assert b.relevant == {"The_Tower#1": 1.0}
    assert (c.relevant, c.answers, c.group) == ({}, (), "unanswerable")


def test_beir_fetches_from_the_corpus_and_keeps_what_bm25_missed_among_the_relevant(tmp_path):
    q1, q3 = loaded("beir", FOLDERS["beir"](tmp_path))
    assert q1.candidates[0].id == "d2"
    assert q1.relevant == {"d2": 2.0}
    assert (q3.candidates, q3.relevant) == ((), {"d3": 1.0})


def test_webqa_takes_each_picture_from_its_place(tmp_path):
    (row,) = loaded("webqa", webqa(tmp_path))
    assert (row.question, row.answers) == ("What colour is the door?", ("The door is red.",))
    by_id = {document.id: document for document in row.candidates}
    assert by_id["30000001"].image.data == b"second picture"
    assert by_id["30000000"].image.data == b"first picture"
    assert by_id["s_1"].text == "Doors open."
    assert (row.relevant, row.group, row.gold) == ({"30000001": 1.0}, "color", {})


def test_webqas_order_does_not_give_the_sources_away(tmp_path):
    folder = webqa(tmp_path)
    path = folder / "WebQA_train_val.json"
    one = json.loads(path.read_text())["one"]
    path.write_text(json.dumps({f"id{number}": one for number in range(40)}))
    first = [row.candidates[0].id in row.relevant for row in loaded("webqa", folder)]
    assert 4 < sum(first) < 24


def test_webqas_keywords_are_kept(tmp_path):
    (row,) = loaded("webqa", webqa(tmp_path), "train")
    assert row.gold == {"keywords": "red"}


def test_multimodalqa_has_table_text_and_picture(tmp_path):
    (row,) = loaded("multimodalqa", multimodalqa(tmp_path))
    text, picture, table = row.candidates
    assert (text.id, picture.id, table.id) == ("t1", "i1", "b1")
    assert table.text == "| Team | Year |\n| Bears | 1920 |"
    assert table.title == "League - Clubs"
    assert picture.image.path == str(tmp_path / "final_dataset_images" / "bears.jpg")
    assert row.relevant == {"b1": 1.0, "i1": 1.0}
    assert (row.answers, row.group) == (("Bears",), "Compose(TableQ,ImageListQ)")


def test_mmdocir_counts_pages_from_0_there_and_from_1_here(tmp_path):
    first, second = loaded("mmdocir", mmdocir(tmp_path))
    assert [(one.id, one.page) for one in first.candidates] == [("second.pdf#p1", 1), ("second.pdf#p2", 2)]
    assert first.candidates[1].text == "In 2015 there were 42 cases"
    assert first.candidates[1].image.data == b"picture 2"
    assert first.relevant == {"second.pdf#p2": 1.0}
    assert set(second.relevant) == {"second.pdf#p1", "second.pdf#p2"}
    assert (first.answers, first.group) == (("42",), "Laws")


def test_mmdocirs_layouts_stand_where_the_gold_regions_are_measured(tmp_path):
    first, _ = loaded("mmdocir-layouts", mmdocir(tmp_path))
    assert [(one.id, one.page) for one in first.candidates] == [
        ("second.pdf#l0", 1),
        ("second.pdf#l1", 2),
        ("second.pdf#l2", 2),
    ]
    assert first.relevant == {"second.pdf#l1": 1.0}  # half of it lies in the gold region
    assert first.gold["regions"] == {"second.pdf#l1": [1, 10.0, 20.0, 110.0, 40.0]}
    assert first.gold["layouts"] == [(1, 10.0, 20.0, 60.0, 40.0)]


def test_any_rows_of_a_parquet_file_are_read_whatever_its_groups(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"n": list(range(8)), "other": list("abcdefgh")}), tmp_path / "p", row_group_size=3)
    file = Parquet(tmp_path / "p", ("n",))
    for start in range(8):
        for end in range(start, 8):
            assert list(file.rows(start, end, "")) == [{"n": n} for n in range(start, end + 1)]


def test_a_span_of_two_documents_is_refused(tmp_path):
    path = mmdocir(tmp_path) / "MMDocIR_annotations.jsonl"
    path.write_text(path.read_text().replace('"page_indices": [2, 3]', '"page_indices": [1, 3]'))
    with pytest.raises(InvalidInput, match="line 1: rows 1 to 3 belong to 2 documents"):
        loaded("mmdocir", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"page_indices": [2, 3]', '"page_indices": [2, 9]', "asks for rows 2 to 9, but .*pages.parquet has 4"),
        ('"page_indices": [2, 3]', '"page_indices": "all"', "'all' is not the first and the last row"),
        ('"page_indices"', '"pages"', "line 1 has no 'page_indices'"),
        ('"page_id": [1]', '"page_id": [7]', "page_id 7 of second.pdf/0, but the document has 2 pages"),
        ('"Q"', '"question"', "has no 'Q'"),
        ('{"doc_name"', '["doc_name"', "line 1 is not JSON"),
    ],
)
def test_a_wrong_annotation_is_named_with_its_line(tmp_path, old, new, complaint):
    path = mmdocir(tmp_path) / "MMDocIR_annotations.jsonl"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InvalidInput, match=complaint):
        loaded("mmdocir", tmp_path)


@pytest.mark.parametrize("name", FOLDERS)
def test_every_missing_file_is_named_with_the_folder_it_belongs_in(name, tmp_path):
    whole = FOLDERS[name](tmp_path / "whole")
    optional = {"MMDocIR_layouts.parquet" if name == "mmdocir" else "MMDocIR_pages.parquet", "bears.jpg"}
    for path in (path for path in whole.rglob("*") if path.is_file() and path.name not in optional):
        part = tmp_path / "part"
        shutil.copytree(whole, part)
        (part / path.relative_to(whole)).unlink()
        with pytest.raises(InvalidInput) as error:
            loaded(name, part)
        stem = path.name.removesuffix(".gz").removesuffix(".json").removesuffix("-v2.0")
        assert stem in str(error.value)
        assert str(part) in str(error.value)
        shutil.rmtree(part)


@pytest.mark.parametrize("name", FOLDERS)
def test_every_file_full_of_rubbish_is_named(name, tmp_path):
    whole = FOLDERS[name](tmp_path / "whole")
    unread = {"MMDocIR_layouts.parquet" if name == "mmdocir" else "MMDocIR_pages.parquet", "bears.jpg"}
    for path in (path for path in whole.rglob("*") if path.is_file() and path.name not in unread):
        part = tmp_path / "part"
        shutil.copytree(whole, part)
        (part / path.relative_to(whole)).write_bytes(random.Random(0).randbytes(300))
        with pytest.raises(InvalidInput) as error:
            loaded(name, part)
        assert path.name in str(error.value)
        shutil.rmtree(part)


def test_a_relevant_id_that_is_no_candidate_is_refused(tmp_path):
    write_lines(tmp_path / "dev.jsonl", [{**next(own_rows()), "relevant": ["nowhere"]}])
    with pytest.raises(InvalidInput, match=r"dev\.jsonl, line 1: relevant id 'nowhere' is not among the candidates"):
        loaded("jsonl", tmp_path)


def test_a_picture_whose_number_is_not_where_the_index_says_is_refused(tmp_path):
    folder = webqa(tmp_path)
    (folder / "imgs.lineidx").write_text("0\n0\n")
    with pytest.raises(InvalidInput, match="picture 30000001"):
        loaded("webqa", folder)


@pytest.mark.parametrize("name", FOLDERS)
def test_ids_are_listed_without_reading_what_is_not_asked(name, tmp_path):
    folder = FOLDERS[name](tmp_path)
    for heavy in (folder / "imgs.tsv", folder / "corpus.jsonl", folder / "MMQA_texts.jsonl.gz"):
        heavy.unlink(missing_ok=True)
    asked = benchmark(name)
    assert all_ids(asked.load, folder, asked.split) == [
        row.id for row in loaded(name, FOLDERS[name](tmp_path / "whole"))
    ]


def test_a_sample_is_the_same_whatever_the_order_of_the_file(tmp_path):
    ids = [f"q{number}" for number in range(1000)]
    shuffled = random.Random(1).sample(ids, len(ids))
    assert sampled_ids(ids, 30) == sampled_ids(shuffled, 30)
    assert sampled_ids(ids, 30) <= sampled_ids(ids, 31)
    assert sampled_ids(ids, 30) != sampled_ids(ids, 30, seed=1)
    assert sampled_ids(ids, 5) == {"q390", "q483", "q633", "q81", "q971"}  # for ever: it is how runs compare


def test_rows_come_in_the_files_order_and_only_those_drawn(tmp_path):
    assert [row.id for row in rows(own_loader.load, own(tmp_path), "dev", ["q7", "q2"])] == ["q2", "q7"]


def test_the_benchmarks_lead_with_figures_that_they_have():
    for one in BENCHMARKS.values():
        assert set(one.leading) <= set(one.figures)


def test_an_unknown_benchmark_is_told_the_names():
    with pytest.raises(InvalidInput, match="unknown 'mmdoc'; choose from 'jsonl', 'squad'"):
        benchmark("mmdoc")
