"""The store in a folder: old or new after anything, damage noticed, readers and one writer, large as well as small."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from page_vectors import DIM, naive_maxsim, random_page, random_query, unit
from store_trials import damages, indexed_store, killed_states, lower_limits, read_beside_a_writer

from rag_reasoner.errors import InvalidInput, StoreError, Unreadable
from rag_reasoner.retrieve.maxsim import maxsim
from rag_reasoner.retrieve.store import commit, local
from rag_reasoner.retrieve.store.base import PageVectors
from rag_reasoner.retrieve.store.local import LocalPageStore


@pytest.fixture
def large(monkeypatch):
    """Small stores do what large ones do."""
    lower_limits(monkeypatch.setattr)


@pytest.fixture
def store(tmp_path):
    store = LocalPageStore(tmp_path / "store", model="m", dim=DIM)
    store.upsert(random_page(number) for number in range(20))
    return store


def files_of(store):
    return sorted(path.name for path in store._folder.iterdir())


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_the_old_state_or_the_new_one(tmp_path, large):
    assert all(killed_states(tmp_path / "store", kills=30))


@pytest.mark.slow
def test_readers_beside_a_writer_see_whole_states_only(tmp_path):
    reads, states, torn = read_beside_a_writer(tmp_path / "store", readers=2, seconds=5)
    assert reads > states > 2
    assert torn == 0


def test_every_damaged_file_is_noticed_before_anything_is_found(tmp_path, large):
    indexed_store(tmp_path)
    assert [kind for kind, noticed in damages(tmp_path, 300) if not noticed] == []


def test_faiss_sees_no_byte_of_a_damaged_index(tmp_path, large, monkeypatch):
    import faiss

    indexed_store(tmp_path)
    monkeypatch.setattr(local, "CHECKED_AT_ONCE", -1)
    (path,) = tmp_path.glob("*.faiss")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(faiss, "deserialize_index", lambda _: pytest.fail("faiss was given a damaged index"))
    with pytest.raises(Unreadable, match=r"faiss: is damaged"):
        LocalPageStore(tmp_path).search(random_query(), 1)


def test_a_large_store_checks_each_page_before_its_first_use(store, monkeypatch):
    monkeypatch.setattr(local, "CHECKED_AT_ONCE", -1)
    (path,) = store._folder.glob("*.vectors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    again = LocalPageStore(store._folder)
    assert again.fetch(["p0"])[0].id == "p0"
    with pytest.raises(Unreadable, match="checksum of page 'p19'"):
        again.search(random_query(), 1)
    with pytest.raises(Unreadable, match="checksum of page 'p19'"):
        again.check()


@pytest.mark.parametrize("kind", ["vectors", "sketches"])
def test_a_check_compares_again_what_was_whole_when_it_was_opened(store, kind):
    again = LocalPageStore(store._folder)
    again.check()
    (path,) = store._folder.glob(f"*.{kind}")
    with path.open("r+b") as file:
        first = file.read(1)[0]
        file.seek(0)
        file.write(bytes([first ^ 1]))
    with pytest.raises(Unreadable, match="checksum of page 'p0'"):
        again.check()


@pytest.mark.parametrize("indexed", [True, False], ids=["faiss", "no faiss"])
def test_a_large_store_finds_what_scoring_everything_finds(tmp_path, large, monkeypatch, indexed):
    monkeypatch.setattr(commit, "faiss_is_here", lambda: indexed)
    generator = np.random.default_rng(0)
    topics = unit(generator.standard_normal((40, DIM)))
    pages = [
        PageVectors(
            f"p{number}",
            "h",
            unit(topics[number % 40] + 0.1 * generator.standard_normal((30, DIM))),
            {"document": "d", "even": number % 2 == 0},
        )
        for number in range(400)
    ]
    store = LocalPageStore(tmp_path, model="m", dim=DIM, storage="float32")
    store.upsert(pages[:380])
    store.upsert(pages[380:])  # after the index was built
    assert bool(list(tmp_path.glob("*.faiss"))) == indexed
    agreed = 0
    for number in range(0, 400, 10):
        query = pages[number].vectors[:8]
        best = np.argsort(-maxsim(query, [page.vectors for page in pages]), kind="stable")[:5]
        agreed += len({hit.id for hit in store.search(query, 5)} & {f"p{place}" for place in best})
        assert all(hit.payload["even"] for hit in store.search(query, 5, where={"even": True}))
    assert agreed >= 0.99 * 5 * 40


def test_where_sketches_say_nothing_everything_is_scored(tmp_path, large):
    pages = [random_page(number, tokens=64) for number in range(300)]
    store = LocalPageStore(tmp_path, model="m", dim=DIM, storage="float32")
    store.upsert(pages)
    expected = maxsim(random_query(), [page.vectors for page in pages])
    found = [hit.id for hit in store.search(random_query(), 10)]
    assert found == [f"p{place}" for place in np.argsort(-expected, kind="stable")[:10]]


def test_a_filter_far_from_the_query_still_finds_as_many_as_there_are(tmp_path, large):
    """Three of these pages have a token near the query: that the index finds only them is no reason to stop."""
    here, there = np.eye(DIM)[:2]
    generator = np.random.default_rng(0)

    def near(place, tokens, by):
        return unit(place + by * generator.standard_normal((tokens, DIM)))

    wanted = [np.vstack([near(here if number < 3 else there, 1, 0.05), near(there, 15, 0.05)]) for number in range(300)]
    others = [near(here, 16, 0.3) for _ in range(3000)]
    store = LocalPageStore(tmp_path, model="m", dim=DIM)
    store.upsert(
        PageVectors(f"p{number}", "h", vectors, {"document": "a" if number < len(wanted) else "b"})
        for number, vectors in enumerate([*wanted, *others])
    )
    query = near(here, 6, 0.05)
    best = np.argsort(-maxsim(query, [page.astype(np.float16) for page in wanted]), kind="stable")[:3]
    assert len(store.search(query, 5, where={"document": "a"})) == 5
    assert {hit.id for hit in store.search(query, 3, where={"document": "a"})} == {f"p{place}" for place in best}


def test_ids_out_of_range_are_never_followed(tmp_path, large, monkeypatch):
    store = indexed_store(tmp_path)
    index = store._newest().index
    beyond = np.array([[index.total, 10**9, -5, 0]])

    class Lying:
        nlist = 1

        def search(self, query, count, params):
            return np.ones((len(query), 4), np.float32), np.repeat(beyond, len(query), axis=0)

    monkeypatch.setitem(index.__dict__, "_index", Lying())
    _, numbers = index.nearest(random_query(), 4, 1.0, np.ones(index.total, bool))
    assert set(numbers.ravel().tolist()) == {-1, 0}


def test_float16_scores_are_those_of_the_halves_exactly(tmp_path):
    tiny = np.float32(2.0**-24)
    vectors = np.array([[1, -0.5, tiny, 65504], [-tiny, 3.14159, 0, -1]], np.float32)
    store = LocalPageStore(tmp_path, model="m", dim=4, storage="float16")
    store.upsert([PageVectors("a", "h", vectors, {"document": "d"})])
    for query in np.eye(4, dtype=np.float32):
        expected = naive_maxsim([query], vectors.astype(np.float16))
        assert store.search(query[None], 1)[0].score == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("storage", "bytes_a_token"), [("float32", 64), ("float16", 32), ("int8", 20), ("binary", 2)])
def test_a_token_takes_the_bytes_it_is_said_to_take(tmp_path, storage, bytes_a_token):
    store = LocalPageStore(tmp_path, model="m", dim=DIM, storage=storage)
    store.upsert([random_page(1, tokens=10)])
    assert next(tmp_path.glob("*.vectors")).stat().st_size == 10 * bytes_a_token


def test_binary_scores_are_those_of_the_signs(tmp_path):
    store = LocalPageStore(tmp_path, model="m", dim=DIM, storage="binary")
    page = random_page(1, tokens=10)
    store.upsert([page])
    signs = np.where(page.vectors > 0, 1, -1) / np.sqrt(DIM)
    assert store.search(random_query(), 1)[0].score == pytest.approx(naive_maxsim(random_query(), signs), abs=1e-5)


def test_pooling_puts_alike_tokens_together(tmp_path):
    ends = unit(np.array([[1.0, 0, 0, 0], [0, 1, 0, 0]]))
    vectors = unit(ends[[0, 1, 0, 1, 0, 1]] + 0.01 * np.random.default_rng(0).standard_normal((6, 4)))
    store = LocalPageStore(tmp_path, model="m", dim=4, storage="float32", pool=3)
    store.upsert([PageVectors("a", "h", vectors, {"document": "d"})])
    assert next(tmp_path.glob("*.vectors")).stat().st_size == 2 * 4 * 4
    pooled = store.fetch(["a"])[0].vectors
    np.testing.assert_allclose(pooled, ends[[0, 1, 0, 1, 0, 1]], atol=0.02)
    np.testing.assert_allclose(np.linalg.norm(pooled, axis=1), 1, atol=1e-5)


def test_many_small_writes_become_few_files(tmp_path):
    store = LocalPageStore(tmp_path, model="m", dim=DIM)
    for number in range(100):
        store.upsert([random_page(number)])
    assert len(list(tmp_path.glob("*.vectors"))) < commit.FAN
    assert store.hashes() == {f"p{number}": f"hash-0-{number}" for number in range(100)}
    store.check()


def test_room_is_given_back_when_most_of_a_store_is_gone(store):
    before = sum(path.stat().st_size for path in store._folder.glob("*.vectors"))
    for number in range(4):
        store.delete(f"doc{number}")
    assert sum(path.stat().st_size for path in store._folder.glob("*.vectors")) < before / 2
    assert len(store) == 4


def test_a_reader_keeps_what_it_opened_while_files_are_removed(store, tmp_path):
    reader = LocalPageStore(store._folder)
    snapshot = reader._newest()
    store.upsert(random_page(number, seed=1) for number in range(20))
    assert not set(files_of(store)) & {f"{segment.name}.vectors" for segment in snapshot.segments}
    assert snapshot.segments[0].page(3).content_hash == "hash-0-3"
    assert reader.hashes()["p3"] == "hash-1-3"


def test_what_a_killed_writer_left_is_swept_up_by_the_next_and_nothing_else_is(store):
    stray, foreign = store._folder / "pages-0123456789abcdef.vectors", store._folder / "lexical.index"
    stray.write_bytes(b"half a page")
    foreign.write_bytes(b"not ours")
    store.upsert([random_page(50)])
    assert not stray.exists()
    assert foreign.exists()


def test_an_error_in_the_middle_of_an_upsert_leaves_everything_as_it_was(store):
    before, held = files_of(store), dict(store.hashes())

    def pages():
        yield random_page(1, seed=5)
        raise RuntimeError("the model failed")

    with pytest.raises(RuntimeError, match="the model failed"):
        store.upsert(pages())
    assert (files_of(store), store.hashes()) == (before, held)


FULL = """
import resource, signal, sys
from page_vectors import DIM, random_page
from rag_reasoner.errors import StoreError
from rag_reasoner.retrieve.store.local import LocalPageStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = LocalPageStore(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    store.upsert(random_page(number, tokens=200, seed=9) for number in range(50))
except StoreError as error:
    print(error)
"""


def test_a_file_that_cannot_grow_is_an_error_in_words_and_the_old_state(store):
    before, held = files_of(store), dict(store.hashes())
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(store._folder)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    )
    assert "cannot be written (File too large); what it held is unchanged" in done.stdout
    assert (files_of(store), LocalPageStore(store._folder).hashes()) == (before, held)


@pytest.mark.parametrize("moment", range(6))
def test_a_full_disk_at_any_moment_is_an_error_in_words_and_the_old_state(store, monkeypatch, moment):
    before, held, sync, calls = files_of(store), dict(store.hashes()), os.fsync, iter(range(100))

    def full(handle):
        if next(calls) == moment:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot be written \(No space left on device\)") as caught:
        store.upsert(random_page(number, seed=9) for number in range(5))
    now = LocalPageStore(store._folder).hashes()
    if "unchanged" in str(caught.value):
        assert (files_of(store), now) == (before, held)
    else:
        assert moment == 5
        assert now == {**held, **{f"p{number}": f"hash-9-{number}" for number in range(5)}}
    monkeypatch.undo()
    store.upsert([random_page(77)])
    assert "p77" in LocalPageStore(store._folder).hashes()


def test_a_second_writer_waits_and_then_says_who_is_in_the_way(store):
    other = LocalPageStore(store._folder, patience=0.05)

    def pages():
        yield random_page(30)
        with pytest.raises(StoreError, match="another process is writing"):
            other.upsert([random_page(31)])

    store.upsert(pages())
    other.upsert([random_page(31)])
    assert {"p30", "p31"} <= store.hashes().keys()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_only_be_read_is_searched(store):
    store._folder.chmod(0o500)
    try:
        again = LocalPageStore(store._folder)
        assert len(again.search(random_query(), 5)) == 5
        with pytest.raises(StoreError, match="cannot be written"):
            again.upsert([random_page(30)])
    finally:
        store._folder.chmod(0o700)


def test_where_no_file_can_be_made_reading_goes_on(store, monkeypatch):
    again = LocalPageStore(store._folder)
    monkeypatch.setattr(os, "open", _read_only(os.open))
    assert len(again.search(random_query(), 5)) == 5
    with pytest.raises(StoreError, match="cannot be written"):
        again.upsert([random_page(30)])


def _read_only(real):
    def guarded(path, flags, *rest, **more):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, flags, *rest, **more)

    return guarded


def test_what_is_no_store_is_refused_in_words(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x")
    with pytest.raises(Unreadable, match="is a file; a page store is a folder"):
        LocalPageStore(file, model="m", dim=DIM)
    with pytest.raises(Unreadable, match="is not a page store"):
        LocalPageStore(tmp_path)
    with pytest.raises(Unreadable, match="is not a page store"):
        LocalPageStore(tmp_path / "missing")


@pytest.mark.parametrize("kind", ["table", "vectors", "sketches"])
def test_a_file_that_cannot_be_opened_is_an_error_in_words(store, kind):
    (path,) = store._folder.glob(f"*.{kind}")
    path.unlink()
    path.mkdir()
    with pytest.raises(Unreadable, match=rf"{kind}: cannot be read \(Is a directory\)"):
        LocalPageStore(store._folder)


def test_a_store_of_another_format_is_refused(store):
    path = store._folder / "pages.manifest"
    path.write_bytes(path.read_bytes().replace(b"rag-reasoner-pages 2 ", b"rag-reasoner-pages 9 ", 1))
    with pytest.raises(Unreadable, match="has version '9', this release reads 2"):
        LocalPageStore(store._folder)


def test_opening_makes_nothing(tmp_path):
    LocalPageStore(tmp_path / "store", model="m", dim=DIM).search(random_query())
    assert list(tmp_path.iterdir()) == []


def test_a_store_can_be_moved(store, tmp_path):
    shutil.move(store._folder, tmp_path / "elsewhere")
    assert len(LocalPageStore(tmp_path / "elsewhere").search(random_query(), 5)) == 5


def test_what_is_fetched_is_the_callers_own(store):
    page = store.fetch(["p1"])[0]
    page.vectors[:] = 0
    page.payload["document"] = "changed"
    assert store.fetch(["p1"])[0].vectors.any()
    assert store.fetch(["p1"])[0].payload["document"] == "doc1"


def test_nothing_of_a_store_is_pickled_and_its_text_is_json(store):
    table = next(store._folder.glob("*.table")).read_text()
    assert table.startswith('[{"id":"p0"')


def test_a_closed_store_says_so(store):
    store.close()
    for use in (lambda: store.search(random_query()), store.hashes, lambda: store.upsert([random_page(1)])):
        with pytest.raises(StoreError, match="was closed; open it anew"):
            use()


def test_numbers_too_small_for_a_scale_keep_their_sign(tmp_path):
    store = LocalPageStore(tmp_path, model="m", dim=4, storage="int8")
    vectors = np.array([[-2.5e-43, 2.5e-43, 0, 0]], np.float32)
    store.upsert([PageVectors("a", "h", vectors, {"document": "d"})])
    kept = store.fetch(["a"])[0].vectors
    assert kept[0, 0] < 0 < kept[0, 1]


def test_large_segments_are_not_merged(store, monkeypatch):
    monkeypatch.setattr(commit, "LARGEST_SEGMENT", 1)
    for number in range(30, 50):
        store.upsert([random_page(number)])
    assert len(list(store._folder.glob("*.vectors"))) == 21


def test_an_identity_is_checked_before_a_folder_is_made(tmp_path):
    with pytest.raises(InvalidInput, match="unknown storage 'int3'"):
        LocalPageStore(tmp_path / "store", model="m", dim=DIM, storage="int3")
    assert not (tmp_path / "store").exists()


def test_peak_memory_of_an_upsert_does_not_grow_with_its_pages(tmp_path):
    """Measured in a process of its own: 40 MB of vectors, and 160 MB."""
    code = """
import resource, sys
from page_vectors import random_page
from rag_reasoner.retrieve.store.local import LocalPageStore
store = LocalPageStore(sys.argv[1], model="m", dim=128)
store.upsert(random_page(number, tokens=1024, dim=128) for number in range(int(sys.argv[2])))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", code, str(tmp_path / pages), pages],
                capture_output=True,
                text=True,
                check=True,
                cwd=Path(__file__).parent,
            ).stdout
        )
        for pages in ("80", "320")
    ]
    assert peaks[1] < peaks[0] + 30_000


def test_what_payloads_hold_is_read_when_it_is_asked_for(tmp_path):
    """The texts of pages are not in memory because their store is open: its tables are, and these are short."""
    text = {"text": "words " * 20_000}
    store = LocalPageStore(tmp_path, model="m", dim=DIM)
    store.upsert(
        PageVectors(f"p{number}", "h", random_page(number).vectors, {"document": "d", "page": text, "none": None})
        for number in range(20)
    )
    assert sum(path.stat().st_size for path in tmp_path.glob("*.table")) < 20 * 1000
    assert len(str(store._newest().record(7))) < 1000
    assert store.search(random_query(), 1)[0].payload == {"document": "d", "page": text, "none": None}
    assert store.fetch(["p7"])[0].payload["page"] == text


def test_a_damaged_sketch_is_noticed_where_asserts_are_left_out(tmp_path):
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from rag_reasoner.retrieve.store.base import PageVectors\n"
        "from rag_reasoner.retrieve.store.local import LocalPageStore\n"
        "place = Path(sys.argv[1])\n"
        "with_one = LocalPageStore(place, model='m', dim=4)\n"
        "with_one.upsert([PageVectors('p', 'h', np.ones((3, 4), np.float32), {'document': 'd'})])\n"
        "with_one.close()\n"
        "(file,) = place.glob('*.sketches')\n"
        "file.write_bytes(bytes([file.read_bytes()[0] ^ 255]) + file.read_bytes()[1:])\n"
        "LocalPageStore(place).check()\n"
    )
    done = subprocess.run([sys.executable, "-O", "-c", code, str(tmp_path / "s")], capture_output=True, text=True)
    assert "is damaged" in done.stderr
