"""The visual first stage: what is encoded, when again, what is found, and what is said of what cannot be."""

import io
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_pdf
import tiny_colpali
from PIL import Image as Pictures
from tiny_colpali import FAMILIES, encoder

import rag_reasoner
from rag_reasoner.errors import InvalidInput, StoreRefused, Unreadable
from rag_reasoner.retrieve.base import Retriever
from rag_reasoner.retrieve.colpali import ColPaliRetriever, PageEncoder
from rag_reasoner.retrieve.colpali.encoding import ahead, batches
from rag_reasoner.retrieve.colpali.records import content_hash, page_id
from rag_reasoner.retrieve.maxsim import maxsim
from rag_reasoner.retrieve.store.local import LocalPageStore
from rag_reasoner.types import Box, Document, Image

QUESTION = "When did the museum open?"
REPORTS = Path(__file__).parents[1] / "examples" / "pdfs"


def picture(seed):
    noise = np.random.default_rng(seed).integers(0, 255, (80, 60, 3), dtype=np.uint8)
    return Pictures.fromarray(noise)


def shown(seed, **about):
    """A page that is a picture of noise, as bytes."""
    data = io.BytesIO()
    picture(seed).save(data, "PNG")
    given = {"source": "scan.pdf", "page": seed + 1, **about}
    return Document(f"scan.pdf#p{seed + 1}", image=Image(data=data.getvalue(), media_type="image/png"), **given)


def opened(place, **options):
    return ColPaliRetriever(encoder(), place / "store", **options)


class Counting(PageEncoder):
    """The tiny encoder; counts the pages it has encoded, and refuses one of those it is shown."""

    def __init__(self, refused=None):
        self.__dict__.update(encoder().__dict__)
        self.shown = 0
        self.refused = refused if refused is None else picture(refused)

    def pages(self, images):
        if any(image == self.refused for image in images):
            raise Unreadable("an image", "too thin")
        self.shown += len(images)
        return super().pages(images)


@pytest.fixture(scope="module")
def reports():
    return [page for page in rag_reasoner.read(REPORTS).documents if page.page <= 3]


@pytest.mark.parametrize("family", FAMILIES)
def test_pages_of_pdfs_are_found_by_maxsim_with_what_they_are(family, tmp_path, reports):
    retriever = ColPaliRetriever(encoder(family), tmp_path, storage="float32")
    added = retriever.add(reports)
    assert (added.encoded, added.unchanged, added.faults) == (len(reports), 0, ())
    found = retriever.retrieve(QUESTION, k=4)
    asked = encoder(family).query(QUESTION).vectors
    kept = retriever.store.fetch([page_id(page) for page in reports])
    expected = sorted(maxsim(asked, [page.vectors for page in kept]), reverse=True)[:4]
    assert [one.scores["colpali"] for one in found] == pytest.approx(expected, abs=1e-5)
    assert [one.position for one in found] == [0, 1, 2, 3]
    by_id = {page.id: page for page in reports}
    assert all(one.document == by_id[one.document.id] for one in found)
    assert all(0 <= edge <= 1 for one in found for box in one.regions for edge in box)
    assert any(one.regions for one in found)


def test_it_is_a_first_stage(tmp_path):
    assert isinstance(opened(tmp_path), Retriever)


def test_an_empty_store_finds_nothing(tmp_path):
    assert opened(tmp_path).retrieve(QUESTION) == []


def test_a_page_is_encoded_once(tmp_path):
    pages = [shown(seed) for seed in range(3)]
    opened(tmp_path).add(pages)
    counting = Counting()
    added = ColPaliRetriever(counting, tmp_path / "store").add([*pages, shown(3)])
    assert (added.encoded, added.unchanged, counting.shown) == (1, 3, 1)


@pytest.mark.parametrize(
    "changed", [{"title": "New"}, {"text": "new words"}, {"image": shown(7).image}, {"image": Image(path="other.png")}]
)
def test_a_changed_page_has_another_hash(changed):
    assert content_hash(replace(shown(0), **changed)) != content_hash(shown(0))


def test_a_changed_page_takes_the_place_of_its_older_self(tmp_path):
    retriever = opened(tmp_path)
    retriever.add([shown(0)])
    assert retriever.add([replace(shown(5), page=1)]).encoded == 1
    assert len(retriever) == 1


def test_the_same_page_handed_in_twice_is_kept_twice(tmp_path):
    retriever = opened(tmp_path)
    retriever.add([shown(0), shown(0)])
    assert len(retriever) == 2


def test_pages_of_a_source_are_forgotten(tmp_path):
    retriever = opened(tmp_path)
    retriever.add([shown(0), shown(1), shown(2, source="other.pdf")])
    assert retriever.remove("scan.pdf") == 2
    assert [one.document.source for one in retriever.retrieve(QUESTION)] == ["other.pdf"]


def test_pages_that_a_source_has_no_more_are_forgotten_and_the_others_stay(tmp_path):
    retriever = opened(tmp_path)
    retriever.add([*(shown(seed) for seed in range(4)), shown(9, source="other.pdf")])
    now = [shown(0), replace(shown(7), page=2), replace(shown(2), image=Image(data=b"no picture"))]
    retriever.add(now)
    assert retriever.prune(now) == 2  # one that could not be encoded anew, and one that is no more
    found = {(one.document.source, one.document.page) for one in retriever.retrieve(QUESTION)}
    assert found == {("scan.pdf", 1), ("scan.pdf", 2), ("other.pdf", 10)}


def test_what_cannot_be_seen_is_told_and_costs_nothing_else(tmp_path):
    broken = replace(shown(1), image=Image(data=b"no picture"))
    text = Document("notes", "only words", source="notes.md")
    added = opened(tmp_path).add([shown(0), broken, text, shown(2)])
    assert added.encoded == 2
    assert [(fault.kind, fault.source) for fault in added.faults] == [("unread", "scan.pdf"), ("unread", "notes.md")]
    assert "no picture to encode" in added.faults[1].detail


def test_one_page_of_a_batch_that_the_model_refuses_costs_only_itself(tmp_path):
    added = ColPaliRetriever(Counting(refused=1), tmp_path, batch_size=3).add([shown(seed) for seed in range(3)])
    assert (added.encoded, [fault.detail for fault in added.faults]) == (2, ["p. 2: too thin"])


def test_blank_hostile_and_absurd_pages_cost_nothing_else(tmp_path):
    good = small_pdf.Page(small_pdf.text("The museum opened in 1962."))
    (tmp_path / "good.pdf").write_bytes(small_pdf.pdf(good, small_pdf.Page()))
    (tmp_path / "absurd.pdf").write_bytes(small_pdf.pdf(small_pdf.Page(small_pdf.text("x"), "0 0 2000000 1")))
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    reading = rag_reasoner.read(tmp_path)
    retriever = opened(tmp_path)
    added = retriever.add(reading.documents)
    assert {fault.source for fault in (*reading.faults, *added.faults)} >= {
        str(tmp_path / name) for name in ("absurd.pdf", "broken.pdf")
    }
    assert added.encoded == len(retriever) == 2
    assert [one.document.page for one in retriever.retrieve(QUESTION)] == [1]  # the blank page is kept, never found


def test_a_store_of_another_model_says_which(tmp_path):
    opened(tmp_path).add([shown(0)])
    other = tiny_colpali.encoder("colqwen2")
    with pytest.raises(StoreRefused, match=encoder().identity.model):
        ColPaliRetriever(other, tmp_path / "store")
    with pytest.raises(StoreRefused, match=encoder().identity.model):
        ColPaliRetriever(other, LocalPageStore(tmp_path / "store"))


def test_a_model_that_has_moved_is_the_same_model(tmp_path):
    shutil.copytree(tiny_colpali.folder("colmodernvbert"), tmp_path / "moved")
    opened(tmp_path).add([shown(0)])
    assert len(ColPaliRetriever(tmp_path / "moved", tmp_path / "store", dtype="float32", device="cpu")) == 1


def test_a_store_of_the_same_model_with_other_weights_is_refused(tmp_path):
    opened(tmp_path).add([shown(0)])
    other = encoder(seed=1)
    same_name = PageEncoder.__new__(PageEncoder)
    same_name.__dict__.update(other.__dict__, _loaded=replace(other._loaded, name=encoder().name))
    with pytest.raises(StoreRefused, match="fingerprint"):
        ColPaliRetriever(same_name, tmp_path / "store")


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"save_every": 0}])
def test_sizes_of_batches_start_at_one(options, tmp_path):
    with pytest.raises(InvalidInput, match=next(iter(options))):
        opened(tmp_path, **options)


@pytest.mark.parametrize("k", [0, -1, True])
def test_no_page_cannot_be_asked_for(k, tmp_path):
    with pytest.raises(InvalidInput, match="k="):
        opened(tmp_path).retrieve(QUESTION, k)


def test_metadata_that_json_cannot_hold_is_refused_by_name(tmp_path):
    with pytest.raises(InvalidInput, match=r"scan\.pdf#p1"):
        opened(tmp_path).add([shown(0, metadata={"handle": object()})])


def test_a_password_is_not_kept(tmp_path):
    secret = replace(shown(0).image, password="swordfish")
    retriever = opened(tmp_path)
    retriever.add([replace(shown(0), image=secret)])
    assert retriever.retrieve(QUESTION)[0].document.image.password is None
    assert not any(b"swordfish" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_progress_is_told_chunk_by_chunk(tmp_path):
    told = []
    opened(tmp_path, save_every=2).add([shown(seed) for seed in range(3)], progress=lambda *done: told.append(done))
    assert told == [(2, 3), (3, 3)]


@pytest.mark.parametrize("options", [{"pool": 3}, {"storage": "int8"}, {"storage": "binary"}, {"storage": "float32"}])
def test_however_vectors_are_kept_pages_are_found_and_looked_at(options, tmp_path):
    retriever = opened(tmp_path, **options)
    retriever.add([shown(seed) for seed in range(3)])
    (first, *_) = found = retriever.retrieve(QUESTION)
    assert {one.document.page for one in found} == {1, 2, 3}
    assert all(isinstance(box, Box) for box in (*first.regions, *retriever.look(QUESTION, first.document)))


def test_looking_finds_what_the_kept_vectors_say(tmp_path):
    retriever = opened(tmp_path, storage="float32")
    retriever.add([shown(0)])
    (found,) = retriever.retrieve(QUESTION)
    assert found.regions
    np.testing.assert_allclose(retriever.look(QUESTION, found.document), found.regions)


def test_a_page_without_a_picture_cannot_be_looked_at(tmp_path):
    with pytest.raises(Unreadable, match="no picture"):
        opened(tmp_path).look(QUESTION, Document("notes", "words"))


def test_regions_are_left_out_where_a_page_has_gone_since(tmp_path, monkeypatch):
    retriever = opened(tmp_path)
    retriever.add([shown(0)])
    search = retriever.store.search

    def and_lose(*args, **options):
        hits = search(*args, **options)
        LocalPageStore(tmp_path / "store").delete("scan.pdf")
        return hits

    monkeypatch.setattr(retriever.store, "search", and_lose)
    (found,) = retriever.retrieve(QUESTION)
    assert (found.document.page, found.regions) == (1, ())


ENDLESS = """
import sys, time
sys.path[:0] = {paths!r}
from test_colpali_retriever import Counting, shown
from rag_reasoner.retrieve.colpali import ColPaliRetriever, PageEncoder

made = PageEncoder({model!r}, dtype="float32", device="cpu")
def tell(done, of):
    print(done, flush=True)
    time.sleep(60 if done == 4 else 0)
ColPaliRetriever(made, {store!r}, save_every=2, batch_size=1).add([shown(seed) for seed in range(6)], progress=tell)
"""


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path):
    code = ENDLESS.format(
        paths=[str(Path(__file__).parent)], model=tiny_colpali.folder("colmodernvbert"), store=str(tmp_path / "store")
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as run:
        while run.stdout.readline().strip() != "4":
            assert run.poll() is None
        os.kill(run.pid, signal.SIGKILL)
    counting = Counting()
    added = ColPaliRetriever(counting, tmp_path / "store").add([shown(seed) for seed in range(6)])
    assert (added.encoded, added.unchanged, counting.shown) == (2, 4, 2)


def test_batches_lose_nothing():
    assert list(batches(range(5), 2)) == [(0, 1), (2, 3), (4,)]


def test_the_next_is_begun_before_one_is_handed_out():
    begun = []
    one_ahead = ahead(lambda item: begun.append(item) or -item, [1, 2, 3])
    assert next(one_ahead) == (1, -1)
    assert begun[0] == 1
    assert list(one_ahead) == [(2, -2), (3, -3)]
    assert begun == [1, 2, 3]


def test_what_fails_ahead_fails_when_it_is_its_turn():
    one_ahead = ahead(lambda item: 1 / item, [1, 0])
    assert next(one_ahead) == (1, 1.0)
    with pytest.raises(ZeroDivisionError):
        next(one_ahead)
