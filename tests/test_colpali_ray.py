"""Large folders: the pieces that travel over a cluster, and a real Ray of two workers."""

import json
import pickle
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import tiny_colpali
from small_pdf import Page, pdf, text

import rag_reasoner
from rag_reasoner.errors import InvalidInput, MissingExtra, StoreRefused
from rag_reasoner.retrieve.colpali import ColPaliRetriever
from rag_reasoner.retrieve.colpali.ray import Encoding, _check, _columns, _known, _page, _saved, encode_folder, pages_of
from rag_reasoner.retrieve.store.local import LocalPageStore

QUESTION = "When did the museum open?"

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs the [ray] extra")


def write(folder, count=3):
    for number in range(count):
        pages = Page(text(f"Report {number}: the museum.")), Page(text("Its river.", size=30))
        (folder / f"report{number}.pdf").write_bytes(pdf(*pages))
    return folder


@pytest.fixture
def files(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    return write(tmp_path / "files")


def store(place):
    model = tiny_colpali.encoder().identity
    return LocalPageStore(place / "store", model=model.model, dim=model.dim, settings=model.settings, storage="float32")


def encoding():
    return Encoding(tiny_colpali.folder("colmodernvbert"), "float32")


def alone(files, place):
    """What one process makes of the files."""
    retriever = ColPaliRetriever(tiny_colpali.encoder(), place / "alone", storage="float32")
    retriever.add(rag_reasoner.read(files).documents)
    return retriever.store


def same(one, other):
    """Whether two stores hold the same pages."""
    assert one.hashes() == other.hashes()
    for mine, its in zip(one.fetch(sorted(one.hashes())), other.fetch(sorted(other.hashes())), strict=True):
        np.testing.assert_allclose(mine.vectors, its.vectors, atol=1e-5)
        assert mine.payload == its.payload


def test_the_pieces_make_what_one_process_makes(files, tmp_path):
    rows = [row for file in sorted(files.glob("*.pdf")) for row in pages_of({"path": str(file)}, {})]
    made = encoding()(_columns(rows))
    back = [dict(zip(made, values, strict=True)) for values in zip(*made.values(), strict=True)]
    added = _saved(back, store(tmp_path), save_every=4, unread=())
    assert (added.encoded, added.unchanged) == (6, 0)
    assert [fault.source for fault in added.faults] == [str(files / "broken.pdf")]
    same(store(tmp_path), alone(files, tmp_path))


def made_of(file):
    """The rows of a file's pages, with their vectors."""
    made = encoding()(_columns(pages_of({"path": str(file)}, {})))
    return [dict(zip(made, values, strict=True)) for values in zip(*made.values(), strict=True)]


def test_a_folder_becomes_the_store_of_the_model(files, tmp_path):
    assert _known(tmp_path / "store") == {}
    _saved(made_of(files / "report0.pdf"), tmp_path / "store", save_every=1, unread=())
    assert len(_known(tmp_path / "store")) == 2
    assert len(ColPaliRetriever(tiny_colpali.encoder(), tmp_path / "store").retrieve(QUESTION)) == 2


def test_a_store_of_another_model_is_refused_and_left_as_it_was(files, tmp_path):
    other = tiny_colpali.encoder("colqwen2")
    held = ColPaliRetriever(other, tmp_path / "store").store
    held.upsert([])
    for store in (held, tmp_path / "store"):
        with pytest.raises(StoreRefused, match=other.identity.model):
            _saved(made_of(files / "report0.pdf"), store, save_every=4, unread=())
    assert len(held) == 0


def test_what_a_store_has_needs_no_vectors(files, tmp_path):
    known = alone(files, tmp_path).hashes()
    rows = pages_of({"path": str(files / "report0.pdf")}, known)
    assert [(row["id"], row["unchanged"]) for row in rows] == [("", True), ("", True)]


def test_a_page_that_cannot_be_drawn_becomes_a_fault(files):
    (row, _) = pages_of({"path": str(files / "report0.pdf")}, {})
    (files / "report0.pdf").write_bytes(b"gone bad since")
    made = encoding()(_columns([row]))
    assert (made["id"][0], json.loads(made["fault"][0])["source"]) == ("", str(files / "report0.pdf"))


def test_vectors_that_end_in_zeros_are_kept_whole():
    model = json.dumps({"model": "m", "dim": 2})
    row = {"id": "a", "content_hash": "b", "payload": json.dumps({"document": "a"}), "model": model}
    columns = _columns([{**row, "vectors": np.zeros((3, 2), np.float32).tobytes(), "unchanged": False, "fault": ""}])
    assert _page({name: column[0] for name, column in columns.items()}).vectors.shape == (3, 2)


def test_what_travels_can_be_pickled():
    assert pickle.loads(pickle.dumps(pages_of)) is pages_of
    assert pickle.loads(pickle.dumps(Encoding)) is Encoding


def test_without_ray_the_extra_is_named(files, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(MissingExtra, match=r"rag-reasoner\[ray\]"):
        encode_folder([files], "model", store(tmp_path))


def test_workers_that_take_every_cpu_are_refused():
    _check(2, 2, 0.5)
    with pytest.raises(InvalidInput, match="2 workers of 1 CPUs"):
        _check(2, 2, 1)


@needs_ray
def test_nothing_to_read_is_said_before_anything_starts(tmp_path):
    with pytest.raises(InvalidInput, match="does not exist"):
        encode_folder([tmp_path / "nowhere"], "model", store(tmp_path))


@needs_ray
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_two_workers_of_a_real_ray_fill_a_store(files, tmp_path):
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20)
    try:
        filled = store(tmp_path)
        model = tiny_colpali.folder("colmodernvbert")
        added = encode_folder(
            [files], model, filled, workers=2, cpus_each=0.5, batch_size=2, save_every=4, dtype="float32"
        )
        assert (added.encoded, added.unchanged, len(added.faults)) == (6, 0, 1)
        same(filled, alone(files, tmp_path))
        (files / "new.pdf").write_bytes(pdf(Page(text("A new page."))))
        again = encode_folder([files], model, filled, workers=2, cpus_each=0.5, batch_size=2, dtype="float32")
        assert (again.encoded, again.unchanged) == (1, 6)
    finally:
        ray.shutdown()
