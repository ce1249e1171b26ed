"""The embedded first stage: what it finds, in what order, and what survives on disk."""

import dataclasses
import json
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner.errors import InvalidInput, Unreadable
from rag_reasoner.retrieve import corpus
from rag_reasoner.retrieve.base import Retriever
from rag_reasoner.retrieve.lexical import FILE, KIND, VERSION, LexicalRetriever
from rag_reasoner.retrieve.sealed import write_sealed
from rag_reasoner.types import Box, Document, Image, Word

CATS = Document("cats", "Cats sleep for most of the day.", source="pets.pdf", page=1)
DOGS = Document("dogs", "Dogs bark at night. A dog is not a cat.", source="pets.pdf", page=2)
RATES = Document("rates", "The inventory held 330,000 cases in FY 2015.", source="report.pdf", page=26)
ALL = (CATS, DOGS, RATES)


def found(retriever, query, **settings):
    return [candidate.document.id for candidate in retriever.retrieve(query, **settings)]


def long_document(needle, words=1000, at=500):
    filler = [f"filler{n % 7}" for n in range(words)]
    return Document("long", " ".join([*filler[:at], needle, *filler[at:]]), source="long.txt")


def test_it_is_a_retriever():
    assert isinstance(LexicalRetriever(), Retriever)


def test_the_document_that_shares_most_with_the_query_comes_first():
    assert found(LexicalRetriever(ALL), "how many cases were in the inventory in 2015?") == ["rates"]
    assert found(LexicalRetriever(ALL), "does a dog bark like a cat?") == ["dogs", "cats"]


def test_a_number_is_one_word():
    other = Document("other", "The 330 staff closed 000 files.")
    assert found(LexicalRetriever([other, RATES]), "330,000") == ["rates"]


def test_scores_fall_and_positions_count_the_list_returned():
    candidates = LexicalRetriever(ALL).retrieve("cat dog sleep")
    scores = [candidate.scores["lexical"] for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    assert [candidate.position for candidate in candidates] == [0, 1]


def test_k_is_the_most_that_comes_back():
    assert found(LexicalRetriever(ALL), "cat dog", k=1) == ["dogs"]


def test_a_query_without_a_known_word_finds_nothing_unless_the_list_is_to_be_filled():
    retriever = LexicalRetriever(ALL)
    assert retriever.retrieve("zebra") == []
    filled = retriever.retrieve("zebra", k=2, fill=True)
    assert [(c.document, c.scores) for c in filled] == [(CATS, {"lexical": 0.0}), (DOGS, {"lexical": 0.0})]


def test_filling_adds_the_others_behind_what_was_found():
    assert found(LexicalRetriever(ALL), "inventory", fill=True) == ["rates", "cats", "dogs"]


def test_equals_keep_the_order_in_which_they_came():
    twins = [Document(f"{n % 2} {n}", "apple pear plum" if n % 2 else "apple fig date") for n in range(400)]
    random.Random(1).shuffle(twins)
    in_order = [twin.id for twin in twins]
    assert found(LexicalRetriever(twins), "apple plum", k=400) == sorted(in_order, key=lambda name: name[0] != "1")


def test_documents_with_one_id_and_one_text_are_all_kept():
    assert found(LexicalRetriever([CATS, CATS]), "cats") == ["cats", "cats"]


def test_the_title_counts():
    named = Document("named", "It was founded in 1888.", title="National Geographic Society")
    assert found(LexicalRetriever([CATS, named]), "national geographic") == ["named"]


@pytest.mark.parametrize("broken", ["inven\u0002\ntory", "inven\ufffetory", "inven\u00adtory", "ﬁrst inventory"])
def test_words_are_found_however_the_page_writes_them(broken):
    query = "first" if "ﬁ" in broken else "inventory"
    assert found(LexicalRetriever([CATS, Document("b", broken)]), query) == ["b"]


def test_a_picture_without_text_can_be_in_the_collection():
    picture = Document("picture", image=Image(path="a.png"))
    assert found(LexicalRetriever([picture, CATS]), "cats") == ["cats"]
    assert found(LexicalRetriever([picture]), "cats") == []


def test_no_documents_means_no_candidates():
    assert LexicalRetriever().retrieve("anything", fill=True) == []


@pytest.mark.parametrize("query", ["", "  \n"])
def test_an_empty_query_is_refused(query):
    with pytest.raises(InvalidInput, match="empty"):
        LexicalRetriever(ALL).retrieve(query)


def test_k_below_one_is_refused():
    with pytest.raises(InvalidInput, match="k=0"):
        LexicalRetriever(ALL).retrieve("cats", k=0)


def test_a_needle_in_a_long_document_is_found_as_the_passage_that_holds_it():
    long = long_document("quokka")
    first, second = LexicalRetriever([CATS, long]).retrieve("quokka", unit="passage")
    for candidate in (first, second):
        passage, place = candidate.document, candidate.document.metadata["passage"]
        assert place["of"] == "long"
        assert passage.text == long.text[place["start"] : place["end"]]
        assert "quokka" in passage.text
        assert len(passage.text.split()) == 150
    assert [first.document.id, second.document.id] == ["long#c6", "long#c7"]


def test_every_passage_but_one_begins_in_the_middle_of_the_one_before():
    passages = LexicalRetriever([long_document("quokka", words=299)]).retrieve("x", unit="passage", fill=True)
    places = [candidate.document.metadata["passage"] for candidate in passages]
    assert [len(c.document.text.split()) for c in passages] == [150, 150, 150]
    assert all(before["start"] < after["start"] < before["end"] for before, after in pairwise(places))


def test_a_short_document_is_its_own_passage():
    assert [c.document for c in LexicalRetriever(ALL).retrieve("inventory", unit="passage")] == [RATES]


def test_a_passage_in_a_long_document_lifts_the_document():
    """Length alone would bury the needle below a shorter document that only mentions half of it."""
    long = long_document("quokka island census", words=3000, at=1500)
    short = Document("short", " ".join(["quokka", *(["other"] * 60)]))
    assert found(LexicalRetriever([short, long, CATS, DOGS, RATES]), "quokka island census")[0] == "long"


def test_words_that_stand_far_apart_count_together():
    filler = ["other"] * 300
    one = Document("one", " ".join(["alpha", *filler, "third"]))
    both = Document("both", " ".join(["alpha", *filler, "omega"]))
    last = Document("last", " ".join(["third", *filler, "omega"]))
    assert found(LexicalRetriever([one, both, last]), "alpha omega")[0] == "both"


def test_a_passage_carries_its_words_and_hidden_spans_counted_from_its_own_start():
    long = long_document("quokka")
    at = long.text.index("quokka")
    words = (Word(0, 7, Box(0, 0, 1, 1)), Word(at, at + 6, Box(0.1, 0.2, 0.3, 0.4)))
    page = dataclasses.replace(long, page=3, words=words, metadata={"hidden_text": ((0, 7), (at, at + 6))})
    passage = LexicalRetriever([page]).retrieve("quokka", 1, unit="passage")[0].document
    (word,) = passage.words
    assert passage.text[word.start : word.end] == "quokka"
    assert word.box == Box(0.1, 0.2, 0.3, 0.4)
    ((start, end),) = passage.metadata["hidden_text"]
    assert passage.text[start:end] == "quokka"
    assert passage.page == 3


def test_the_callers_documents_are_left_alone():
    metadata = {"hidden_text": ((0, 3),)}
    page = dataclasses.replace(long_document("quokka"), metadata=metadata)
    LexicalRetriever([page]).retrieve("quokka", unit="passage")
    assert metadata == {"hidden_text": ((0, 3),)}


def test_added_documents_are_found_beside_the_old_ones():
    retriever = LexicalRetriever([CATS])
    retriever.add([DOGS])
    assert found(retriever, "cat dog") == ["dogs", "cats"]
    assert retriever.documents == (CATS, DOGS)


def test_a_changed_document_takes_the_place_of_the_old_one():
    retriever = LexicalRetriever(ALL)
    retriever.add([dataclasses.replace(CATS, text="Now about zebras.")])
    assert len(retriever) == 3
    assert found(retriever, "zebra") == ["cats"]
    assert found(retriever, "sleep") == []


def test_only_new_and_changed_documents_are_read(monkeypatch):
    retriever = LexicalRetriever(ALL)
    read = []
    monkeypatch.setattr(corpus, "index_terms", lambda text: read.append(text) or ())
    changed = dataclasses.replace(DOGS, text="Dogs again.")
    retriever.add([CATS, changed, RATES])
    assert [text for text in read if text] == ["Dogs again."]


def test_removing_a_source_forgets_all_of_it_and_nothing_else():
    retriever = LexicalRetriever(ALL)
    assert retriever.remove("pets.pdf") == 2
    assert retriever.documents == (RATES,)
    assert retriever.remove("pets.pdf") == 0


def test_documents_of_several_sources_are_forgotten_at_once():
    retriever = LexicalRetriever(Document(name, "museum", source=name) for name in ("a", "b", "c"))
    assert retriever.remove(["a", "c", "nowhere"]) == 2
    assert [one.document.id for one in retriever.retrieve("museum")] == ["b"]


def test_what_was_saved_is_loaded(tmp_path):
    words = (Word(0, 4, Box(0.1, 1 / 3, 0.5, 0.6)),)
    image = Image(path="a.pdf", page=2, data=b"\xff\x00", sha256="ab")
    rich = dataclasses.replace(CATS, words=words, image=image, metadata={"year": 2015})
    retriever = LexicalRetriever([rich, DOGS, DOGS, long_document("quokka")])
    retriever.save(tmp_path / "index")
    loaded = LexicalRetriever.load(tmp_path / "index")
    assert loaded.documents == retriever.documents
    for unit in ("page", "passage"):
        assert loaded.retrieve("cat dog quokka", unit=unit) == retriever.retrieve("cat dog quokka", unit=unit)


def test_a_loaded_index_goes_on_growing(tmp_path):
    LexicalRetriever(ALL).save(tmp_path)
    loaded = LexicalRetriever.load(tmp_path)
    loaded.add([CATS])
    assert len(loaded) == 3


def test_a_password_is_not_written_to_disk(tmp_path):
    LexicalRetriever([dataclasses.replace(CATS, image=Image(path="a.pdf", password="hunter2"))]).save(tmp_path)
    assert b"hunter2" not in (tmp_path / FILE).read_bytes()
    assert LexicalRetriever.load(tmp_path).documents[0].image == Image(path="a.pdf")


def test_metadata_that_is_not_json_is_refused_and_the_old_index_stays(tmp_path):
    LexicalRetriever(ALL).save(tmp_path)
    with pytest.raises(InvalidInput, match="metadata"):
        LexicalRetriever([dataclasses.replace(CATS, metadata={"x": object()})]).save(tmp_path)
    assert LexicalRetriever.load(tmp_path).documents == ALL


def test_a_sealed_file_with_something_else_inside_is_refused(tmp_path):
    entry = {"document": {"id": "a"}, "blocks": [[0, 0]], "terms": [[]], "title": []}
    write_sealed(tmp_path / FILE, KIND, VERSION, json.dumps([entry]).encode())
    assert LexicalRetriever.load(tmp_path).documents == (Document("a"),)
    write_sealed(tmp_path / FILE, KIND, VERSION, json.dumps([{**entry, "surprise": 1}]).encode())
    with pytest.raises(Unreadable, match="not an index"):
        LexicalRetriever.load(tmp_path)


@given(
    texts=st.lists(st.text(alphabet="ab c.1\n", max_size=40), max_size=12),
    query=st.text(alphabet="abc1 ", min_size=1, max_size=8).filter(str.strip),
)
def test_filled_up_every_document_comes_back_once(texts, query):
    documents = [Document(str(n), text) for n, text in enumerate(texts)]
    candidates = LexicalRetriever(documents).retrieve(query, k=len(texts) + 1, fill=True)
    assert sorted(c.document.id for c in candidates) == sorted(d.id for d in documents)


@given(st.text(alphabet="ab \n", max_size=3000))
def test_the_blocks_of_a_text_cover_all_its_words_in_order(text):
    spans = corpus.blocks(text)
    assert " ".join(text[start:end] for start, end in spans).split() == text.split()
