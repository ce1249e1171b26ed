"""A BEIR folder: `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv`. The corpus is read once and kept as text."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from rag_reasoner.errors import InvalidInput
from rag_reasoner.evaluate.loaders.files import field, json_lines, readable, wanted
from rag_reasoner.evaluate.row import Row, Want
from rag_reasoner.retrieve.lexical import LexicalRetriever
from rag_reasoner.types import Document

FETCHED = 100
"""Candidates a question: the best of the corpus by BM25, as BEIR's own rerankers take them."""


def load(folder: Path, split: str, want: Want) -> Iterator[Row]:
    """The judged questions of a split, each with the first `FETCHED` documents that BM25 finds for it."""
    corpus: LexicalRetriever | None = None
    judged = _qrels(wanted(folder / "qrels", f"{split}.tsv", "query-id, corpus-id and score, with a header"))
    queries = wanted(folder, "queries.jsonl", "a question a line")
    for number, found in enumerate(json_lines(queries), 1):
        where = f"{queries}, line {number}"
        row_id = str(field(found, "_id", where))
        if row_id in judged and want(row_id):
            corpus = corpus or LexicalRetriever(_documents(wanted(folder, "corpus.jsonl", "a document a line")))
            yield _row(row_id, str(field(found, "text", where)), corpus, judged[row_id])


def _row(row_id: str, question: str, corpus: LexicalRetriever, relevant: dict[str, float]) -> Row:
    found = corpus.retrieve(question, FETCHED) if question.strip() else []
    return Row(row_id, question, tuple(one.document for one in found), relevant)


def _documents(path: Path) -> Iterator[Document]:
    for number, found in enumerate(json_lines(path), 1):
        where = f"{path}, line {number}"
        yield Document(str(field(found, "_id", where)), str(found.get("text", "")), title=str(found.get("title", "")))


def _qrels(path: Path) -> dict[str, dict[str, float]]:
    """Relevant ids with their grades by query; grades of 0 and less are not relevant."""
    judged: dict[str, dict[str, float]] = defaultdict(dict)
    with readable(path), path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t")
        next(rows, None)
        for number, row in enumerate(rows, 2):
            try:
                query, document, grade = row[0], row[1], float(row[2])
            except (IndexError, ValueError):
                raise InvalidInput(f"{path}, line {number}: {row!r} is not query-id, corpus-id, score") from None
            if grade > 0:
                judged[query][document] = grade
    return dict(judged)
