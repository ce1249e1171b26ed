"""Files and folders become documents, in order, and what cannot be read costs nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as pillow
from small_pdf import Page, pdf, text

from rag_reasoner.errors import InvalidInput, MissingExtra
from rag_reasoner.pages import read
from rag_reasoner.pages.reading import Progress

EXAMPLES = Path(__file__).parent.parent / "examples" / "pdfs"


@pytest.fixture
def folder(tmp_path):
    """One file of each kind, and some that are none of ours."""
    (tmp_path / "b.pdf").write_bytes(pdf(Page(text("first page")), Page(text("second page"))))
    (tmp_path / "a.md").write_text("# Title\n\nwords", encoding="utf-8")
    (tmp_path / "deep").mkdir()
    pillow.new("RGB", (40, 30), "red").save(tmp_path / "deep" / "c.png")
    (tmp_path / "deep" / "notes.docx").write_bytes(b"PK")
    (tmp_path / ".hidden.txt").write_text("not mine")
    return tmp_path


def ids(reading):
    return [document.id for document in reading.documents]


def test_a_folder_gives_its_files_in_a_fixed_order(folder):
    reading = read(folder)
    assert ids(reading) == ["a.md", "b.pdf#p1", "b.pdf#p2", "c.png"]
    assert (reading.files, reading.skipped, reading.unread) == (3, 1, ())


def test_a_page_knows_where_it_comes_from(folder):
    page = read(folder / "b.pdf").documents[1]
    assert (page.text, page.page, page.source) == ("second page", 2, str(folder / "b.pdf"))
    assert (page.image.path, page.image.page) == (str(folder / "b.pdf"), 2)
    assert len(page.image.sha256) == 64
    assert page.metadata == {"pages": 2}


def test_files_of_one_name_are_told_apart(tmp_path):
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "r.pdf").write_bytes(pdf(Page(text(place))))
    assert ids(read(tmp_path)) == ["x/r.pdf#p1", "y/r.pdf#p1"]
    both = ids(read([tmp_path / "x" / "r.pdf", tmp_path / "y" / "r.pdf"]))
    assert both == [f"{tmp_path / place / 'r.pdf'}#p1" for place in ("x", "y")]


def test_a_file_named_twice_is_read_once(folder):
    assert ids(read([folder / "a.md", folder, folder / "a.md"])) == ["a.md", "b.pdf#p1", "b.pdf#p2", "c.png"]


def test_reading_twice_gives_the_same(folder):
    assert read(folder) == read(folder)


@pytest.mark.parametrize("name", ["missing.pdf", "nul\0.pdf", "x" * 5000])
def test_a_missing_path_is_named(tmp_path, name):
    with pytest.raises(InvalidInput, match="does not exist"):
        read(str(tmp_path / name))


@pytest.mark.parametrize("name", ["missing.pdf", "nul\0.pdf", "empty"])
def test_a_missing_path_or_an_empty_folder_costs_nothing_else(folder, name):
    (folder / "empty").mkdir()
    reading = read([folder / "a.md", str(folder / name)])
    assert ids(reading) == ["a.md"]
    assert [
        (one.source, "does not exist" in one.reason or "nothing to read" in one.reason) for one in reading.unread
    ] == [(str(folder / name), True)]


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / "x.pdf").mkdir()
    with pytest.raises(InvalidInput, match=r"x\.pdf' has nothing to read"):
        read(tmp_path / "x.pdf")


def test_no_path_at_all_is_said():
    with pytest.raises(InvalidInput, match="no path"):
        read([])


BAD = {
    "empty.pdf": (b"", "empty"),
    "prose.pdf": (b"no PDF at all", "not a PDF"),
    "cut.pdf": (pdf(Page(text("x")))[:200], "too damaged"),
    "none.pdf": (pdf(), "no pages"),
    "empty.txt": (b"", "empty"),
    "binary.txt": (b"\x7fELF\0\0\1\2", "binary"),
    "garbage.md": (bytes(range(128, 160)) * 4, "neither UTF-8"),
    "controls.txt": (b"\x01\x02\x03\x04 words", "binary"),
    "eps.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "none of PNG"),
    "cut.png": (b"\x89PNG\r\n\x1a\n\0\0", "too damaged"),
    "report.docx": (b"PK", "of this kind"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_told_by_name_and_reason_and_the_others_are_read(folder, name):
    data, reason = BAD[name]
    (folder / name).write_bytes(data)
    reading = read([folder / name, folder])
    assert [one.source for one in reading.unread] == [str(folder / name)]
    assert reason in reading.unread[0].reason
    assert ids(reading) == ["a.md", "b.pdf#p1", "b.pdf#p2", "c.png"]
    assert [fault.kind for fault in reading.faults] == ["unread", "no_text"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
@pytest.mark.parametrize("name", ["a.md", "b.pdf", "deep/c.png"])
def test_a_file_that_may_not_be_read_is_told(folder, name):
    (folder / name).chmod(0)
    assert "ermission denied" in read(folder).unread[0].reason


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
@pytest.mark.parametrize("name", ["pipe.pdf", "pipe.txt", "pipe.png"])
def test_a_pipe_is_not_waited_for(folder, name):
    os.mkfifo(folder / name)
    reading = read(folder)
    assert [one.reason for one in reading.unread] == ["it is not a regular file"]


def test_a_link_does_not_lead_out_of_a_folder(folder, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
    secret.write_text("secret")
    (folder / "z.txt").symlink_to(secret)
    reading = read(folder)
    assert "leads out of the folder" in reading.unread[0].reason
    assert all("secret" not in document.text for document in reading.documents)
    assert read(folder / "z.txt").documents[0].text == "secret"


def test_text_that_is_not_unicode_is_flagged(tmp_path):
    (tmp_path / "old.txt").write_bytes("café – naïve".encode("cp1252"))
    (document,) = read(tmp_path).documents
    assert (document.text, document.metadata["encoding"]) == ("café – naïve", "cp1252")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_byte_order_marks_do_not_reach_the_text(tmp_path, encoding):
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    (tmp_path / "t.txt").write_bytes((mark + "naïve\r\nwords").encode(encoding))
    (document,) = read(tmp_path).documents
    assert (document.text, document.metadata) == ("naïve\nwords", {})


def test_pages_beyond_the_limit_are_told(tmp_path):
    (tmp_path / "long.pdf").write_bytes(pdf(*[Page(text(f"page {n}")) for n in range(5)]))
    reading = read(tmp_path, max_pages=2)
    assert len(reading.documents) == 2
    assert "pages 3 to 5 were left out: only 2 are read" in str(reading.unread[0])


def test_a_page_without_text_is_kept_and_told(tmp_path):
    (tmp_path / "s.pdf").write_bytes(pdf(Page(b"1 0 0 rg 0 0 300 300 re f"), Page(text("words")), Page()))
    reading = read(tmp_path, ocr=False)
    scan, words, blank = reading.documents
    assert (scan.metadata["no_text"], words.metadata, blank.metadata["blank"]) == (True, {"pages": 3}, True)
    assert reading.without_text == (scan,)
    assert [fault.kind for fault in reading.faults] == ["no_text"]


def test_ocr_that_is_not_installed_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("rag_reasoner.pages.ocr.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"rag-reasoner\[ocr\]"):
        read(tmp_path, ocr=True)


def test_the_pages_of_a_tiff_are_documents(tmp_path):
    frames = [pillow.new("RGB", (20, 10), colour) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / "fax.tif", save_all=True, append_images=frames[1:])
    reading = read(tmp_path, ocr=False)
    assert ids(reading) == ["fax.tif#p1", "fax.tif#p2", "fax.tif#p3"]
    assert reading.documents[1].image.page == 2


def test_progress_is_told_page_by_page(folder):
    told = []
    read(folder, progress=told.append)
    assert [one for one in told if one.file == 2] == [Progress(str(folder / "b.pdf"), 2, 3, page, 2) for page in (1, 2)]


def test_line_ends_and_broken_surrogates_are_cleaned(tmp_path):
    (tmp_path / "l.pdf").write_bytes(pdf(Page(text("one") + text("two", y=600))))
    assert read(tmp_path).documents[0].text == "one\ntwo"


def test_the_example_pdfs_are_read_whole():
    reading = read(sorted(EXAMPLES.glob("*.pdf")))
    assert len(reading.documents) == 138
    assert not reading.unread
    assert "\r" not in "".join(document.text for document in reading.documents)


def test_text_that_nobody_sees_is_found_in_an_example():
    (page,) = (d for d in read(EXAMPLES).documents if d.id == "opm-fy2019-annual-performance-report.pdf#p11")
    assert [page.text[start:end] for start, end in page.metadata["hidden_text"]] == ["OPM’s Strategic"]


def test_importing_the_worker_loads_nothing_heavy():
    code = "import sys, rag_reasoner.pages.worker; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pydantic", "PIL", "torch", "bm25s", "httpx", "dataclasses", "pypdfium2"} & set(loaded)
