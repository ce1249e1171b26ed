"""`index`, `search` and `ask --index`: what is new is read, what is gone is forgotten, what is there is found."""

import json
import re
import shutil

import pytest
import tiny_colpali
from small_pdf import Page, pdf, text
from typer.testing import CliRunner

from rag_reasoner import read
from rag_reasoner.cli import app
from rag_reasoner.errors import InvalidInput, StoreError, Unreadable
from rag_reasoner.pages.files import find
from rag_reasoner.retrieve.colpali import encoding
from rag_reasoner.retrieve.index import PageIndex
from rag_reasoner.retrieve.index.changes import changes, sha256, vouched
from rag_reasoner.retrieve.index.folder import LOCK
from rag_reasoner.retrieve.index.manifest import FILE, Manifest, read_manifest, write_manifest
from rag_reasoner.retrieve.store.local import LocalPageStore
from rag_reasoner.retrieve.store.lock import one_writer

QUESTION = "When did the museum open?"
KINDS = ("lexical", "colpali", "hybrid")


def run(*args):
    return CliRunner().invoke(app, [*map(str, args)])


def page(words):
    return Page(text(words))


@pytest.fixture
def files(tmp_path):
    """A folder with two PDFs and a note."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "museum.pdf").write_bytes(pdf(page("The museum did open in 1962."), page("The river is long.")))
    (folder / "town.pdf").write_bytes(pdf(page("The town has two bridges.")))
    (folder / "notes.md").write_text("The museum will open again.")
    return folder


def index(files, kind="hybrid", *options):
    model = () if kind == "lexical" else ("--model", tiny_colpali.folder("colmodernvbert"))
    return run("index", files, "--out", files.parent / "index", "--retriever", kind, *model, *options)


def search(files, *options):
    done = run("search", files.parent / "index", QUESTION, "--json", *options)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def found(files):
    return {(one["source"].rsplit("/", 1)[-1], one["page"]) for one in search(files)}


EVERY_PAGE = {("museum.pdf", 1), ("museum.pdf", 2), ("town.pdf", 1)}


@pytest.mark.parametrize("kind", KINDS)
def test_pages_are_indexed_and_found_by_each_kind_of_retriever(kind, files):
    done = index(files, kind)
    assert done.exit_code == 0, done.output
    scores = {name for one in search(files) for name in one["scores"]}
    assert scores == {"lexical": {"lexical"}, "colpali": {"colpali"}, "hybrid": {"lexical", "colpali", "hybrid"}}[kind]
    assert ("museum.pdf", 1) in found(files)
    assert found(files) >= EVERY_PAGE or kind == "lexical"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_unchanged_is_not_read_again(kind, files):
    index(files, kind)
    done = index(files, kind)
    assert "0 pages of 0 files new or changed · 3 files unchanged" in done.stdout
    assert "encoded" not in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_new_changed_and_deleted_files_are_followed(kind, files):
    index(files, kind)
    (files / "museum.pdf").write_bytes(pdf(page("The museum did open in 1970.")))
    (files / "town.pdf").unlink()
    (files / "river.pdf").write_bytes(pdf(page("The museum has a boat, open on Sundays.")))
    done = index(files, kind)
    assert "2 pages of 2 files new or changed" in done.stdout
    assert "1 page of 1 deleted file forgotten" in done.stdout
    pages = found(files) - {("notes.md", None)}
    assert pages == {("museum.pdf", 1), ("river.pdf", 1)}
    assert "1970" in next(one["text"] for one in search(files) if one["source"].endswith("museum.pdf"))


def test_only_what_is_new_is_encoded(files):
    assert "3 pages encoded" in index(files).stdout
    (files / "new.pdf").write_bytes(pdf(page("A new page.")))
    assert "1 page encoded" in index(files).stdout


def test_an_index_grows_by_folder(files, tmp_path):
    index(files, "lexical")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "museum.pdf").write_bytes(pdf(page("Another museum did open in 1980.")))
    done = run("index", tmp_path / "more", "--out", tmp_path / "index")
    assert done.exit_code == 0, done.output
    assert {one["source"] for one in search(files)} >= {str(one) for one in tmp_path.glob("*/museum.pdf")}


def test_what_cannot_be_read_is_told_and_the_rest_indexed(files):
    (files / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    done = index(files, "colpali")
    assert done.exit_code == 0
    assert "broken.pdf" in done.stderr
    assert "notes.md" in done.stderr  # words alone cannot be found by sight
    assert found(files) == EVERY_PAGE


def test_a_changed_file_that_cannot_be_read_keeps_its_older_pages(files):
    index(files, "lexical")
    (files / "museum.pdf").write_bytes(b"%PDF-1.7 nothing")
    assert "museum.pdf" in index(files, "lexical").stderr
    assert ("museum.pdf", 1) in found(files)


@pytest.mark.parametrize(("kind", "name"), [("lexical", "lexical.index"), ("colpali", "pages"), ("hybrid", "pages")])
def test_an_index_that_lacks_a_part_is_refused(kind, name, files):
    index(files, kind)
    (files.parent / "index" / name).rename(files.parent / "lost")
    for done in (run("search", files.parent / "index", QUESTION), index(files, kind)):
        assert done.exit_code == 3
        assert name in done.stderr


def test_an_index_in_which_no_page_has_a_picture_is_whole(tmp_path):
    (tmp_path / "notes.md").write_text("The museum.")
    model = tiny_colpali.folder("colmodernvbert")
    run("index", tmp_path / "notes.md", "--out", tmp_path / "index", "--retriever", "hybrid", "--model", model)
    assert "notes.md" in run("search", tmp_path / "index", "museum").stdout


def test_a_file_that_cannot_be_encoded_anew_keeps_its_older_pages(files, monkeypatch):
    """A full disk, for instance, when a file has become shorter."""
    index(files, "colpali")
    (files / "museum.pdf").write_bytes(pdf(page("The museum did open in 1970.")))
    full = StoreError("index/pages: cannot be written (No space left on device)")
    with monkeypatch.context() as patched:
        patched.setattr(LocalPageStore, "upsert", lambda *_: (_ for _ in ()).throw(full))
        assert "No space left" in index(files, "colpali").stderr
    assert found(files) == EVERY_PAGE
    assert index(files, "colpali").exit_code == 0
    assert found(files) == EVERY_PAGE - {("museum.pdf", 2)}


def test_a_page_that_cannot_be_encoded_any_more_is_told_and_not_found_as_it_was(files, monkeypatch):
    index(files, "colpali")
    (files / "museum.pdf").write_bytes(pdf(page("The museum did open in 1970."), page("The river is short.")))
    drawn = encoding._drawn
    absurd = lambda one, *rest: encoding._fault(one, "absurd") if one.page == 2 else drawn(one, *rest)  # noqa: E731
    monkeypatch.setattr(encoding, "_drawn", absurd)
    assert "p. 2: absurd" in index(files, "colpali").stderr
    assert found(files) == EVERY_PAGE - {("museum.pdf", 2)}


def test_a_page_has_one_place_whatever_its_file_is_called(tmp_path):
    """A page's id changes with the files that are read beside it: it must not stay under the older one."""
    from PIL import Image

    for folder in ("a", "b"):
        (tmp_path / "files" / folder).mkdir(parents=True)
        Image.new("RGB", (50, 50), "red").save(tmp_path / "files" / folder / "fig#1.png")
    index(tmp_path / "files", "colpali")
    Image.new("RGB", (60, 50), "blue").save(tmp_path / "files" / "a" / "fig#1.png")
    index(tmp_path / "files", "colpali")
    assert len(search(tmp_path / "files")) == 2


@pytest.mark.parametrize("kind", ["lexical", "hybrid"])
def test_who_updates_goes_on_from_what_another_has_written_meanwhile(kind, files):
    model = None if kind == "lexical" else tiny_colpali.folder("colmodernvbert")
    one, other = (PageIndex.create(files.parent / "index", kind, model) for _ in range(2))
    for made, name in ((one, "town.pdf"), (other, "museum.pdf")):
        changed = made.changes(find([files / name]).files)
        made.update(changed, read([*changed.changed]).documents)
    again = PageIndex.open(files.parent / "index")
    assert {one.rsplit("/", 1)[-1] for one in again.manifest.files} == {"town.pdf", "museum.pdf"}
    assert len(again) == 3


def test_who_finds_another_kind_of_index_made_meanwhile_leaves_it(files):
    made = PageIndex.create(files.parent / "index", "lexical")
    write_manifest(files.parent / "index", Manifest("colpali", "a-model"))
    with pytest.raises(InvalidInput, match="'colpali', not 'lexical'"):
        made.update(made.changes([]), [])
    assert read_manifest(files.parent / "index").retriever == "colpali"


def test_updates_wait_for_each_other_and_then_say_who_is_in_the_way(files, monkeypatch):
    index(files, "lexical")
    monkeypatch.setattr("rag_reasoner.retrieve.index.folder.PATIENCE", 0.05)
    with one_writer(files.parent / "index", 0.05, LOCK):
        done = index(files, "lexical")
    assert done.exit_code == 2
    assert "another process is writing; wait for it" in done.stderr


def test_what_a_killed_update_left_is_swept_up(files):
    index(files, "lexical")
    left = [files.parent / "index" / name for name in (".lexical.index-0a1b", ".index.json-0a1b")]
    for path in left:
        path.write_text("half")
    index(files, "lexical")
    assert not any(path.exists() for path in left)


def test_a_file_that_cannot_be_reached_is_not_gone(tmp_path, monkeypatch):
    (tmp_path / "there").touch()

    def unreachable(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    known = {str(tmp_path / name): "0" * 64 for name in ("there", "nowhere")}
    assert changes([], known).gone == (str(tmp_path / "nowhere"),)
    monkeypatch.setattr("pathlib.Path.stat", unreachable)
    assert changes([], known).gone == ()


def test_regions_and_text_are_in_the_json(files):
    index(files)
    first = search(files)[0]
    assert {"rank", "id", "source", "page", "scores", "regions", "text"} == set(first)
    assert all(len(box) == 4 for one in search(files) for box in one["regions"])


def test_search_prints_a_line_a_page(files):
    index(files, "lexical")
    done = run("search", files.parent / "index", QUESTION, "--top-k", 1)
    assert re.fullmatch(r" +1  museum\.pdf  p\. 1  lexical [\d.]+\n", done.stdout)


def test_nothing_found_is_said(files):
    index(files, "lexical")
    assert "no page was found" in run("search", files.parent / "index", "zebra").stdout


def test_an_index_is_asked_from_anywhere(files, tmp_path, monkeypatch):
    index(files, "lexical")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    done = run("ask", "--index", "../index", QUESTION, "--model", "lexical", "--json")
    result = json.loads(done.stdout)
    assert "1962" in result["answer"]["text"]
    assert result["answer"]["citations"][0]["boxes"], "the page's file is still what was indexed: it may be read"
    assert result["faults"] == []


def test_a_file_that_has_changed_since_is_told_and_not_read(files):
    index(files, "lexical")
    (files / "museum.pdf").write_bytes(pdf(page("Something else.")))
    result = json.loads(run("ask", "--index", files.parent / "index", QUESTION, "-m", "lexical", "--json").stdout)
    assert [(fault["kind"], fault["source"]) for fault in result["faults"]] == [("outdated", str(files / "museum.pdf"))]
    assert "1962" in result["answer"]["text"]
    assert result["answer"]["citations"][0]["boxes"] == []


def test_a_file_that_the_index_does_not_vouch_for_is_not_opened(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    known = {str(tmp_path / "a.txt"): sha256(tmp_path / "a.txt"), str(tmp_path / "b.txt"): "0" * 64}
    (tmp_path / "b.txt").write_text("b")
    faults = vouched([str(tmp_path / name) for name in ("a.txt", "b.txt", "c.txt")], known)
    assert [fault.source[-5:] for fault in faults] == ["b.txt", "c.txt"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("search", "nowhere", QUESTION), "holds no index"),
        (("ask", "--index", "nowhere", QUESTION), "holds no index"),
        (("ask", "file.pdf", "--index", "nowhere", QUESTION), "ask either"),
        (("index", ".", "--out", "index", "--retriever", "colpali"), "needs a model"),
        (("index", "nothing-here", "--out", "index"), "does not exist"),
        (("index", ".", "--out", "index", "--model", "some/model"), "has no use for model='some/model'"),
        (("search", "nowhere", " "), "query is empty"),
    ],
)
def test_mistakes_are_named_in_a_line(args, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*args)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_without_anything_to_index_is_said_so(tmp_path):
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    done = run("index", tmp_path / "broken.pdf", "--out", tmp_path / "index")
    assert done.exit_code == 3
    assert "broken.pdf" in done.stderr


def test_an_index_stays_what_it_is(files):
    index(files, "lexical")
    done = index(files, "colpali")
    assert done.exit_code == 2
    assert "'lexical', not 'colpali'" in done.stderr


def test_an_index_of_another_model_says_which(files):
    index(files, "colpali")
    done = index(files, "colpali", "--model", tiny_colpali.folder("colqwen2"))
    assert done.exit_code == 2
    assert "was made with model='tiny-" in done.stderr


def test_a_model_that_has_moved_is_told_once(files, tmp_path):
    shutil.copytree(tiny_colpali.folder("colmodernvbert"), tmp_path / "before")
    run("index", files, "--out", tmp_path / "index", "--retriever", "colpali", "--model", tmp_path / "before")
    (tmp_path / "before").rename(tmp_path / "after")
    assert run("search", tmp_path / "index", QUESTION).exit_code == 4
    assert run("search", tmp_path / "index", QUESTION, "--model", tmp_path / "after").exit_code == 0
    assert run("index", files, "--out", tmp_path / "index", "--model", tmp_path / "after").exit_code == 0
    assert run("search", tmp_path / "index", QUESTION).exit_code == 0


def test_a_damaged_manifest_is_refused(tmp_path):
    write_manifest(tmp_path, Manifest("lexical"))
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content.replace(b"lexical", b"colpali", 2))
    with pytest.raises(Unreadable):
        read_manifest(tmp_path)


def test_what_cannot_be_written_leaves_the_old_state(files, monkeypatch):
    index(files, "lexical")
    before = read_manifest(files.parent / "index")
    made = PageIndex.create(files.parent / "index")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rag_reasoner.retrieve.index.manifest.write_sealed", full)
    with pytest.raises(StoreError, match="No space left"):
        made.update(made.changes([]), [])
    assert read_manifest(files.parent / "index") == before


def test_an_index_without_its_model_is_refused(tmp_path):
    write_manifest(tmp_path, Manifest("colpali"))
    with pytest.raises(InvalidInput, match="names no model"):
        PageIndex.open(tmp_path)
