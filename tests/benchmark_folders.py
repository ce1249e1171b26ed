"""Small folders in the benchmarks' official layouts, made by hand."""

import base64
import gzip
import json

ANIMALS = ("ants", "bears", "cats", "deer", "eels", "foxes", "goats", "hares")


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")


def own_rows(count=20):
    """Questions about animals, each with four candidates of which one has the answer; the last question has none."""
    for number in range(count):
        animal = ANIMALS[number % len(ANIMALS)]
        yield {
            "id": f"q{number}",
            "question": f"How many {animal} live on farm {number}?",
            "answers": [str(number + 3)],
            "candidates": [
                {"id": "wrong", "title": "Weather", "text": "It rained on Monday and on Tuesday."},
                {"id": "near", "title": animal, "text": f"The {animal} like to live in the open."},
                {"id": "right", "title": "Farm", "text": f"On farm {number} there live {number + 3} {animal}."},
                {"id": "far", "title": "Far", "text": "Farm machines are costly."},
            ],
            "relevant": ["right"] if number < count - 1 else [],
            "answer_type": "count" if number % 2 else "span",
            "bm25_rank": 1 + number % 3,
        }


def own(folder, count=20):
    write_lines(folder / "dev.jsonl", own_rows(count))
    return folder


def squad(folder):
    def question(one, text, *answers):
        return {"id": one, "question": text, "answers": [{"text": answer, "answer_start": 0} for answer in answers]}

    paragraphs = [
        {"context": "The tower was built in 1889.", "qas": [question("a", "When was it built?", "1889", "1889")]},
        {
            "context": "It is made of iron.",
            "qas": [question("b", "What is it made of?", "iron"), question("c", "Who?")],
        },
    ]
    folder.mkdir(exist_ok=True)
    whole = {"version": "v2.0", "data": [{"title": "The_Tower", "paragraphs": paragraphs}]}
    (folder / "dev-v2.0.json").write_text(json.dumps(whole))
    return folder


def beir(folder):
    write_lines(
        folder / "corpus.jsonl",
        [
            {"_id": "d1", "title": "Ants", "text": "Ants carry leaves."},
            {"_id": "d2", "title": "Bees", "text": "Bees carry pollen."},
            {"_id": "d3", "title": "", "text": "Stones lie still."},
        ],
    )
    write_lines(
        folder / "queries.jsonl",
        [
            {"_id": "q1", "text": "What do bees carry?"},
            {"_id": "q2", "text": "never judged"},
            {"_id": "q3", "text": "zebras"},
        ],
    )
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td2\t2\nq1\td1\t0\nq3\td3\t1\n")
    return folder


def webqa(folder):
    """Two pictures; the second question is of the other split."""
    folder.mkdir(exist_ok=True)
    pictures = {30000000: b"first picture", 30000001: b"second picture"}
    lines = [f"{number}\t{base64.b64encode(data).decode()}\n".encode() for number, data in pictures.items()]
    (folder / "imgs.tsv").write_bytes(b"".join(lines))
    (folder / "imgs.lineidx").write_text(f"0\n{len(lines[0])}\n")
    question = {
        "Q": '"What colour is the door?"',
        "A": ['"The door is red."'],
        "Qcate": "color",
        "split": "val",
        "img_posFacts": [{"image_id": 30000001, "title": "A door", "caption": "The red door", "imgUrl": "u"}],
        "img_negFacts": [{"image_id": 30000000, "title": "A wall", "caption": "A wall", "imgUrl": "u"}],
        "txt_posFacts": [],
        "txt_negFacts": [{"snippet_id": "s_1", "fact": "Doors open.", "title": "Doors", "url": "u"}],
    }
    other = {**question, "split": "train", "Keywords_A": '"red"'}
    (folder / "WebQA_train_val.json").write_text(json.dumps({"one": question, "two": other}))
    return folder


def multimodalqa(folder):
    question = {
        "qid": "m1",
        "question": "Which team of the table has a bear on its logo?",
        "answers": [{"answer": "Bears", "type": "string", "modality": "image"}],
        "metadata": {
            "type": "Compose(TableQ,ImageListQ)",
            "image_doc_ids": ["i1"],
            "text_doc_ids": ["t1"],
            "table_id": "b1",
        },
        "supporting_context": [{"doc_id": "b1", "doc_part": "table"}, {"doc_id": "i1", "doc_part": "image"}],
    }
    table = {
        "table_name": "Clubs",
        "header": [{"column_name": "Team"}, {"column_name": "Year"}],
        "table_rows": [[{"text": "Bears", "links": []}, {"text": "1920", "links": []}]],
    }
    write_lines(folder / "MMQA_dev.jsonl.gz", [question])
    write_lines(folder / "MMQA_tables.jsonl.gz", [{"id": "b1", "title": "League", "url": "u", "table": table}])
    write_lines(folder / "MMQA_texts.jsonl.gz", [{"id": "t1", "title": "Lions", "url": "u", "text": "Lions play."}])
    write_lines(folder / "MMQA_images.jsonl.gz", [{"id": "i1", "title": "Bears", "url": "u", "path": "bears.jpg"}])
    (folder / "final_dataset_images").mkdir()
    (folder / "final_dataset_images" / "bears.jpg").write_bytes(b"not read here")
    return folder


def mmdocir(folder, pages=None):
    """Two documents of two pages each; `pages` are the pictures of the second's."""
    import pyarrow as pa
    from pyarrow import parquet

    pages = pages or [b"picture 1", b"picture 2"]
    folder.mkdir(exist_ok=True)
    texts = ["A cover", "Nothing here", "The annual report of the office", "In 2015 there were 42 cases"]
    names = ["first.pdf", "first.pdf", "second.pdf", "second.pdf"]
    table = {
        "doc_name": names,
        "domain": ["News", "News", "Laws", "Laws"],
        "passage_id": ["0", "1", "0", "1"],
        "image_path": ["p.jpg"] * 4,
        "image_binary": [pages[0], pages[1], *pages],
        "ocr_text": texts,
        "vlm_text": [""] * 4,
    }
    parquet.write_table(pa.table(table), folder / "MMDocIR_pages.parquet", row_group_size=3)
    layouts = {
        "doc_name": [*names, "second.pdf"],
        "type": ["text"] * 5,
        "layout_id": [0, 1, 0, 1, 2],
        "page_id": [0, 1, 0, 1, 1],
        "image_binary": [None] * 5,
        "text": [*texts, "A footer"],
        "ocr_text": [""] * 5,
        "vlm_text": [""] * 5,
        "bbox": [[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [10, 20, 110, 40], [10, 90, 110, 100]],
        "page_size": [[200.0, 100.0]] * 5,
    }
    parquet.write_table(pa.table(layouts), folder / "MMDocIR_layouts.parquet", row_group_size=2)
    asked = {
        "Q": "How many cases were there in 2015?",
        "A": "42",
        "page_id": [1],
        "type": "['Table']",
        "layout_mapping": [{"page": 1, "page_size": [200.0, 100.0], "bbox": [10, 20, 60, 40]}],
    }
    write_lines(
        folder / "MMDocIR_annotations.jsonl",
        [
            {
                "doc_name": "second.pdf",
                "domain": "Laws",
                "page_indices": [2, 3],
                "layout_indices": [2, 4],
                "questions": [asked, {**asked, "Q": "What kind of report is it?", "page_id": [0, 1]}],
            }
        ],
    )
    return folder


FOLDERS = {
    "jsonl": own,
    "squad": squad,
    "beir": beir,
    "webqa": webqa,
    "multimodalqa": multimodalqa,
    "mmdocir": mmdocir,
    "mmdocir-layouts": mmdocir,
}
