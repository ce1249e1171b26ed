"""A note says what the next step has to know, and nothing that nobody read goes missing."""

import json

from rag_reasoner import Candidate, Document, Image, ReasoningReranker
from rag_reasoner.results.notes import (
    NOTE,
    faults_by_position,
    judgement_note,
    listed,
    noted_hidden,
    noted_image,
    noted_page,
    noted_scores,
    page_note,
    run_note,
)

QUESTION = "When did the museum open?"
PAGE = Document(
    "town.pdf#p7",
    "The museum opened in 1962.",
    Image("town.pdf", 7, media_type="application/pdf", sha256="ab", password="sesame"),
    page=7,
    metadata={"hidden_text": ((4, 10),)},
)


def reranked(*documents, **options):
    return ReasoningReranker("lexical", **options).rerank(QUESTION, documents)


def test_what_a_page_is_comes_back_from_its_note():
    metadata = json.loads(json.dumps({NOTE: page_note(Candidate(PAGE, scores={"lexical": 2.5}))}))
    assert noted_page(metadata) == 7
    assert noted_image(metadata) == PAGE.image
    assert noted_scores(metadata) == {"lexical": 2.5}
    assert noted_hidden(metadata, PAGE.text) == PAGE.metadata
    assert "sesame" not in str(metadata)


def test_spans_of_hidden_text_are_forgotten_when_the_text_is_another():
    metadata = {NOTE: page_note(Candidate(PAGE))}
    assert noted_hidden(metadata, PAGE.text[4:]) == {}


def test_metadata_without_a_note_of_ours_tells_nothing():
    for metadata in ({}, {NOTE: "a text"}, {NOTE: {}}):
        found = noted_page(metadata), noted_image(metadata), noted_scores(metadata), noted_hidden(metadata, "")
        assert found == (None, None, {}, {})


def test_a_judged_page_notes_what_an_unjudged_one_does_and_more():
    (judgement,) = reranked(PAGE).ranked
    note = judgement_note(judgement, 1.0, ["hidden_text"])
    assert note.items() >= page_note(judgement.candidate).items()
    assert (note["rank"], note["faults"]) == (1, ["hidden_text"])


def test_a_run_notes_its_own_faults_only():
    result = reranked(PAGE)
    assert run_note(result)["model"] == "lexical"
    assert "hidden_text" not in run_note(result)["faults"]


def test_a_document_without_text_and_image_says_that_it_is_empty():
    result = reranked(Document("blank"), Document("scan", image=Image("scan.png")), Document("titled", title="Rocks"))
    kinds = faults_by_position(result.faults)
    assert kinds[0] == ["empty"]
    assert kinds[1] == ["no_text", "image_unseen"]
    assert 2 not in kinds


def test_what_nobody_could_read_is_listed_as_far_as_there_is_room():
    relevant = [Document(f"m{n}", f"The museum did open in {n}.") for n in range(4)]
    result = reranked(*relevant, Document("blank"), Document("off", "Basalt is a rock."), keep=4)
    assert {one.candidate.document.id for one in result.dropped} == {"blank", "off"}
    assert [one.candidate.document.id for one in listed(result, keep_dropped=False)] == ["blank"]
    assert listed(result, keep_dropped=False, top_n=4) == ()
    assert len(listed(result, keep_dropped=False, top_n=5)) == 1
    assert listed(result, keep_dropped=True, top_n=1) == result.dropped
