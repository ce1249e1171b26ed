"""Results: they print, they go to JSON and back, and they keep secrets."""

import hashlib
import json
from html.parser import HTMLParser

import pytest
from fakes import QUERY, Leaning, Mute, Perfect, documents, timeless

from rag_reasoner import Document, Image, ReasoningReranker, Result
from rag_reasoner.errors import InvalidInput
from rag_reasoner.types import Answer, Box, Candidate, Citation, Fault, Judgement, Word

WORDS = (Word(0, 5, Box(0.125, 0.25, 0.375, 0.5)),)
SECRET = Image("a.pdf", 2, data=b"bytes of an image", media_type="image/png", password="swordfish")
PAGE = Document("a.pdf#p2", "worth 0.9 indeed", SECRET, "dir/a.pdf", 2, "Title", WORDS, {"pages": 3})
HOSTILE = "<script>alert(1)</script> & <img src=x onerror=1> \x1b[31m\x1b]0;own\x07 \u202eevil\u2066 \x9b5m '\"><b>"


def a_result(**options):
    return ReasoningReranker(Perfect(), keep="all", **options).answer(QUERY, [PAGE, *documents(0.2, 0.5)])


@pytest.mark.parametrize(
    "result",
    [
        a_result(),
        a_result(top_n=1, shuffles=3),
        ReasoningReranker(Mute()).answer(QUERY, [PAGE, "b"]),
        ReasoningReranker(Leaning(1), tokens=0).rerank(QUERY, [PAGE, "b"]),
        ReasoningReranker("lexical").rerank(QUERY, []),
    ],
)
def test_a_result_goes_to_json_and_back(result):
    back = Result.from_json(result.to_json())
    assert back.to_json() == result.to_json()
    assert json.loads(result.to_json(indent=2)) == json.loads(result.to_json())
    bare = Result.from_json(result.to_json().encode())
    assert [one.citations for one in bare.ranked] == [one.citations for one in result.ranked]
    assert (bare.answer, bare.faults, bare.usage, bare.degraded) == (
        result.answer,
        result.faults,
        result.usage,
        result.degraded,
    )
    assert (bare.timings, bare.agreement, bare.model, bare.query) == (
        result.timings,
        result.agreement,
        result.model,
        result.query,
    )


def test_json_has_the_fields_that_are_promised():
    found = json.loads(a_result(top_n=2).to_json())
    assert {"query", "ranked", "dropped", "answer", "faults", "degraded", "usage", "timings"} <= set(found)
    first = found["ranked"][0]
    assert {"rank", "probability", "reasoning", "citations"} <= set(first)
    assert {"id", "source", "page"} <= set(first["candidate"]["document"])
    assert {"text", "abstained", "citations"} <= set(found["answer"])
    wanted = {"document_id", "page", "quote", "start", "end", "boxes", "verified"}
    assert wanted <= set(found["answer"]["citations"][0])
    assert found["answer"]["citations"][0]["boxes"] == [[0.125, 0.25, 0.375, 0.5]]
    assert {"candidate", "probability", "reason"} <= set(found["dropped"][0])


def test_json_html_and_text_hold_no_bytes_no_words_and_no_password():
    result = a_result()
    for text in (result.to_json(), result._repr_html_(), str(result), repr(result)):
        assert "swordfish" not in text
        assert "bytes of an image" not in text
        assert "Word(" not in text
    document = json.loads(result.to_json())["ranked"][0]["candidate"]["document"]
    assert document["words"] == []
    assert document["image"]["path"] == "a.pdf"
    assert document["image"]["sha256"] == hashlib.sha256(SECRET.data).hexdigest()
    assert (document["image"]["data"], document["image"]["password"]) == (None, None)


def test_a_sha256_that_is_known_is_kept():
    page = Document("a", "worth 0.9", Image("a.pdf", sha256="abc"))
    result = ReasoningReranker(Perfect()).rerank(QUERY, [page])
    assert json.loads(result.to_json())["ranked"][0]["candidate"]["document"]["image"]["sha256"] == "abc"


def test_metadata_of_any_kind_and_halves_of_characters_go_to_json_that_any_reader_takes():
    metadata = {
        "nan": float("nan"),
        "bytes": b"\xff\x00",
        "object": {1, 2}.__class__,
        7: ("a", {"b"}),
        "half": "\ud800",
    }
    given = Document("\udcff.txt", "worth \ud800 0.9", source="\udcff.txt", metadata=metadata)
    scored = Candidate(given, scores={"bm25": float("inf")})
    result = ReasoningReranker("lexical").answer(QUERY, [scored, "b"])

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    found = json.loads(result.to_json().encode("utf-8"), parse_constant=refuse)
    back = Result.from_json(result.to_json())
    assert found["ranked"][0]["candidate"]["document"]["metadata"]["bytes"] == "<2 bytes>"
    assert back.ranked[0].candidate.scores["bm25"] == float("inf")
    assert back.to_json() == result.to_json()


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "{", '{"query": 1, "ranked": []}', "\ud800", "[" * 100_000])
def test_what_is_no_result_is_refused_without_being_repeated(text):
    with pytest.raises(InvalidInput, match="not a Result as JSON"):
        Result.from_json(text)


def test_what_is_no_result_is_not_repeated():
    with pytest.raises(InvalidInput) as caught:
        Result.from_json('{"query": ["canary"], "ranked": "canary"}')
    assert "canary" not in str(caught.value)


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.shown = set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.shown.append(data)


def hostile():
    document = Document(HOSTILE, HOSTILE, source=HOSTILE, page=1, title=HOSTILE)
    citation = Citation(HOSTILE, 1, HOSTILE, verified="none")
    judgement = Judgement(Candidate(document), 1, 0.5, HOSTILE, (citation,), HOSTILE, HOSTILE)
    faults = (Fault("unread", HOSTILE, source=HOSTILE), Fault(HOSTILE, HOSTILE))
    return Result(
        HOSTILE, (judgement,), (), Answer(HOSTILE, (citation,), answered_by=HOSTILE), faults, True, model=HOSTILE
    )


def test_hostile_text_stays_text_in_a_notebook():
    page = Tags(hostile()._repr_html_())
    assert page.tags <= {"div", "p", "b", "br", "table", "tr", "th", "td", "small", "details", "summary", "ul", "li"}
    assert page.attributes <= {"style"}
    assert "<script>alert(1)</script>" in "".join(page.shown)


def test_hostile_text_commands_no_terminal():
    for text in (str(hostile()), hostile()._repr_html_()):
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u2066"} & set(text)


def test_a_result_prints_what_a_person_wants_to_know():
    text = str(a_result(top_n=2, shuffles=2))
    assert text.splitlines()[0].startswith("3 candidates · 1 dropped · 2 ranked · ")
    assert "agreement of the shuffles 1.00" in text
    assert " 1  a.pdf  p. 2  0.90\n    “worth 0.9”  ✓ verified\n    why (fake): helps" in text
    assert "Answer  it is 0.9 [1]   (by fake)" in text
    degraded = str(ReasoningReranker(Mute()).rerank(QUERY, documents(0.1, 0.2)))
    assert "! degraded" in degraded
    assert "! backend_error (3 times)" in degraded


def test_faults_from_before_the_ranking_come_first():
    fault = Fault("unread", "it is encrypted", source="b.pdf")
    result = ReasoningReranker(Mute()).rerank(QUERY, documents(0.1, 0.2))
    joined = result.with_faults([fault])
    assert joined.faults == (fault, *result.faults)
    assert "! b.pdf: it is encrypted" in str(joined)
    assert timeless(joined) != timeless(result)
